"""The time of Ctrl+C on a slow line while a program prints without end: 20 KB/s, 300 ms round trip.

The prompt comes after all output on its way, so the user waits for what the programs have queued. The line should still
be full, so its throughput is measured as well. Only the console's line is slow: the whole queue builds up at the
relay's end of it.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

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

LINE = Shape(rate=20_000, delay=0.150)
#: Seconds that the program prints before Ctrl+C.
WAITS = (1, 3, 20, 2, 5)
BAR = 1.5
#: The least share of the line for the program's output; the rest is overhead, and the start.
LEAST_SHARE = 0.6
PROMPT = b"ready> "
SHELL = f"env PS1='{PROMPT.decode()}' bash --norc --noprofile -i"
_PATIENCE = 60


async def _type(shell: Link, keys: bytes) -> None:
    await shell.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=keys)))


async def _until(shell: Link, end: bytes) -> int:
    """Read until the output ends with `end`; return how many bytes came."""
    tail, size = b"", 0
    async with asyncio.timeout(_PATIENCE):
        while not tail.endswith(end):
            data = (await shell.receive()).sdata.data
            tail, size = (tail + data)[-len(end) :], size + len(data)
    return size


async def interrupt(shell: Link, seconds: float) -> tuple[int, float, int]:
    """Let `yes` print for a while, then press Ctrl+C.

    Returns the bytes that it printed, the seconds from Ctrl+C to the prompt, and the bytes received in that time.
    """
    printed = 0
    await _type(shell, b"yes\r")
    until = time.monotonic() + seconds
    try:
        async with asyncio.timeout(seconds):
            while True:
                printed += len((await shell.receive()).sdata.data)
    except TimeoutError:
        pass
    begin = max(time.monotonic(), until)
    await _type(shell, b"\x03")
    size = await _until(shell, PROMPT)
    return printed, time.monotonic() - begin, size


async def measure(port: int) -> int:
    """Measure, and print a line for each run."""
    tasks = Tasks()
    client = RelayClient(target(port))
    tasks.start(client.run(), "console")
    try:
        await client.online()
        shell = await agent_bench.open_shell(client, SHELL)
        await _until(shell, PROMPT)
        most, share = 0.0, 0.0
        for seconds in WAITS:
            printed, took, size = await interrupt(shell, seconds)
            most = max(most, took)
            if seconds == max(WAITS):
                share = printed / seconds / LINE.rate
            print(
                f"Ctrl+C after {seconds} s of yes, {printed / seconds / 1e3:.1f} kB/s: "
                f"prompt after {took:.2f} s, {size / 1e3:.1f} kB before it",
                flush=True,
            )
        shell.close()
        print(f"most: {most:.2f} s (bar {BAR:g} s): {most / BAR:.2f}; the line's round trip is {2 * LINE.delay:g} s")
        print(f"of the line, in the longest: {share:.2f} (bar {LEAST_SHARE:g})")
        return 0 if most <= BAR and share >= LEAST_SHARE else 1
    finally:
        await tasks.close()


def main() -> int:
    """Measure; return 1 if the bar was not kept."""
    with (
        tempfile.TemporaryDirectory() as name,
        Stage(Path(name), dead_after=15, direct=True, warms_up=False) as stage,
        shaped_line(stage.port, LINE) as port,
    ):
        return runtime.run(measure(port))


if __name__ == "__main__":
    sys.exit(main())
