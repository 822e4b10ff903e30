"""`natpass-tui exec -t`: a program on an agent that uses the user's own terminal."""

# Why: docs/decisions/035-exec-on-a-terminal.md

import asyncio
import contextlib
import os
from collections.abc import Callable
from functools import partial

import click

from natpass_tui.links.long_request import refusal_of
from natpass_tui.links.outcome import Counts, Outcome, outcome
from natpass_tui.links.run import QUIET_SECONDS, Run
from natpass_tui.links.streams import Filtered, Reader, Writer, own_terminal
from natpass_tui.login import PROGRAM
from natpass_tui.platform.tty import RawTerminal, stop_self
from natpass_tui.tty.escape import HELP_LINES, EscapeAction
from natpass_tui.tty.program import INTERRUPTED, TtyProgram
from natpass_tui.tty.request import ShellRequest
from natpass_wire.aio.link import Link
from natpass_wire.aio.tasks import Tasks
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.text import printable

#: Seconds after which typed input without an answer from the agent is told.
_UNANSWERED_SECONDS = 2.0
#: How often the notice's counter is updated.
_TICK_SECONDS = 1.0
#: Save the cursor and start the notice on the first row; end it and restore the cursor.
_SHOW, _END = "\x1b7\x1b[1;1H\x1b[0;7m", "\x1b[0m\x1b[K\x1b8"
_HELP = "".join(f"{line}\r\n" for line in ("", *HELP_LINES)).encode()
_HIDE = b"\x1b7\x1b[1;1H\x1b[0m\x1b[2K\x1b8"


def notice(agent: str, seconds: float, reason: str, cols: int) -> bytes:
    """Return the bytes that show on the first row that the agent can't be reached, and keep the cursor's position."""
    text = f"{PROGRAM}: reconnecting to {agent} · {seconds:.0f} s — Enter ~ . gives up ({reason})"
    return f"{_SHOW}{printable(text, max(cols - 1, 1))}{_END}".encode()


class TtyRun(Run):
    """The run of a program on the user's own terminal.

    Args:
        agent: the agent's id.
        request: the program.
        allow_unsealed: allow existing natpass agents too.
        raw: do not filter its output.

    Raises:
        UserError: there is no terminal.
    """

    def __init__(self, agent: str, request: ShellRequest, *, allow_unsealed: bool = False, raw: bool = False) -> None:
        super().__init__(agent, request.argv)
        self.allow_unsealed = allow_unsealed
        self._asked = request
        self._raw = raw
        self._terminal = RawTerminal(0)
        self._program: TtyProgram | None = None
        self._has_notice = False
        self._has_terminal = False
        self._suspend: Callable[[], None] = stop_self  # called while the terminal has the shell's modes

    def _request(self) -> ConnectRequest:
        return self._asked.message(*self._terminal.size())

    def _refused(self, reason: str) -> str:
        return super()._refused(refusal_of(reason, len(self._asked.following())))

    def _counts(self) -> Counts:
        program = self._program
        return Counts(program.bytes_in, program.bytes_out) if program is not None else Counts()

    def _stop(self, status: int) -> bool:
        if self._program is None:
            return False
        self._program.stop(status)
        return True

    def _more_signals(self) -> dict[str, Callable[[], None]]:
        # CONT: the shell used the terminal meanwhile.
        return {"SIGWINCH": self._resized, "SIGCONT": self._continued, "SIGTSTP": self._suspended}

    def _resized(self) -> None:
        if self._program is not None:
            self._program.resize()

    def _suspended(self) -> None:
        self._suspend()

    def _continued(self) -> None:
        if self._program is not None and self._has_terminal:
            self._terminal.enter()
            self._program.redraw()

    async def _carry(self, link: Link) -> Outcome:
        writer, out = own_terminal(1, raw=self._raw)
        notices = writer if os.isatty(1) else Writer(2) if os.isatty(2) else None
        asides = Tasks()

        def asked(what: EscapeAction) -> None:
            work = self._give_away(program, out) if what is EscapeAction.SUSPEND else program.say(_HELP)
            asides.start(work, f"tty {what.name}")

        program = self._program = TtyProgram(
            link,
            Reader(0),
            out,
            self._terminal.size,
            notices=notices,
            asked=asked,
            request=self._asked.following(),
        )
        self._terminal.enter()
        self._has_terminal, self._suspend = True, partial(asked, EscapeAction.SUSPEND)
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell_waiting(link, program), name="tty waiting")
                try:
                    result = _result(await program.run())
                finally:
                    telling.cancel()
            if self._has_notice:
                await program.say(_HIDE)
        finally:
            self._suspend = stop_self
            await asides.close()
            if isinstance(out, Filtered):
                await out.finish()
            self._has_terminal = False
            self._leave(out)
        if result.text:  # after the program's last line
            click.echo(err=True)
        return result

    def _leave(self, out: Writer | Filtered) -> None:
        self._terminal.leave(drops_input=isinstance(out, Filtered) and out.has_talked)

    async def _give_away(self, program: TtyProgram, out: Writer | Filtered) -> None:
        """Give the restored terminal to the shell until it continues us."""
        async with program.writing:
            if isinstance(out, Filtered):
                await out.suspend()
            self._leave(out)
            stop_self()
            self._terminal.enter()
            if isinstance(out, Filtered):
                await out.resume()
        program.redraw()

    async def _tell_waiting(self, link: Link, program: TtyProgram) -> None:
        """Show on the first row that the agent can't be reached, while that is so."""
        changed = asyncio.Event()
        link.watch(changed.set)
        while True:
            changed.clear()
            if (trouble := self._trouble(link, program)) is not None:
                self._has_notice = True
                await program.say(notice(self._agent, *trouble, self._terminal.size()[1]))
            elif self._has_notice:
                self._has_notice = False
                await program.say(_HIDE)
                program.redraw()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await changed.wait()

    def _trouble(self, link: Link, program: TtyProgram) -> tuple[float, str] | None:
        """Return for how many seconds nothing has got through, and why; None if it works or did a moment ago."""
        if (way := link.detached) is not None:
            seconds = asyncio.get_running_loop().time() - way.since
            return (seconds, way.reason) if seconds >= QUIET_SECONDS else None
        if self._console is not None and (seconds := self._console.unanswered):
            return seconds, "the relay does not answer"
        seconds = program.unanswered()
        if self._console is None or seconds < _UNANSWERED_SECONDS or self._console.shows_life(self._agent, seconds):
            return None  # of an agent that shows life, the program takes no input: as with ssh, that is not told
        return seconds, f"{self._agent} does not answer"


def _result(how: End | int) -> Outcome:
    if isinstance(how, int):
        return Outcome(how, "given up; the agent ends it" if how == INTERRUPTED else "")
    return outcome(how)
