"""Serves shells."""

import asyncio
import logging

from natpass_agent.links.directory import directory
from natpass_agent.links.kind import ONLY_LOOK
from natpass_agent.links.request import BadRequestError, additions, logged_as, text_of, timeout_of, words_of
from natpass_agent.links.running import RunningFor
from natpass_agent.links.shell import KIND
from natpass_agent.links.shell.pump import carry
from natpass_agent.links.shell.request import DEFAULT_SIZE, size_of
from natpass_agent.links.shell.text import TextPieces, wants_text
from natpass_agent.platform.programs import NoProgramError, Programs
from natpass_agent.platform.pty import Command, Pty, PtyService, SpawnError
from natpass_wire.aio.link import IncomingLink, LinkEndedError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Nobody is shown more; arguments may be long.
_MOST_CHARACTERS = 1000


class ShellServer:
    """Runs a program on a pty for each link.

    Args:
        ptys: starts programs.
        programs: finds them.
    """

    kind = KIND

    def __init__(self, ptys: PtyService, programs: Programs) -> None:
        self._ptys = ptys
        self._programs = programs
        self.running = RunningFor()
        # Starting takes milliseconds, in which the loop stands still: one at a time, so that others get their turn
        # between two, and those that wait for too long can be answered.
        self._starting = asyncio.Lock()

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Start the program, accept the link, and carry bytes until either ends; then neither is left."""
        if rights.read_only:  # a program can't be kept from changing something
            link.refuse(ONLY_LOOK)
            return
        try:
            async with self._starting:
                await asyncio.sleep(0)
                if not link.is_asked:  # given up, or answered, while it waited
                    return
                command = self.command(request.cshell)
                pty = self._ptys.spawn(command)
        except (BadRequestError, NoProgramError, SpawnError) as error:
            log.info("no shell for %s: %s", printable(link.peer), error)
            link.refuse(str(error))
            return
        log.info("shell for %s: %s (pid %d)", printable(link.peer), logged_as(command.argv), pty.pid)
        try:
            with self.running.noted(link, " ".join(command.argv)[:_MOST_CHARACTERS], pty.pid):
                await self._carry(link, pty, request.cshell)
        finally:
            await pty.close()
        why = (link.end and link.end.text) or "its opener closed it"
        log.info("shell of %s has ended: %s (pid %d)", printable(link.peer), why, pty.pid)

    async def _carry(self, link: IncomingLink, pty: Pty, shell: ConnectShell) -> None:
        try:
            link.accept()
        except LinkEndedError:
            return
        text = TextPieces() if wants_text(shell) else None
        await carry(link, pty, timeout_of(shell.timeout_ms), text=text)

    def command(self, shell: ConnectShell) -> Command:
        """Return what to start.

        `argv` is a program and its arguments. `exec` is a program first; only where there is none of that name, and it
        has several words, they are a program and its arguments.

        Raises:
            BadRequestError: the request makes no sense.
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
        return Command(argv, env, cwd, size_of(shell.rows, shell.cols) or DEFAULT_SIZE)

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
                raise error from None  # no command line either
            if len(words) < 2:
                raise
            return (self._programs.find(words[0], env, cwd), *words[1:])
