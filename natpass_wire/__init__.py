"""What both ends of a natpass socket have to agree on.

Glossary (one word for one thing, here and in the three programs):

- **relay**: the program that everyone dials out to; it forwards frames.
- **client**: whoever is logged in at a relay, known by its **client id**. An *agent* serves links, a *console*
  opens them; a client that logged in with an older dialect is a *legacy* client and may do both.
- **frame**: size, crc32 and one protobuf message, on a socket (`frame`).
- **envelope**: the addressing fields of that message (`envelope`).
- **link**: a virtual connection between two clients under one link id, opened by its *opener* towards its *target*
  (`links`). Its **kind** is what it carries: shell, desktop, ...
- **stream**: a link of our own programs that outlives connections (`stream`); a **plain link** ends with its own.
- **roster**: the relay's list of connected agents, as consoles see it (`roster`).

Modules here are sans-IO: they take values and return values; time, randomness and ids are arguments. The two
exceptions are packages of their own: `aio` (sockets) and `program` (options, config and log files of the programs).
"""
