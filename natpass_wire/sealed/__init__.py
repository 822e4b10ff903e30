"""Sealed links: what console and agent send each other, hidden from the relay. No I/O; design: docs/sealing.md.

- `noise`: the state machine of the Noise protocol framework, with the functions that we use.
- `handshake`: our handshake, step by step, for the two ends of a link.
- `transport`: seals and opens the records of a link whose handshake is done.
"""
