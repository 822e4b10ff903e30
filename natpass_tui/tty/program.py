"""A program on an agent that uses the user's own terminal: carries bytes between a link and two streams, and sizes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from natpass_tui.links.long_request import LongRequest
from natpass_tui.links.streams import ByteSource, Sink
from natpass_tui.tty.escape import Escape, EscapeAction
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.shell_pb2 import ShellData, ShellResize

#: 128 + HUP, INT, PIPE: a shell's exit status for a program ended by that signal.
HUNG_UP, INTERRUPTED, BROKEN_PIPE = 129, 130, 141
#: The most bytes of one read from the terminal.
_READ_BYTES = 64 * 1024
#: Bytes that may wait to be sent. We read the terminal even if nothing can be sent, to find the escape.
MOST_WAITING_INPUT = 1024 * 1024


class TtyProgram:
    """A program that runs on an agent.

    Args:
        link: the accepted link to the agent.
        source: the typed input.
        sink: takes the program's output.
        size: returns the terminal's size, (rows, cols).
        notices: takes our own messages to the user; None without a terminal for them.
        asked: called with each request of the user, except to leave.
        request: the rest of the request, which is sent first.
    """

    def __init__(
        self,
        link: Link,
        source: ByteSource,
        sink: Sink,
        size: Callable[[], tuple[int, int]],
        *,
        notices: Sink | None = None,
        asked: Callable[[EscapeAction], None] = lambda _: None,
        request: bytes = b"",
    ) -> None:
        self._link = link
        self._source = source
        self._sink = sink
        self._size = size
        self._notices = notices
        self._asked = asked
        self._request = LongRequest(request)
        #: Held while writing to the terminal, and while it is given away.
        self.writing = asyncio.Lock()
        self._escape = Escape()
        self._input = bytearray()
        self._sizes = [size()]  # to send to the program, in this order
        self._to_send = asyncio.Event()
        self._to_send.set()
        self._has_room = asyncio.Event()
        self._over: asyncio.Future[End | int] = asyncio.get_running_loop().create_future()
        self._unanswered_since: float | None = None  # typed input, or the last part of it that was answered
        self._sent = self._answered = 0  # messages
        #: Bytes carried: typed, and shown.
        self.bytes_in = 0
        self.bytes_out = 0

    async def run(self) -> End | int:
        """Run until the program ends or is given up; return the link's end, or the exit status of giving up."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._receive(), name="tty output"),
                    group.create_task(self._read(), name="tty input"),
                    group.create_task(self._send(), name="tty sending"),
                ]
                await asyncio.wait([self._over])
                for task in tasks:
                    task.cancel()
        finally:
            self._link.close()
        return self._over.result()

    def resize(self) -> None:
        """Tell the program that the terminal's size has changed."""
        self._sizes = [self._size()]
        self._to_send.set()

    def unanswered(self) -> float:
        """Return for how many seconds typed input had no answer from the agent: 0.0 without any, or if unknown."""
        now = asyncio.get_running_loop().time()
        answered = self._sent - (self._link.unacknowledged or 0)
        if answered == self._sent and not self._input:
            self._unanswered_since = None
        elif answered > self._answered and self._unanswered_since is not None:
            self._unanswered_since = now
        self._answered = max(answered, self._answered)
        return now - self._unanswered_since if self._unanswered_since is not None else 0.0

    def redraw(self) -> None:
        """Have the program redraw its screen: most do when their size changes."""
        rows, cols = self._size()
        self._sizes = [(max(rows - 1, 1), cols), (rows, cols)]
        self._to_send.set()

    async def say(self, data: bytes) -> None:
        """Write our own output to the terminal, between two pieces of the program's.

        If the terminal is gone, nothing is written; the program is given up if its output went there.
        """
        if self._notices is not None:
            async with self.writing:
                try:
                    await self._sink.flush()
                except OSError as error:
                    self._cannot_write(error)
                    return
                with suppress(OSError):
                    await self._notices.write(data)
                    await self._notices.flush()

    def stop(self, status: int) -> None:
        """Give the program up: the agent ends it. `run` returns this status."""
        self._end(status)

    def _end(self, how: End | int) -> None:
        if not self._over.done():
            self._over.set_result(how)

    async def _receive(self) -> None:
        """Write the program's output; ask for a batch, which gives credit, when the last but one is written."""
        try:
            while True:
                if not self._link.has_unread:
                    await self._sink.flush()
                batch = await self._link.receive_batch()
                data = b"".join(message.sdata.data for message in batch if message.type == MsgType.shell_data)
                async with self.writing:
                    await self._sink.write(data)
                self.bytes_out += len(data)
        except LinkEndedError as error:
            self._end(error.end)  # has_unread is false then: everything is written
        except OSError as error:
            self._cannot_write(error)

    def _cannot_write(self, error: OSError) -> None:
        """Give the program up: the output's reader or the terminal is gone."""
        self._end(BROKEN_PIPE if isinstance(error, BrokenPipeError) else HUNG_UP)

    async def _read(self) -> None:
        """Read the typed input."""
        try:
            while data := await self._source.read(_READ_BYTES):
                passed, asked = self._escape.feed(data)
                if passed and not self.unanswered():
                    self._unanswered_since = asyncio.get_running_loop().time()
                self._input += passed
                self._to_send.set()
                for each in asked:
                    if each is EscapeAction.LEAVE:
                        self._end(INTERRUPTED)
                        return
                    self._asked(each)
                while len(self._input) > MOST_WAITING_INPUT:
                    self._has_room.clear()
                    await self._has_room.wait()
        except OSError:
            pass
        self._end(HUNG_UP)

    async def _send(self) -> None:
        """Send the rest of the request, and then the typed input and sizes."""
        try:
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                while self._request or self._sizes or self._input:
                    most = await self._link.room()
                    self._sent += 1
                    if self._request:
                        self._link.put(self._request.take(most))
                        continue
                    if self._sizes:
                        rows, cols = self._sizes.pop(0)
                        self._link.put(Msg(type=MsgType.shell_resize, sresize=ShellResize(rows=rows, cols=cols)))
                        continue
                    data = bytes(self._input[:most])
                    del self._input[:most]
                    self._has_room.set()
                    self._link.put(Msg(type=MsgType.shell_data, sdata=ShellData(data=data)))
                    self.bytes_in += len(data)
        except LinkEndedError:
            return  # `_receive` reports the reason
