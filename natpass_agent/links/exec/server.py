"""Serves commands without a terminal."""

import asyncio
import logging
from pathlib import Path

from natpass_agent.links.exec.pump import carry
from natpass_agent.links.exec.request import ExecRequest, parse
from natpass_agent.links.request import BadRequestError
from natpass_agent.links.running import RunningFor
from natpass_agent.platform.processes import Command, ProcessService, SpawnError
from natpass_agent.platform.programs import NoProgramError, Programs
from natpass_wire.aio.link import IncomingLink, LinkEndedError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: What says which terminal there is: there is none.
_OF_A_TERMINAL = ("TERM", "COLORTERM")


class ExecServer:
    """Runs a command for each link.

    Args:
        processes: starts programs.
        programs: finds them.
    """

    kind = ConnectRequest.exec

    def __init__(self, processes: ProcessService, programs: Programs) -> None:
        self._processes = processes
        self._programs = programs
        self.running = RunningFor()
        # Starting takes milliseconds, in which the loop stands still: one at a time, so that others get their turn
        # between two, and those that wait for too long can be answered.
        self._starting = asyncio.Lock()

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Start the command, accept the link, and carry bytes until either ends; then neither is left."""
        if refusal := rights.refusal(self.kind):  # a program can't be kept from changing something
            link.refuse(refusal)
            return
        try:
            async with self._starting:
                await asyncio.sleep(0)
                if not link.is_asked:  # given up, or answered, while it waited
                    return
                asked = parse(request.cexec)
                process = await self._processes.spawn(self.command(asked))
        except (BadRequestError, NoProgramError, SpawnError) as error:
            log.info("no command for %s: %s", printable(link.peer), error)
            link.refuse(str(error))
            return
        log.info("command for %s: %s (pid %d)", printable(link.peer), printable(" ".join(asked.argv)), process.pid)
        try:
            with self.running.noted(link, " ".join(asked.argv), process.pid):
                link.accept()
                await carry(link, process, asked.timeout)
        except LinkEndedError:
            log.debug("%s has given up before it was answered", printable(link.peer))
        finally:
            await process.close()
        why = (link.end and link.end.text) or "its opener closed it"
        log.info("command of %s has ended: %s (pid %d)", printable(link.peer), why, process.pid)

    def command(self, asked: ExecRequest) -> Command:
        """Return what to start: the program that is found in the PATH of its own environment.

        Raises:
            BadRequestError: there is no such directory.
            NoProgramError: there is no such program.
        """
        env = self._programs.environment(asked.env)
        for name in _OF_A_TERMINAL:
            if name not in asked.env:
                env.pop(name, None)
        cwd = Path(self._programs.home(), asked.cwd)
        try:
            is_there = cwd.is_dir()
        except OSError as error:  # not ours to look into, a name that is too long
            raise BadRequestError(f"cannot use directory {printable(str(cwd))}: {error.strerror}") from error
        if not is_there:
            raise BadRequestError(f"no such directory: {printable(str(cwd))}")
        path = self._programs.find(asked.argv[0], env, str(cwd))
        return Command((path, *asked.argv[1:]), env, str(cwd))
