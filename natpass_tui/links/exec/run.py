"""The run of a command without a terminal, from login to exit status."""

import asyncio

from natpass_tui.links.exec.program import ExecProgram
from natpass_tui.links.exec.request import RemoteCommand
from natpass_tui.links.long_request import refusal_of
from natpass_tui.links.outcome import INTERRUPTED, Counts, Outcome
from natpass_tui.links.run import QUIET_SECONDS, Run
from natpass_tui.links.streams import Filtered, Reader, outputs
from natpass_tui.login import PROGRAM, says
from natpass_wire.aio.link import Link
from natpass_wire.pb.link_pb2 import ConnectRequest


class ExecRun(Run):
    """The run of a command without a terminal.

    Args:
        agent: the agent's id.
        request: the command.
        raw: do not filter output to our terminal.
    """

    def __init__(self, agent: str, request: RemoteCommand, *, raw: bool = False) -> None:
        super().__init__(agent, request.argv)
        self._asked = request
        self._raw = raw
        self._program: ExecProgram | None = None

    def _request(self) -> ConnectRequest:
        return self._asked.message()

    def _refused(self, reason: str) -> str:
        return super()._refused(refusal_of(reason, len(self._asked.following())))

    def _counts(self) -> Counts:
        return self._program.counts if self._program is not None else Counts()

    async def _carry(self, link: Link) -> Outcome:
        out, err = outputs(raw=self._raw)
        asked = self._asked
        self._program = ExecProgram(link, Reader(0), out, err, asked.timeout, request=asked.following())
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(_tell_waiting(link, self._agent), name="exec waiting")
            try:
                return await self._program.run()
            finally:
                telling.cancel()
                for sink in (out, err):
                    if isinstance(sink, Filtered):
                        await sink.finish()

    def _stop(self, status: int) -> bool:
        """Handle a signal: the first interrupt goes to the command, any other ends it and us."""
        if self._program is None:
            return False
        if status == INTERRUPTED:
            self._program.interrupt()
        else:
            self._program.stop(status)
        return True


async def _tell_waiting(link: Link, agent: str) -> None:
    """Show on a terminal that the agent can't be reached, while that is so."""
    changed = asyncio.Event()
    link.watch(changed.set)
    loop = asyncio.get_running_loop()

    def text() -> str:
        seconds = loop.time() - link.detached.since if link.detached is not None else 0.0
        return f"{PROGRAM}: connection lost, waiting for {agent} … {seconds:.0f} s"

    while True:
        while link.detached is None:
            changed.clear()
            await changed.wait()
        with says(text, after=QUIET_SECONDS):
            while link.detached is not None:
                changed.clear()
                await changed.wait()
