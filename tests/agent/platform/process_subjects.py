"""The same small programs for every sort of process, so that one contract can be asked of all."""

from collections.abc import Callable
from dataclasses import dataclass

import psutil

from natpass_agent.platform.processes import Output, Process, ProcessCommand, ProcessService, service
from natpass_agent.platform.processes.fake import FakeProcesses, FakeStdio, SignalledError
from natpass_agent.platform.processes.windows import WindowsProcesses

#: What the program `big` writes to each of its outputs.
BIG_BYTES = 3_000_000
#: How long outputs are read after a program's end.
LINGER = 0.3

SCRIPTS = {
    "cat": "exec cat",
    "exit3": "printf bye; exit 3",
    "apart": "printf out; printf err >&2; printf OUT",
    "big": f"head -c {BIG_BYTES} /dev/zero; head -c {BIG_BYTES} /dev/zero >&2",
    "deaf": "printf ready; exec sleep 1000",
    "endless": "exec yes",
    "stubborn": "trap '' TERM; printf ready; while :; do sleep 1000; done",
    "catches": "trap 'printf caught; exit 7' INT; printf ready; while :; do sleep 0.01; done",
    "closes": "exec <&-; printf ready; exec sleep 1000",
}


@dataclass(frozen=True)
class Subject:
    """One sort of process."""

    name: str
    processes: ProcessService
    argv: Callable[[str], tuple[str, ...]]

    async def spawn(self, program: str) -> Process:
        return await self.processes.spawn(ProcessCommand(self.argv(program), {"PATH": "/usr/bin:/bin"}, "/"))


def shell(program: str) -> tuple[str, ...]:
    """Return the command line that runs one of `SCRIPTS` for real."""
    return ("/bin/sh", "-c", SCRIPTS[program])


async def kill_tree(pid: int) -> None:
    """Do what taskkill does."""
    process = psutil.Process(pid)
    for each in (*process.children(recursive=True), process):
        each.kill()


def subject(name: str, grace_seconds: float) -> Subject:
    """Return the sort of process of this name."""
    match name:
        case "fake":
            return Subject(name, FakeProcesses(_FAKES, grace_seconds=grace_seconds), lambda program: (program,))
        case "windows":
            return Subject(name, WindowsProcesses(grace_seconds=grace_seconds, kill_tree=kill_tree), shell)
        case _:
            return Subject(name, service(grace_seconds=grace_seconds, linger_seconds=LINGER), shell)


async def _cat(stdio: FakeStdio) -> int:
    while data := await stdio.read():
        await stdio.write(data)
    return 0


async def _exit3(stdio: FakeStdio) -> int:
    await stdio.write(b"bye")
    return 3


async def _apart(stdio: FakeStdio) -> int:
    await stdio.write(b"out")
    await stdio.write(b"err", Output.STDERR)
    await stdio.write(b"OUT")
    return 0


async def _big(stdio: FakeStdio) -> int:
    await stdio.write(bytes(BIG_BYTES))
    await stdio.write(bytes(BIG_BYTES), Output.STDERR)
    return 0


async def _deaf(stdio: FakeStdio) -> int:
    await stdio.write(b"ready")
    await stdio.wait()
    return 0


async def _endless(stdio: FakeStdio) -> int:
    while True:
        await stdio.write(b"y\n" * 1000)


async def _stubborn(stdio: FakeStdio) -> int:
    await stdio.write(b"ready")
    while True:
        try:
            await stdio.wait()
        except SignalledError:
            continue


async def _catches(stdio: FakeStdio) -> int:
    await stdio.write(b"ready")
    try:
        await stdio.wait()
    except SignalledError:
        await stdio.write(b"caught")
    return 7


async def _closes(stdio: FakeStdio) -> int:
    stdio.is_input_closed = True
    return await _deaf(stdio)


_FAKES = {
    "cat": _cat,
    "exit3": _exit3,
    "apart": _apart,
    "big": _big,
    "deaf": _deaf,
    "endless": _endless,
    "stubborn": _stubborn,
    "catches": _catches,
    "closes": _closes,
}
