"""What both ends of a natpass socket have to agree on.

The words are in ARCHITECTURE.md ("Words"), the protocol is in docs/wire.md.

Modules here are sans-IO: they take values and return values; time, randomness and ids are arguments. The two
exceptions are packages of their own: `aio` (sockets) and `program` (options, config and log files of the programs).
"""
