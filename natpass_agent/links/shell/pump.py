"""Moves bytes between a link and a pty, as fast as the slower of the two."""

import asyncio
import logging

from natpass_agent.links.feeding import STALLED_SECONDS, StalledError, feed
from natpass_agent.links.request import end_text
from natpass_agent.links.shell.askers import Askers
from natpass_agent.links.shell.moments import VALID_SECONDS, Moments
from natpass_agent.links.shell.request import resize_of
from natpass_agent.links.shell.text import TextPieces
from natpass_agent.platform.pty import READ_BYTES, Pty
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData

log = logging.getLogger(__name__)


class _Reactions:
    """Decides whether the program may get input that reacts to its terminal's output."""

    def __init__(self, pty: Pty, valid_seconds: float) -> None:
        self._pty = pty
        self._askers = Askers()
        self.moments = Moments(valid_seconds)

    def output(self, data: bytes, now: float, *, drained: bool) -> int:
        """Record output; return where to cut it, so that reactions tell which part they are to; 0 for no cut."""
        group = self._pty.foreground_group
        self.moments.read(len(data), group, now, drained=drained)
        return self._askers.read(data, group, self._collected(group) if self._askers.counts(group) else None)

    def typed(self, data: bytes) -> None:
        """Record input that is about to be typed."""
        if b"\r" in data or b"\n" in data:
            group = self._pty.foreground_group
            self._askers.line_given(group, self._collected(group), self._pty.input_mode)

    def takes(self, message: ShellData, now: float) -> bool:
        """Tell whether the foreground program may get this."""
        group = self._pty.foreground_group
        is_answer = message.source == ShellData.ANSWER
        if is_answer:
            mode = self._pty.input_mode
            is_alone = self._pty.is_alone(group) if group is not None and self._askers.doubts(group, mode) else None
            if self._askers.is_for_another(message.seen, group, mode, message.data, is_alone=is_alone):
                return False
        if not self.moments.takes(message.source, message.seen, group, now):
            return False
        if is_answer:
            self._askers.answered(group)
        return True

    def _collected(self, group: int | None) -> int | None:
        return None if group is None else self._pty.collected(group)


async def carry(
    link: Link,
    pty: Pty,
    timeout: float | None = None,
    *,
    stalled_seconds: float = STALLED_SECONDS,
    valid_seconds: float = VALID_SECONDS,
    text: TextPieces | None = None,
) -> None:
    """Carry bytes until the program or the link has ended; then the link has ended, and the program may still run.

    The program's exit status is sent after the last of its output.

    Args:
        link: the link to the console.
        pty: the program's pty.
        timeout: seconds that the program may take.
        stalled_seconds: see `natpass_agent.links.feeding`.
        valid_seconds: seconds for which the program gets input that nobody typed, see `Moments`.
        text: makes valid UTF-8 of the output; None if it is sent as it is.
    """
    reactions = _Reactions(pty, valid_seconds)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_output(link, pty, reactions, text), name="shell output"),
            group.create_task(_Input(link, pty, reactions, stalled_seconds, valid_seconds).carry(), name="shell input"),
            group.create_task(link.ended(), name="shell link"),
        ]
        over, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not over:
            link.close(f"timed out after {timeout:g} s", LinkEnd.TIMED_OUT)
        for task in tasks:
            task.cancel()


async def _output(link: Link, pty: Pty, reactions: _Reactions, text: TextPieces | None) -> None:
    """Send the program's output; read nothing while the network takes nothing."""
    now = asyncio.get_running_loop().time
    last = now()
    try:
        while True:
            room = await link.room()
            most = min(room if text is None else text.input_for(room), READ_BYTES)
            if pty.unread != 0:
                reactions.moments.reads_on(last, now())
            data = await pty.read(most)
            last = now()
            cut = reactions.output(data, last, drained=len(data) < most) if data else 0
            for part in (data[:cut], data[cut:]) if cut else (data,):
                if piece := part if text is None else text.feed(part):
                    if cut:  # there are two, and there was room for one
                        await link.room()
                    link.put(Msg(type=MsgType.shell_data, sdata=ShellData(data=piece)))
            if not data:
                break
    except LinkEndedError:
        return
    link.close(end_text(pty.status), LinkEnd.EXITED, pty.status)


class _Input:
    """Gives the program its input; takes nothing from the link while the program takes nothing."""

    def __init__(
        self, link: Link, pty: Pty, reactions: _Reactions, stalled_seconds: float, valid_seconds: float
    ) -> None:
        self._link = link
        self._pty = pty
        self._reactions = reactions
        self._stalled_seconds = stalled_seconds
        self._valid_seconds = valid_seconds
        self._now = asyncio.get_running_loop().time

    async def carry(self) -> None:
        """Carry until the link has ended."""
        try:
            while True:
                message = await self._link.receive()
                match message.type:
                    case MsgType.shell_data if message.sdata.source == ShellData.TYPED:
                        await self._typed(message.sdata.data)
                    case MsgType.shell_data:
                        await self._not_typed(message.sdata)
                    case MsgType.shell_resize if size := resize_of(message.sresize):
                        self._pty.resize(size)
                    case _:
                        log.debug("a shell link ignores a %s message like this", message.type)
        except LinkEndedError:
            return
        except StalledError as error:
            self._link.close(str(error), LinkEnd.FAILED)

    async def _typed(self, data: bytes) -> None:
        self._reactions.typed(data)
        interrupts = self._pty.interrupts(data)
        await feed(self._link, self._pty.write, data, self._stalled_seconds)
        if interrupts:
            self._reactions.moments.interrupted(self._pty.unread or 0, self._now())

    async def _not_typed(self, message: ShellData) -> None:
        """Give the program input that nobody typed, if it is still in time."""
        data = message.data
        if not data:
            return
        if not self._reactions.takes(message, self._now()):
            log.debug("dropped %d bytes that nobody typed: they are too late", len(data))
            return
        try:
            async with asyncio.timeout(self._valid_seconds):
                taken = await self._pty.write(data)
        except TimeoutError:
            log.debug("dropped %d bytes that nobody typed: the program reads nothing", len(data))
            return
        await feed(self._link, self._pty.write, data[taken:], self._stalled_seconds)  # half of it would be keys
