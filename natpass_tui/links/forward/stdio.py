"""A channel between stdin and stdout: bytes exact, at the pace of the slower, each half closed on its own."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from natpass_tui.links.outcome import FAILED, Counts, Outcome
from natpass_tui.links.streams import ByteSource, Sink
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.channels.events import Endpoint
from natpass_wire.pb.forward_pb2 import ChannelRefused

#: The most bytes of one read.
_READ_BYTES = 64 * 1024


class StdioChannel:
    """One channel.

    Args:
        link: the link.
        source: what to send.
        sink: where to write what comes.
        close: closes the sink, once everything is written.
    """

    def __init__(self, link: ChannelLink, source: ByteSource, sink: Sink, close: Callable[[], None]) -> None:
        self._link = link
        self._source = source
        self._sink = sink
        self._close = close
        self._channel = 0
        self._queue: deque[bytes] = deque()  # within the channel's window
        self._has_ended = False
        self._open_halves = 2
        self._over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._given_up: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._came = asyncio.Event()
        self._space = asyncio.Event()
        self.counts = Counts()

    async def run(self, endpoint: Endpoint) -> Outcome:
        """Carry bytes until both halves are closed, or the connection is over; return how that was.

        Raises:
            OSError: stdin or stdout failed (BrokenPipeError: the reader is gone).
        """
        self._channel = self._link.begin(self, endpoint)
        try:
            async with asyncio.TaskGroup() as group:
                up = group.create_task(self._send(), name="connect stdin")
                down = group.create_task(self._write(), name="connect stdout")
                how = await self._over
                if not how.status:
                    how = await self._delivered(group)
                up.cancel()
                down.cancel()
        except BaseExceptionGroup as errors:
            failed, others = errors.split(OSError)
            if others is None and failed is not None:
                raise failed.exceptions[0] from None
            raise
        finally:
            self._link.reset(self._channel, "the console has gone")
        return how

    def stop(self, status: int) -> None:
        """Give up, with this exit status."""
        self._finish(Outcome(status))
        if not self._given_up.done():
            self._given_up.set_result(Outcome(status))

    # the channel

    def opened(self, host: str, port: int) -> None:
        """Take note that it is connected: its bytes are on their way."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """Give up."""
        self._finish(Outcome(FAILED, text or "refused"))

    def received(self, data: bytes) -> None:
        """Keep bytes for stdout."""
        self._queue.append(data)
        self._came.set()

    def ended(self) -> None:
        """Take note that nothing more comes."""
        self._has_ended = True
        self._came.set()

    def was_reset(self, text: str) -> None:
        """Give up."""
        self._finish(Outcome(FAILED, text or "connection reset"))

    def writable(self) -> None:
        """Send on."""
        self._space.set()

    def _finish(self, how: Outcome) -> None:
        if not self._over.done():
            self._over.set_result(how)

    async def _delivered(self, group: asyncio.TaskGroup) -> Outcome:
        """Wait for the last bytes to arrive: who closes a link gives up what is on its way."""
        delivered = group.create_task(self._link.delivered(self._channel), name="connect delivered")
        waits_for: set[asyncio.Future[Any]] = {delivered, self._given_up}
        try:
            await asyncio.wait(waits_for, return_when=asyncio.FIRST_COMPLETED)
            if self._given_up.done():
                return self._given_up.result()
            return Outcome(0) if delivered.result() else Outcome(FAILED, "the link ended before all had arrived")
        finally:
            delivered.cancel()

    async def _send(self) -> None:
        while data := await self._source.read(_READ_BYTES):
            at = 0
            while at < len(data):
                self._space.clear()
                while not (space := self._link.space(self._channel)):
                    await self._space.wait()
                    self._space.clear()
                piece = data[at : at + space]
                self._link.write(self._channel, piece)
                at += len(piece)
                self.counts.bytes_in += len(piece)
        self._link.end(self._channel)
        self._half_ended()

    async def _write(self) -> None:
        while True:
            while self._queue:
                data = self._queue.popleft()
                await self._sink.write(data)
                self.counts.bytes_out += len(data)
                self._link.consumed(self._channel, len(data))
            if self._has_ended:
                break
            self._came.clear()
            await self._came.wait()
        await self._sink.flush()
        self._close()
        self._half_ended()

    def _half_ended(self) -> None:
        self._open_halves -= 1
        if not self._open_halves:
            self._finish(Outcome(0))
