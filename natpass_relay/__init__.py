"""The relay: the program that agents and consoles dial out to, and that forwards frames between them.

Modules, by what they may touch:

- PURE (no sockets, no clock, no randomness): `clients` the logged-in clients, `routing` which message goes where,
  `fastpath` the same for frames that look like earlier ones, `admission` who may log in under which id, `roster` the
  list of agents for consoles, `round_trips` how far away agents are.
- I/O: `connection` one client's socket, `forwarding` the frames from it, `server` all of them, `cli` the command.
"""
