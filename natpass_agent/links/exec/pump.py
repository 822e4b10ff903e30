"""Moves bytes between a link and a process, as fast as the slower of the two."""

# Why: docs/decisions/032-when-a-command-has-ended.md

import asyncio
import logging
from functools import partial

from natpass_agent.links.feeding import STALLED_SECONDS, StalledError, feed
from natpass_agent.links.request import end_text
from natpass_agent.platform.processes import Output, Process
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ExecOutput
from natpass_wire.pb.link_pb2 import LinkEnd

log = logging.getLogger(__name__)

_STREAMS = {Output.STDOUT: ExecOutput.STDOUT, Output.STDERR: ExecOutput.STDERR}
#: Seconds to flush the output of a command that timed out; its opener may not read.
_LAST_WORDS_SECONDS = 1.0


async def carry(
    link: Link, process: Process, timeout: float | None = None, *, stalled_seconds: float = STALLED_SECONDS
) -> None:
    """Carry bytes until the command or the link has ended, or the command times out; then the link has ended.

    The command's exit status is sent after the last of its output.

    Args:
        link: the link.
        process: the command. It may still run when the link has ended, but not after its timeout.
        timeout: seconds that the command may take.
        stalled_seconds: see `feeding`.
    """
    link.on_urgent(partial(_signal, process))
    async with asyncio.TaskGroup() as group:
        fed = group.create_task(_input(link, process, stalled_seconds), name="exec input")
        ran = group.create_task(_outputs(link, process), name="exec outputs")
        gone = group.create_task(link.ended(), name="exec link")
        tasks = {fed, ran, gone}
        over, _ = await asyncio.wait({ran, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not over:
            await process.end()
            await asyncio.wait({ran, gone}, timeout=_LAST_WORDS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            link.close(f"timed out after {timeout:g} s", LinkEnd.TIMED_OUT)
        elif ran.done() and ran.exception() is None:
            link.close(end_text(process.status), LinkEnd.EXITED, process.status)
        for task in tasks:
            task.cancel()


def _signal(process: Process, message: Msg) -> None:
    """Send the command the requested signal, even while it reads no input."""
    if message.type == MsgType.exec_signal:
        process.signal(message.exec_signal.number)


async def _outputs(link: Link, process: Process) -> None:
    """Send the command's output until it has ended and everything is sent."""
    async with asyncio.TaskGroup() as group:
        for output in Output:
            group.create_task(_output(link, process, output), name=f"exec {output.name}")
    await process.exited()


async def _output(link: Link, process: Process, output: Output) -> None:
    """Send what the command writes to one pipe; read nothing while the network takes nothing."""
    stream = _STREAMS[output]
    try:
        while data := await process.read(output, await link.room()):
            await link.send(Msg(type=MsgType.exec_output, exec_output=ExecOutput(data=data, stream=stream)))
    except LinkEndedError:
        return  # the task that waits for the link's end cleans up


async def _input(link: Link, process: Process, stalled_seconds: float) -> None:
    """Give the command its input; take nothing from the link while the command takes nothing."""
    try:
        while True:
            message = await link.receive()
            match message.type:
                case MsgType.exec_input:
                    await feed(link, process.write, message.exec_input.data, stalled_seconds)
                    if message.exec_input.eof:
                        process.close_input()
                case MsgType.exec_signal:  # a queued one
                    _signal(process, message)
                case _:
                    log.debug("an exec link ignores a %s message", message.type)
    except LinkEndedError:
        return
    except StalledError as error:
        link.close(str(error), LinkEnd.FAILED)
