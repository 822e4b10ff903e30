"""Serves commands without a terminal."""

# Why: docs/decisions/038-time-limit-at-the-agent.md

import signal
from functools import partial

from natpass_agent.links.arriving import Arriving
from natpass_agent.links.directory import directory
from natpass_agent.links.exec import KIND
from natpass_agent.links.exec.pump import carry
from natpass_agent.links.exec.request import AskedCommand, parse, parse_long
from natpass_agent.links.program_server import ProgramServer, Started
from natpass_agent.links.request import end_text
from natpass_agent.platform.processes import ProcessCommand, ProcessService
from natpass_agent.platform.programs import Programs
from natpass_wire.aio.link import IncomingLink
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd

#: Variables that describe a terminal: commands get none of them.
_OF_A_TERMINAL = ("TERM", "COLORTERM")


class ExecServer(ProgramServer):
    """Runs a command for each link.

    Args:
        processes: starts programs.
        programs: finds them.
        arriving: the requests that come in pieces.
    """

    kind = KIND
    noun = "command"

    def __init__(self, processes: ProcessService, programs: Programs, arriving: Arriving | None = None) -> None:
        super().__init__()
        self._processes = processes
        self._programs = programs
        self._arriving = Arriving() if arriving is None else arriving

    async def _start(self, link: IncomingLink, request: ConnectRequest) -> Started:
        asked = await self._asked(link, request.cexec)
        process = await self._in_turn(link, lambda: self._processes.spawn(self.command(asked)))
        return Started(process, asked.argv, partial(carry, link, process, asked.timeout))

    async def _asked(self, link: IncomingLink, request: ConnectExec) -> AskedCommand:
        """Return the request; one that does not fit into one message is received after the link is accepted.

        Raises:
            BadRequestError: it is invalid.
            LinkEndedError: the opener has given up.
        """
        if not request.follows:
            return parse(request)
        with self._arriving.room(link, request.follows):
            link.accept()
            link.on_urgent(partial(_interrupted, link))  # until the command runs
            return parse_long(await self._arriving.receive(link, request.follows))

    def command(self, asked: AskedCommand) -> ProcessCommand:
        """Return the command to start; its program is found in the PATH of its own environment.

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
        return ProcessCommand((path, *asked.argv[1:]), env, cwd)


def _interrupted(link: IncomingLink, message: Msg) -> None:
    """Take a signal for a command that does not run yet: end the link as if the signal had ended the command."""
    number = message.exec_signal.number
    if message.type == MsgType.exec_signal and number in {signal.SIGINT, signal.SIGTERM}:
        link.close(end_text(-number), LinkEnd.EXITED, -number)
