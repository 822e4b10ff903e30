"""The same small programs for every sort of pty, so that one contract can be asked of all."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from natpass_agent.platform.pty import Pty, PtyCommand, PtyService, Size, service
from natpass_agent.platform.pty.fake import FakePtys, FakeTerminal, HungUpError
from natpass_agent.platform.pty.windows import WindowsPtys
from tests.agent.platform.winpty_fake import FakeWinpty, Script, fake_api

#: What the program `big` says.
BIG_BYTES = 300_000

SCRIPTS = {
    "echo": "stty raw -echo; printf ready; exec cat",
    "exit3": "printf bye; exit 3",
    "big": f"stty raw; head -c {BIG_BYTES} /dev/zero | tr '\\0' x",
    "deaf": "stty raw -echo; printf ready; exec sleep 1000",
    "sizes": "stty raw -echo; while :; do stty size; dd bs=1 count=1 2>/dev/null; done",
    "stubborn": "trap '' HUP; printf ready; while :; do sleep 1000; done",
}

DEFAULT_SIZE = Size(rows=24, cols=80)


@dataclass(frozen=True)
class Subject:
    """One sort of pty."""

    name: str
    ptys: PtyService
    argv: Callable[[str], tuple[str, ...]]

    def spawn(self, program: str, size: Size = DEFAULT_SIZE) -> Pty:
        env = {"PATH": "/usr/bin:/bin", "TERM": "dumb"}
        return self.ptys.spawn(PtyCommand(self.argv(program), env, "/", size))


def shell(program: str) -> tuple[str, ...]:
    """Return the command line that runs one of `SCRIPTS` for real."""
    return ("/bin/sh", "-c", SCRIPTS[program])


def subject(name: str, grace_seconds: float) -> Subject:
    """Return the sort of pty of this name."""
    match name:
        case "fake":
            return Subject(name, FakePtys(_FAKES, grace_seconds=grace_seconds), lambda program: (program,))
        case "windows":
            ptys = WindowsPtys(fake_api(_WINDOWS)[0], grace_seconds=grace_seconds)
            return Subject(name, ptys, lambda program: (program,))
        case _:
            return Subject(name, service(grace_seconds=grace_seconds), shell)


async def _echo(terminal: FakeTerminal) -> int:
    await terminal.write(b"ready")
    while True:
        await terminal.write(await terminal.read())


async def _exit3(terminal: FakeTerminal) -> int:
    await terminal.write(b"bye")
    return 3


async def _big(terminal: FakeTerminal) -> int:
    await terminal.write(b"x" * BIG_BYTES)
    return 0


async def _deaf(terminal: FakeTerminal) -> int:
    await terminal.write(b"ready")
    await terminal.until_hung_up()
    return 0


async def _sizes(terminal: FakeTerminal) -> int:
    while True:
        await terminal.write(b"%d %d\n" % (terminal.size.rows, terminal.size.cols))
        await terminal.read()


async def _stubborn(terminal: FakeTerminal) -> int:
    await terminal.write(b"ready")
    while True:
        try:
            await terminal.until_hung_up()
        except HungUpError:
            await terminal.sleep_for_ever()


_FAKES = {
    "echo": _echo,
    "exit3": _exit3,
    "big": _big,
    "deaf": _deaf,
    "sizes": _sizes,
    "stubborn": _stubborn,
}


def _windows_echo(terminal: FakeWinpty) -> Generator[str, str | None, int]:
    text = yield "ready"
    while True:
        text = yield (text or "")


def _windows_exit3(terminal: FakeWinpty) -> Generator[str, str | None, int]:
    yield "bye"
    return 3


def _windows_big(terminal: FakeWinpty) -> Generator[str, str | None, int]:
    yield "x" * BIG_BYTES
    return 0


def _windows_deaf(terminal: FakeWinpty) -> Generator[str, str | None, int]:
    terminal.reads_input.clear()
    yield "ready"
    while True:
        yield ""


def _windows_sizes(terminal: FakeWinpty) -> Generator[str, str | None, int]:
    while True:
        yield f"{terminal.rows} {terminal.cols}\n"
        yield ""


def _windows_stubborn(terminal: FakeWinpty) -> Generator[str, str | None, int]:
    terminal.stubborn = True
    yield "ready"
    while True:
        yield ""


_WINDOWS: dict[str, Script] = {
    "echo": _windows_echo,
    "exit3": _windows_exit3,
    "big": _windows_big,
    "deaf": _windows_deaf,
    "sizes": _windows_sizes,
    "stubborn": _windows_stubborn,
}
