"""Streams: the state that both ends of a link keep, so that it goes on over the next connection. No I/O.

Glossary, in addition to that of `natpass_wire`:

- **stream**: a link of our programs that outlives connections; known by its opener, its target and a **stream id**.
- **record**: one serialised `StreamRecord` (`records`); a **transport** (`transport`) turns it into the bytes that
  travel, and back. Sealing is such a transport.
- **position**: how many **units** came before a record in its direction; a record counts its content's bytes and
  `RECORD_UNITS` more.
- **consumed**: the receiver's program is done with it; only then does its sender forget it.
- **credit**: what the receiver accepts beyond what it has consumed; bounds memory (`receiver`).
- **urgent**: a message that overtakes all others; few and small, since it needs no credit (`urgent`).
- **pace**: the most that the sender may have on its way; bounds delay (`pace`).
- **attached**: a link carries the stream now; otherwise it is **detached**.

`core.StreamCore` is one end; `fair` decides whose record a connection sends next. docs/streams.md has the states.
"""

#: The version of streams that we speak.
VERSION = 1
