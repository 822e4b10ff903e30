"""Serves shells."""

from functools import partial

from natpass_agent.links.arriving import Arriving
from natpass_agent.links.directory import directory
from natpass_agent.links.program_server import ProgramServer, Started
from natpass_agent.links.request import additions, text_of, timeout_of, words_of
from natpass_agent.links.shell import KIND
from natpass_agent.links.shell.pump import carry
from natpass_agent.links.shell.request import DEFAULT_SIZE, parse_long, size_of
from natpass_agent.links.shell.text import TextPieces, wants_text
from natpass_agent.platform.programs import NoProgramError, Programs
from natpass_agent.platform.pty import Pty, PtyCommand, PtyService
from natpass_wire.aio.link import IncomingLink
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell


class ShellServer(ProgramServer):
    """Runs a program on a pty for each link.

    Args:
        ptys: starts programs.
        programs: finds them.
        arriving: the requests that come in pieces.
    """

    kind = KIND
    noun = "shell"

    def __init__(self, ptys: PtyService, programs: Programs, arriving: Arriving | None = None) -> None:
        super().__init__()
        self._ptys = ptys
        self._programs = programs
        self._arriving = Arriving() if arriving is None else arriving

    async def _start(self, link: IncomingLink, request: ConnectRequest) -> Started:
        shell = await self._asked(link, request.cshell)

        async def spawn() -> tuple[Pty, PtyCommand]:
            command = self.command(shell)
            return self._ptys.spawn(command), command

        pty, command = await self._in_turn(link, spawn)
        text = TextPieces() if wants_text(shell) else None
        return Started(pty, command.argv, partial(carry, link, pty, timeout_of(shell.timeout_ms), text=text))

    async def _asked(self, link: IncomingLink, request: ConnectShell) -> ConnectShell:
        """Return the request; one that does not fit into one message is received after the link is accepted.

        Raises:
            BadRequestError: it is invalid.
            LinkEndedError: the opener has given up.
        """
        if not request.follows:
            return request
        with self._arriving.room(link, request.follows):
            link.accept()
            return parse_long(await self._arriving.receive(link, request.follows), request)

    def command(self, shell: ConnectShell) -> PtyCommand:
        """Return the command to start.

        `argv` is a program and its arguments. `exec` is the name of a program; if there is no such program and it has
        several words, these are a program and its arguments.

        Raises:
            BadRequestError: the request is invalid.
            NoProgramError: there is no such program.
        """
        env = self._programs.environment(additions(shell.env))
        cwd = self._programs.home()
        if shell.argv:
            cwd = directory(cwd, text_of(shell.cwd, "the directory"))
            name, *arguments = words_of(shell.argv)
            argv: tuple[str, ...] = (self._programs.find(name, env, cwd), *arguments)
        else:
            argv = self._default_shell(env, cwd) if not shell.exec else self._named(shell.exec, env, cwd)
        return PtyCommand(argv, env, cwd, size_of(shell.rows, shell.cols) or DEFAULT_SIZE)

    def _default_shell(self, env: dict[str, str], cwd: str) -> tuple[str, ...]:
        for name, *arguments in self._programs.shells:
            try:
                path = self._programs.find(name, env, cwd)
            except NoProgramError:
                continue
            return (path, *arguments)
        names = " or ".join(words[0] for words in self._programs.shells)
        raise NoProgramError(f"no such program: {names}")

    def _named(self, line: str, env: dict[str, str], cwd: str) -> tuple[str, ...]:
        try:
            return (self._programs.find(line, env, cwd),)
        except NoProgramError as error:
            try:
                words = self._programs.split(line)
            except ValueError:
                raise error from None  # not a command line either
            if len(words) < 2:
                raise
            return (self._programs.find(words[0], env, cwd), *words[1:])
