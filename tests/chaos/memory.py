"""One end is cut off while far more data waits at the other than may be buffered: memory stays within the window."""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.stage import ChaosError, Stage
from tests.chaos.watch import PeakMemory
from tests.support.network.proxy import NetworkProxy
from tests.support.waiting import wait_until

_MIB = 1024 * 1024
#: The size of a stream's window, and as much again for the interpreter's overhead.
BAR = (8 + 8) * _MIB
_BLOCK = bytes(_MIB)
#: Bytes that flow before the cut, so that the window has grown.
_BEFORE_CUT = 32 * _MIB
_HUNG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one direction."""

    name: str
    size: int
    agent: int
    console: int

    @property
    def is_within(self) -> bool:
        return max(self.agent, self.console) <= BAR

    def __str__(self) -> str:
        return (
            f"{self.name}, {self.size / _MIB:.0f} MiB: agent grew by {self.agent / _MIB:.1f} MiB, console by "
            f"{self.console / _MIB:.1f} MiB (bar {BAR / _MIB:.0f} MiB): {max(self.agent, self.console) / BAR:.2f}"
        )


class _Flow:
    """A command whose bytes the harness counts."""

    def __init__(self) -> None:
        self.moved = 0

    def grew(self, size: int) -> None:
        self.moved += size


def run(folder: Path, *, size: int = 1024 * _MIB, away: float = 5.0, dead_after: float = 1.0) -> list[Outcome]:
    """Run both directions; return their results.

    Raises:
        ChaosError: bytes are missing, or something is left over.
    """
    return [
        _download(folder / "download", size, away, dead_after),
        _upload(folder / "upload", size, away, dead_after),
    ]


def _download(folder: Path, size: int, away: float, dead_after: float) -> Outcome:
    folder.mkdir()
    with Stage(folder, dead_after=dead_after) as stage, ExitStack() as stack:
        agent = stack.enter_context(PeakMemory(stage.agent.process.pid))
        console = stage.console("sh", "-c", f"echo; read go; exec head -c {size} /dev/zero")
        flow = _Flow()
        _read(console, 1)  # it runs
        memory = stack.enter_context(PeakMemory(console.pid))
        assert console.stdin is not None
        console.stdin.write(b"go\n")
        console.stdin.close()
        outage = threading.Thread(target=_outage, args=(stage.consoles, flow, away), daemon=True)
        outage.start()
        while data := _read(console, _MIB, away):
            flow.grew(len(data))
        outage.join()
        _check(stage, console, flow.moved, size)
        return Outcome("console cut off", size, agent.growth, memory.growth)


def _upload(folder: Path, size: int, away: float, dead_after: float) -> Outcome:
    folder.mkdir()
    with Stage(folder, dead_after=dead_after) as stage, ExitStack() as stack:
        agent = stack.enter_context(PeakMemory(stage.agent.process.pid))
        console = stage.console("sh", "-c", "echo; exec wc -c")
        flow = _Flow()
        _read(console, 1)
        memory = stack.enter_context(PeakMemory(console.pid))
        outage = threading.Thread(target=_outage, args=(stage.agents, flow, away), daemon=True)
        outage.start()
        assert console.stdin is not None
        descriptor = console.stdin.fileno()
        if sys.platform != "win32":
            os.set_blocking(descriptor, False)
        while flow.moved < size:
            if not select.select([], [descriptor], [], away + _HUNG_SECONDS)[1]:
                raise ChaosError(f"nothing was taken for {_HUNG_SECONDS:.0f} s, after {flow.moved} bytes")
            flow.grew(os.write(descriptor, _BLOCK[: size - flow.moved]))
        console.stdin.close()
        outage.join()
        counted = int(_read(console, 100) or b"0")
        _check(stage, console, counted, size)
        return Outcome("agent cut off", size, agent.growth, memory.growth)


def _outage(network: NetworkProxy, flow: _Flow, away: float) -> None:
    """Cut the network once enough has flowed; restore it after `away` seconds."""
    wait_until(lambda: flow.moved >= _BEFORE_CUT, "the first bytes", timeout=_HUNG_SECONDS, step=0.001)
    network.down()
    _stands_still(lambda: flow.moved, away)
    network.up()


def _stands_still(value: Callable[[], int], seconds: float) -> None:
    """Wait until a value has not changed for `seconds`."""
    last, since = value(), time.monotonic()

    def still() -> bool:
        nonlocal last, since
        if value() != last:
            last, since = value(), time.monotonic()
        return time.monotonic() - since >= seconds

    wait_until(still, "a standstill", timeout=_HUNG_SECONDS)


def _read(console: "subprocess.Popen[bytes]", most: int, away: float = 0.0) -> bytes:
    assert console.stdout is not None
    if not select.select([console.stdout], [], [], _HUNG_SECONDS + away)[0]:
        raise ChaosError(f"no byte for {_HUNG_SECONDS:.0f} s")
    return os.read(console.stdout.fileno(), most)


def _check(stage: Stage, console: "subprocess.Popen[bytes]", got: int, size: int) -> None:
    if status := console.wait(30):
        raise ChaosError(f"exec ended with {status}: {stage.said_by_console()}")
    if got != size:
        raise ChaosError(f"{got} bytes arrived of {size}")
    stage.check_tidy()
