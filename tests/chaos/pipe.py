"""Random data through `exec … cat` while connections are cut: it comes back with the same hash."""

import hashlib
import os
import select
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.stage import ChaosError, Stage
from tests.support.network.journal import Wait, on_the_way, percentile
from tests.support.network.plan import CutPlan, Kind

_BLOCK = 64 * 1024
#: The most data: it goes on until all cuts are done, but not for ever.
_MOST_TIMES = 5
#: A connection is cut after this share of the data for each cut: otherwise the cuts would outlast the data.
_PART = 0.5
#: Seconds without a byte after which it counts as hung.
_HUNG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run."""

    seed: int
    cuts: Counter[str]
    relay_kills: int
    size: int
    seconds: float
    waits: list[Wait]
    logins: int

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind.value} {self.cuts[kind.value]}" for kind in Kind if self.cuts[kind.value])
        seconds = [wait.seconds for wait in self.waits]
        p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
        most = max(self.waits, default=Wait(0, "nothing", 0))
        return (
            f"seed {self.seed}: {sum(self.cuts[kind.value] for kind in Kind)} cuts ({kinds}), "
            f"{self.relay_kills} relay kills, {self.logins} logins of the agent; {self.size / 1e6:.1f} MB each way in "
            f"{self.seconds:.1f} s ({self.size / self.seconds / 1e6:.2f} MB/s); sha256 ok; nothing left; "
            f"from the network's return to bytes: p50 {p50:.2f} s, p99 {p99:.2f} s, most {most.seconds:.2f} s "
            f"(after {most.after})"
        )


class _Feeder(threading.Thread):
    """Writes random data until it is enough and all cuts are done."""

    def __init__(self, stage: Stage, console: "subprocess.Popen[bytes]", size: int) -> None:
        super().__init__(name="feeder", daemon=True)
        self._stage, self._console, self._wanted = stage, console, size
        self.sha256, self.size, self.is_done = hashlib.sha256(), 0, False

    def _is_enough(self) -> bool:
        cuts_left = self._stage.agents.plan.left + self._stage.consoles.plan.left
        return self.size >= self._wanted * (_MOST_TIMES if cuts_left else 1)

    def run(self) -> None:
        assert self._console.stdin is not None
        try:
            while not self._is_enough():
                block = os.urandom(_BLOCK)
                self.sha256.update(block)
                self.size += len(block)
                self._console.stdin.write(block)
            self.is_done = True
            # Data still on its way must be delayed only by what has already happened.
            self._console.stdin.close()
        except (BrokenPipeError, ValueError):
            return  # the console has ended; the reader says so


def run(
    folder: Path, seed: int, *, cuts: int, size: int, kill_relay: int = 0, dead_after: float = 1.0, silent: float = 0.05
) -> Outcome:
    """Run once.

    Raises:
        ChaosError: data is wrong or missing, or something is left over.
    """
    # Each way passes both networks twice: there and back.
    mean = int(_PART * 2 * size / max(cuts / 2, 1))
    plans = [CutPlan(2 * seed + side, (cuts + side) // 2, mean, silent=silent) for side in (0, 1)]
    with Stage(folder, dead_after=dead_after, agents=plans[0], consoles=plans[1]) as stage:
        begin = time.monotonic()
        try:
            fed = _through(stage, size, kill_relay)
            took = time.monotonic() - begin
            stage.check_tidy()
        finally:
            for name, network in (("agent", stage.agents), ("console", stage.consoles)):
                (folder / f"{name}-network.txt").write_text(network.journal.report())
        counts = stage.agents.journal.counts() + stage.consoles.journal.counts()
        return Outcome(seed, counts, kill_relay, fed, took, _waits(stage), stage.logins())


def _waits(stage: Stage) -> list[Wait]:
    """Return how long data waited after both networks on its way had returned."""
    agents, consoles = stage.agents.journal, stage.consoles.journal
    return [*on_the_way(agents.waits(), consoles.events), *on_the_way(consoles.waits(), agents.events)]


def _through(stage: Stage, size: int, kill_relay: int) -> int:
    """Send data through a command on the agent and back; return its size."""
    console = stage.console("cat")
    feeder = _Feeder(stage, console, size)
    killers = [threading.Thread(target=stage.restart_relay, daemon=True) for _ in range(kill_relay)]
    thresholds = [size * (number + 1) // (kill_relay + 1) for number in range(kill_relay)]
    feeder.start()
    assert console.stdout is not None
    sha256, got = hashlib.sha256(), 0
    descriptor = console.stdout.fileno()
    running: list[threading.Thread] = []
    try:
        while True:
            if not select.select([descriptor], [], [], _HUNG_SECONDS)[0]:
                raise ChaosError(f"no byte for {_HUNG_SECONDS:.0f} s, after {got} of {feeder.size}")
            if not (data := os.read(descriptor, 1 << 20)):
                break
            sha256.update(data)
            got += len(data)
            if thresholds and got >= thresholds[0] and not any(thread.is_alive() for thread in running):
                thresholds.pop(0)
                running.append(killers.pop())
                running[-1].start()
    finally:
        for thread in running:
            thread.join(20)
    status = console.wait(30)
    if status or not feeder.is_done:
        raise ChaosError(f"exec ended with {status} after {got} of {feeder.size} bytes: {stage.said_by_console()}")
    feeder.join(10)
    if got != feeder.size or sha256.digest() != feeder.sha256.digest():
        raise ChaosError(f"sent {feeder.size} bytes, got {got}, and the hashes differ")
    return got
