"""Sealed links: what console and agent say to each other, past the relay. Without I/O; docs/sealing.md has the design.

- `noise`: the state machine of the Noise protocol framework, with the functions that we use.
- `handshake`: ours of it, step by step, for the two ends of a link.
- `transport`: seals and opens the records of a link whose handshake is done.
"""
