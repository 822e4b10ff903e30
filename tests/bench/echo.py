"""The echo of a key on a shell: alone, beside a saturated command on the same agent, and with that command on a slow
line.

The shell's console is in this process. The command is `natpass-tui exec`, a process with its own connection. Both share
the agent, its connection and the relay.
"""

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from natpass_wire.aio import runtime
from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.link import Link
from natpass_wire.aio.tasks import Tasks
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.shell_pb2 import ShellData
from tests.bench import agent as agent_bench
from tests.chaos.stage import Stage, target
from tests.support.network.line import Shape
from tests.support.network.process import shaped_line

assert sys.platform != "win32"

KEYS = 600
#: 20 Mbit/s with a home's round trip.
LINE = Shape(rate=2.5e6, delay=0.010)
SATURATED_BAR_MS = 10.0
SHAPED_BAR = 2.0
#: Seconds until a bulk transfer is at its full rate.
_WARM_SECONDS = 3.0


@contextmanager
def bulk(stage: Stage, port: int | None) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a command that prints without end to a console."""
    process = stage.console("cat", "/dev/zero", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, port=port)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


async def echoes(shell: Link) -> tuple[float, float]:
    """Return the p50 and p99 of a key's round trip, in ms; keys come as in typing, only faster."""
    took, pauses = [], random.Random(1)
    for _ in range(KEYS):
        await asyncio.sleep(pauses.uniform(0.005, 0.020))
        begin = time.perf_counter()
        await shell.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=b"x")))
        await shell.receive()
        took.append((time.perf_counter() - begin) * 1e3)
    cuts = quantiles(took, n=100)
    return cuts[49], cuts[98]


async def measure(stage: Stage) -> int:
    """Measure the three; return 1 if a bar was not kept."""
    tasks = Tasks()
    client = RelayClient(target(stage.port))
    tasks.start(client.run(), "console")
    try:
        await client.online()
        shell = await agent_bench.open_shell(client, agent_bench.RAW_CAT)
        while b"ready" not in (await shell.receive()).sdata.data:
            pass
        await echoes(shell)  # warm-up
        p50, idle = await echoes(shell)
        print(f"idle: p50 {p50:.2f} ms, p99 {idle:.2f} ms", flush=True)
        p50, p99, rate = await beside(stage, shell, None)
        bar = idle + SATURATED_BAR_MS
        kept = p99 <= bar
        print(
            f"beside {rate:.0f} MB/s of a command: p50 {p50:.2f} ms, p99 {p99:.2f} ms (bar {bar:.2f}): {p99 / bar:.2f}"
        )
        with shaped_line(stage.port, LINE) as port:
            p50, p99, rate = await beside(stage, shell, port)
        bar = idle * SHAPED_BAR
        print(
            f"beside {rate:.1f} MB/s of one on a 20 Mbit/s line: p50 {p50:.2f} ms, p99 {p99:.2f} ms "
            f"(bar {bar:.2f}): {p99 / bar:.2f}"
        )
        shell.close()
        return 0 if kept and p99 <= bar else 1
    finally:
        await tasks.close()


def _written(process: "subprocess.Popen[bytes]") -> int:
    """Return the bytes that a process has written so far, 0 if the system does not count them."""
    counters = Path(f"/proc/{process.pid}/io")
    lines = counters.read_text().splitlines() if counters.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("wchar:")), 0)


async def beside(stage: Stage, shell: Link, port: int | None) -> tuple[float, float, float]:
    """Return the p50 and p99 of a key beside a saturated command, and the command's rate in MB/s."""
    with bulk(stage, port) as process:
        await asyncio.sleep(_WARM_SECONDS)
        before, begin = _written(process), time.perf_counter()
        p50, p99 = await echoes(shell)
        _check_running(stage, process)
        return p50, p99, (_written(process) - before) / (time.perf_counter() - begin) / 1e6


def _check_running(stage: Stage, process: "subprocess.Popen[bytes]") -> None:
    if (status := process.poll()) is not None:
        raise RuntimeError(f"the command beside ended with {status}: {stage.said_by_console()}")


def main() -> int:
    """Measure; return the exit status."""
    with tempfile.TemporaryDirectory() as name, Stage(Path(name), dead_after=15, direct=True) as stage:
        return runtime.run(measure(stage))


if __name__ == "__main__":
    sys.exit(main())
