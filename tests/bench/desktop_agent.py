"""The cost of a desktop on the agent's machine: CPU at 10 and 30 frames a second, bytes, and where the time goes.

Relay (without TLS), agent, worker and X server are separate processes; the system reports their CPU time. The viewer
here takes everything at once. Times are ratios to a copy of the screen's bytes in the same run.
"""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import psutil

from natpass_agent.links.desktop.view import View
from natpass_agent.links.desktop.worker import pictures
from natpass_agent.links.desktop.worker.tiles import TILE, Area, Picture, changed_tiles, rectangles
from natpass_wire.aio import runtime
from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.tasks import Tasks
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectVnc
from natpass_wire.pb.login_pb2 import Role
from tests.bench import agent as agent_bench
from tests.bench import limits
from tests.support.waiting import wait_for
from tests.support.xserver import XServer, x_server

assert sys.platform != "win32"

WIDTH, HEIGHT = 1920, 1080
SECONDS = 5.0

#: Fills the screen with a picture that differs everywhere and each time, 60 times a second.
PAINTER = f"""
import random, time
import numpy as np
from Xlib import X, display
d = display.Display()
root = d.screen().root
gc = root.create_gc()
rng = np.random.default_rng(7)
tile = np.repeat(np.repeat(rng.integers(0, 255, (16, 32, 4), np.uint8), 8, 0), 8, 1)
pixmap = root.create_pixmap(256, 128, d.screen().root_depth)
for row in range(0, 128, 32):
    pixmap.put_image(gc, 0, row, 256, 32, X.ZPixmap, d.screen().root_depth, 0, tile[row:row + 32].tobytes())
d.sync()
shift = 0
while True:
    begin = time.monotonic()
    shift = (shift + 5) % 128
    gc.change(tile=pixmap, fill_style=X.FillTiled, tile_stipple_x_origin=shift, tile_stipple_y_origin=shift)
    root.fill_rectangle(gc, 0, 0, {WIDTH}, {HEIGHT})
    d.sync()
    time.sleep(max(0, 1 / 60 - (time.monotonic() - begin)))
"""


@dataclass(frozen=True)
class Cost:
    """The cost of one run: fractions of one core, and traffic."""

    worker: float
    agent: float
    messages: float
    bytes: float


async def run(console: RelayClient, agent: psutil.Process, view: View) -> Cost:
    """Show a screen for a while."""
    wanted = ConnectVnc(fps=view.fps, quality=view.quality, cursor=view.cursor)
    request = ConnectRequest(name="bench", kind=ConnectRequest.vnc, cvnc=wanted)
    link = await agent_bench.when_there(partial(console.open_link, "box", request))
    messages = size = 0

    async def drain() -> None:
        nonlocal messages, size
        while True:
            message = await link.receive()
            messages += 1
            size += message.ByteSize()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(drain())
        await asyncio.sleep(1.5)  # leaves out the start and the first screen
        (worker,) = agent.children()
        messages = size = 0
        begin, worker_begin, agent_begin = time.monotonic(), _cpu(worker), _cpu(agent)
        await asyncio.sleep(SECONDS)
        took = time.monotonic() - begin
        cost = Cost(
            (_cpu(worker) - worker_begin) / took, (_cpu(agent) - agent_begin) / took, messages / took, size / took
        )
        task.cancel()
    link.close()
    await wait_for(lambda: not agent.children())
    return cost


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def steps() -> None:
    """Measure the parts of one full-change frame, alone."""
    from natpass_agent.links.desktop.worker.screen import screen

    copies = limits.memcpy_bytes_per_second(WIDTH * HEIGHT * 4) / (WIDTH * HEIGHT * 4)
    whole = Area(0, 0, WIDTH, HEIGHT)
    real = screen()
    colours = np.random.default_rng(7).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 4)).astype(np.uint8)
    now: Picture = np.repeat(np.repeat(colours, 8, 0), 8, 1)  # like the painter's
    other: Picture = now ^ np.uint8(0x55)
    everything = np.ones((-(-HEIGHT // TILE), -(-WIDTH // TILE)), np.bool_)

    def encode(quality: int) -> int:
        size = 0
        for row, col, high, wide in rectangles(everything, *pictures.limits(quality)):
            x, y = col * TILE, row * TILE
            area = Area(x, y, min(wide * TILE, WIDTH - x), min(high * TILE, HEIGHT - y))
            size += sum(map(len, pictures.messages(now, area, quality)))
        return size

    parts: list[tuple[str, Callable[[], object]]] = [
        ("capture (mss, shared memory)", lambda: real.grab(whole, cursor=False)),
        ("compare, nothing changed", lambda: changed_tiles(now, now)),
        ("compare, everything changed", lambda: changed_tiles(now, other)),
        ("encode JPEG 50", lambda: encode(50)),
        ("encode JPEG 80", lambda: encode(80)),
        ("encode raw", lambda: encode(100)),
    ]
    print(f"one copy of a {WIDTH}x{HEIGHT} screen: {1000 / copies:.2f} ms; in copies:")
    for name, work in parts:
        each = limits.per_second(work)
        print(f"  {name:32} {copies / each:6.1f}  ({1000 / each:.2f} ms)")
    real.close()


async def measure(address: RelayAddress, agent: psutil.Process, server: XServer) -> int:
    """Measure an idle screen, then one that always changes."""
    tasks = Tasks()
    console = RelayClient(agent_bench.target(address, "tui-bench-01234567", Role.ROLE_CONSOLE))
    tasks.start(console.run(), "console")
    await console.online()

    async def runs(source: str, views: list[View]) -> None:
        for view in views:
            cost = await run(console, agent, view)
            print(
                f"  {source:11} {view.fps:2} fps, quality {view.quality:3}{', cursor' if view.cursor else '':8}: "
                f"worker {cost.worker * 100:5.1f} %, agent {cost.agent * 100:5.1f} % of a core; "
                f"{cost.messages:6.0f} messages/s, {cost.bytes / 1e6:6.2f} MB/s"
            )

    await runs("idle", [View(10), View(30), View(30, cursor=True)])
    with server.program(sys.executable, "-c", PAINTER):
        await runs("all changes", [View(10), View(30), View(30, 80), View(10, 100)])
    await tasks.close()
    return 0


def main() -> int:
    """Measure; return the exit status."""
    if shutil.which("Xvfb") is None:
        print("skipped: needs Xvfb")
        return 0
    with x_server(f"{WIDTH}x{HEIGHT}") as server:
        os.environ["DISPLAY"] = server.display
        relay, agent, address = agent_bench.fork_relay_and_agent()
        try:
            status = runtime.run(measure(address, psutil.Process(agent), server))
        finally:
            for pid in (agent, relay):
                os.kill(pid, signal.SIGTERM)
                os.waitpid(pid, 0)
        steps()
    return status


if __name__ == "__main__":
    sys.exit(main())
