"""Tests of natpass_wire.aio: real sockets, on uvloop and on the loop of asyncio."""
