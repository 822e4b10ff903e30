"""Serves commands without a terminal."""

# Why: docs/decisions/038-time-limit-at-the-agent.md

import asyncio
import logging
import signal
from collections.abc import Callable
from functools import partial

from natpass_agent.links.directory import directory
from natpass_agent.links.exec.arriving import Arriving
from natpass_agent.links.exec.pump import carry
from natpass_agent.links.exec.request import ExecRequest, parse
from natpass_agent.links.request import BadRequestError, end_text, logged_as
from natpass_agent.links.running import RunningFor
from natpass_agent.platform.processes import Command, Process, ProcessService, SpawnError
from natpass_agent.platform.programs import NoProgramError, Programs
from natpass_wire.aio.link import IncomingLink, LinkEndedError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: What says which terminal there is: there is none.
_OF_A_TERMINAL = ("TERM", "COLORTERM")
#: Nobody is shown more; a command of 2 MiB is not looked through for a line of `status`.
_MOST_CHARACTERS = 1000


class ExecServer:
    """Runs a command for each link.

    Args:
        processes: starts programs.
        programs: finds them.
        arriving: the requests that come in pieces.
    """

    kind = ConnectRequest.exec

    def __init__(self, processes: ProcessService, programs: Programs, arriving: Arriving | None = None) -> None:
        self._processes = processes
        self._programs = programs
        self.running = RunningFor()
        # Starting takes milliseconds, in which the loop stands still: one at a time, so that others get their turn
        # between two, and those that wait for too long can be answered.
        self._starting = asyncio.Lock()
        self._arriving = Arriving() if arriving is None else arriving

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Start the command, accept the link, and carry bytes until either ends; then neither is left."""
        if refusal := rights.refusal(self.kind):  # a program can't be kept from changing something
            link.refuse(refusal)
            return
        try:
            process, asked = await self._start(link, request.cexec)
        except (BadRequestError, NoProgramError, SpawnError) as error:
            log.info("no command for %s: %s", printable(link.peer), error)
            if link.is_asked:
                link.refuse(str(error))
            else:
                link.close(str(error), LinkEnd.FAILED)
            return
        except LinkEndedError:
            log.debug("%s has given up before its command was started", printable(link.peer))
            return
        try:
            with self.running.noted(link, _line(asked), process.pid):
                if link.is_asked:
                    link.accept()
                await carry(link, process, asked.timeout)
        except LinkEndedError:
            log.debug("%s has given up before it was answered", printable(link.peer))
        finally:
            await process.close()
        why = (link.end and link.end.text) or "its opener closed it"
        log.info("command of %s has ended: %s (pid %d)", printable(link.peer), why, process.pid)

    async def _start(self, link: IncomingLink, request: ConnectExec) -> tuple[Process, ExecRequest]:
        """Start what is asked for; return the process, and what was asked for.

        A request that does not fit into one message is accepted first, and then received.

        Raises:
            BadRequestError, NoProgramError, SpawnError: it can't be started.
            LinkEndedError: the opener has given up.
        """
        if not request.follows:
            return await self._spawn(link, parse(request), lambda: link.is_asked)
        with self._arriving.room(link, request.follows):
            link.accept()
            link.on_urgent(partial(_interrupted, link))  # until there is a command that gets it
            asked = await self._arriving.receive(link, request.follows)
        return await self._spawn(link, asked, lambda: link.end is None)

    async def _spawn(
        self, link: IncomingLink, asked: ExecRequest, is_wanted: Callable[[], bool]
    ) -> tuple[Process, ExecRequest]:
        async with self._starting:
            await asyncio.sleep(0)
            if not is_wanted():  # given up, or answered, while it waited
                raise LinkEndedError(link.end or End(LinkEnd.CLOSED))
            process = await self._processes.spawn(self.command(asked))
        log.info("command for %s: %s (pid %d)", printable(link.peer), logged_as(asked.argv), process.pid)
        return process, asked

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
        cwd = directory(self._programs.home(), asked.cwd)
        path = self._programs.find(asked.argv[0], env, cwd)
        return Command((path, *asked.argv[1:]), env, cwd)


def _line(asked: ExecRequest) -> str:
    """Return a command's first words, for a person."""
    return " ".join(asked.argv)[:_MOST_CHARACTERS]


def _interrupted(link: IncomingLink, message: Msg) -> None:
    """Take a signal for a command that is not there yet: it ends as if it had come at once."""
    number = message.exec_signal.number
    if message.type == MsgType.exec_signal and number in {signal.SIGINT, signal.SIGTERM}:
        link.close(end_text(-number), LinkEnd.EXITED, -number)
