"""A network between two programs that cuts connections, is slow, or fails: TCP proxies on loopback.

- `plan`: decides from a seed which connection is cut, when and how; pure.
- `line`: a line with a rate, a delay and a queue; pure, the clock is passed in.
- `journal`: what happened, and how long bytes took to flow again.
- `proxy`: the proxy itself, in a thread with its own event loop; `python -m tests.support.network` runs one as a
  process, for measurements that must not share an interpreter with it.

Forwarded data keeps its order and is complete up to the cut of its connection.
"""
