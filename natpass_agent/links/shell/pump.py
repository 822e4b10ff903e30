"""Moves bytes between a link and a pty, as fast as the slower of the two."""

import asyncio
import logging

from natpass_agent.links.feeding import STALLED_SECONDS, StalledError, feed
from natpass_agent.links.request import end_text
from natpass_agent.links.shell.request import resize_of
from natpass_agent.links.shell.text import TextPieces
from natpass_agent.platform.pty import Pty
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData

log = logging.getLogger(__name__)


async def carry(
    link: Link, pty: Pty, *, stalled_seconds: float = STALLED_SECONDS, text: TextPieces | None = None
) -> None:
    """Carry bytes until the program or the link has ended; then the link has, and the program may be left.

    The end of the program is sent behind the last of its output.

    Args:
        link: the link.
        pty: the program's terminal.
        stalled_seconds: how long the program may take no input.
        text: makes text of the output; None: it is sent as it is.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_output(link, pty, text), name="shell output"),
            group.create_task(_input(link, pty, stalled_seconds), name="shell input"),
            group.create_task(link.ended(), name="shell link"),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _output(link: Link, pty: Pty, text: TextPieces | None) -> None:
    """Send what the program says; nothing is read from it while the network takes nothing."""
    try:
        while True:
            room = await link.room()
            data = await pty.read(room if text is None else text.input_for(room))
            if piece := data if text is None else text.feed(data):
                await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=piece)))
            if not data:
                break
    except LinkEndedError:
        return
    link.close(end_text(pty.status), LinkEnd.EXITED, pty.status)


async def _input(link: Link, pty: Pty, stalled_seconds: float) -> None:
    """Give the program what comes for it; nothing more is taken from the link while the program takes nothing."""
    try:
        while True:
            message = await link.receive()
            match message.type:
                case MsgType.shell_data:
                    await feed(link, pty.write, message.sdata.data, stalled_seconds)
                case MsgType.shell_resize if size := resize_of(message.sresize):
                    pty.resize(size)
                case _:
                    log.debug("a shell link has no use for a %s message like this", message.type)
    except LinkEndedError:
        return
    except StalledError as error:
        link.close(str(error), LinkEnd.FAILED)
