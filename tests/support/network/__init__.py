"""A network between two programs that loses connections, is slow, or is away: TCP proxies on loopback.

- `plan`: which connection is cut when and how, from a seed; pure.
- `line`: a line of some rate, delay and queue; pure, the clock is passed in.
- `journal`: what happened, and how long bytes took to flow again.
- `proxy`: the proxy itself, in a thread with an event loop of its own; `python -m tests.support.network` runs one as
  a process, for measurements that must not share an interpreter with it.

What is forwarded keeps its order and is complete up to the point where a connection is cut.
"""
