"""Streams: what both ends of a link remember, so that it goes on over the next connection. Without I/O.

Glossary, beside that of `natpass_wire`:

- **stream**: a link of our programs that outlives connections; known by its opener, its target and a **stream id**.
- **record**: what travels: one serialised `StreamRecord` (`records`), turned into other bytes and back by a
  **transport** (`transport`), which is where sealing goes.
- **position**: how many **units** came before a record in its direction; a record counts its content's bytes and
  `RECORD_UNITS` more.
- **consumed**: the receiver's program is done with it; only then its sender forgets it.
- **credit**: what the receiver takes beyond what it has consumed; bounds memory (`receiver`).
- **urgent**: a message that overtakes all others; few and small, since it needs no credit (`urgent`).
- **pace**: what the sender has on its way at most; bounds delay (`pace`).
- **attached**: a link carries the stream now; otherwise it is **detached**.

`core.StreamCore` is one end; `fair` decides whose record a connection sends next. docs/streams.md has the states.
"""

#: The version of streams that we speak.
VERSION = 1
