"""`natpass-tui forward` beside `ssh -J … -L` in the same run: rate, connections, echo, memory, and nginx with wrk.

Relay, agent and console are the real programs with TLS and sealing; ssh goes through a jump host. Runs alternate, and
the best of some counts.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import psutil

from natpass_wire.aio import runtime
from tests.chaos.stage import ROOT, Stage
from tests.end_to_end.agent_programs import SECRET
from tests.support import forward_load, sshd
from tests.support.nginx import nginx
from tests.support.waiting import wait_until

SIZE = 512_000_000
RUNS = 3
ECHOES = 1500
IDLE = 1000
AT_ONCE = 64
HOST = forward_load.HOST


@dataclass(frozen=True)
class Ways:
    """The ports of one server, straight and through each program.

    Attributes:
        straight: the server itself.
        ours: through natpass.
        theirs: through ssh.
    """

    straight: int
    ours: int
    theirs: int


def free_ports(count: int) -> list[int]:
    """Return free ports of loopback."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in found]


def listens(port: int) -> bool:
    """Tell whether something listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@contextmanager
def program(command: list[str], env: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    """Run a forwarding program meanwhile."""
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=ROOT) as process,
    ):
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


@contextmanager
def forwards(targets: list[int]) -> Iterator[tuple[list[Ways], Stage, psutil.Process]]:
    """Forward to these ports, with both programs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ours").mkdir()
        ours, theirs = free_ports(len(targets)), free_ports(len(targets))
        with (
            sshd.jumped_ssh(folder) as ssh,
            Stage(folder / "ours", dead_after=15, direct=True) as stage,
        ):
            env = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
            env |= {"NATPASS_SECRET": SECRET, "HOME": str(folder / "ours"), "PYTHONPATH": str(ROOT)}
            relay = ["--relay", f"{HOST}:{stage.port}"]
            rules = [f"-L{a}:{HOST}:{b}" for a, b in zip(ours, targets, strict=True)]
            command = [sys.executable, "-m", "natpass_tui", "forward", "box", *rules, *relay]
            their_rules = [f"-L{a}:{HOST}:{b}" for a, b in zip(theirs, targets, strict=True)]
            remote = ssh.command()
            their_command = [remote[0], "-N", *their_rules, *remote[1:]]
            with (
                program(command, env, folder / "ours.log") as console,
                program(their_command, dict(os.environ), folder / "theirs.log"),
            ):
                wait_until(lambda: all(map(listens, ours)), (folder / "ours.log").read_text(), timeout=30)
                wait_until(lambda: all(map(listens, theirs)), (folder / "theirs.log").read_text(), timeout=30)
                yield [Ways(*ports) for ports in zip(targets, ours, theirs, strict=True)], stage, console


def rates(name: str, ways: Ways, run: Callable[[int, int], float]) -> bool:
    """Measure bytes a second; return whether the bar is met."""
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(run(ways.ours, SIZE))
        theirs.append(run(ways.theirs, SIZE))
    mine, other = SIZE / min(ours) / 1e6, SIZE / min(theirs) / 1e6
    print(f"{name}: {mine:.0f} MB/s, ssh -J -L {other:.0f} MB/s: {mine / other:.2f} (bar 1.0)", flush=True)
    return mine >= other


def measured(port: int) -> tuple[float, int]:
    """Return connections a second, and how many failed, on the loop that ships."""
    found: list[tuple[float, int]] = []

    async def main() -> int:
        found.append(await forward_load.connections(port, 3.0, AT_ONCE))
        return 0

    runtime.run(main())
    return found[0]


def opens(ways: Ways) -> bool:
    """Measure connections a second; return whether the bar is met."""
    best: dict[str, float] = {}
    for name, port in (("ours", ways.ours), ("theirs", ways.theirs)) * RUNS:
        rate, failed = measured(port)
        if failed:
            print(f"connections: {failed} of {name} failed", flush=True)
        best[name] = max(best.get(name, 0.0), rate)
    ratio = best["ours"] / best["theirs"]
    figures = f"{best['ours']:.0f}, ssh {best['theirs']:.0f}: {ratio:.2f}"
    print(f"connections a second, {AT_ONCE} at a time: {figures} (bar 0.7)", flush=True)
    return ratio >= 0.7


def percentiles(times: list[float]) -> tuple[float, float]:
    """Return p50 and p99."""
    cuts = quantiles(times, n=100)
    return cuts[49], cuts[98]


def echo(ways: Ways, source: Ways) -> bool:
    """Measure what a forward adds to an echo, alone and beside a saturated connection."""
    straight = percentiles(forward_load.echoes(ways.straight, ECHOES))
    met = True
    for name, port in (("natpass", ways.ours), ("ssh", ways.theirs)):
        alone = percentiles(forward_load.echoes(port, ECHOES))
        busy_port = source.ours if name == "natpass" else source.theirs
        loading = [sys.executable, "-c", f"from tests.support.forward_load import *; download({busy_port}, 1 << 40)"]
        with subprocess.Popen(loading, cwd=ROOT, stderr=subprocess.DEVNULL) as load:
            time.sleep(1.0)  # the load is at its full rate
            beside = percentiles(forward_load.echoes(port, ECHOES))
            load.kill()
        print(
            f"echo added by {name}: p50 {alone[0] - straight[0]:.2f} ms, p99 {alone[1] - straight[1]:.2f}; beside a "
            f"saturated one p50 {beside[0] - straight[0]:.2f}, p99 {beside[1] - straight[1]:.2f} (bars 1 · 10)",
            flush=True,
        )
        if name == "natpass":
            met = alone[0] - straight[0] <= 1.0 and beside[1] - straight[1] <= 10.0
    return met


def idle(ways: Ways, stage: Stage, console: psutil.Process) -> bool:
    """Measure the memory of idle connections."""
    programs = {"console": console, "agent": psutil.Process(stage.agent.process.pid)}
    with ExitStack() as stack:
        for _ in range(50):  # what grows once
            forward_load.echoes(ways.ours, 1)
        before = {name: process.memory_info().rss for name, process in programs.items()}
        for _ in range(IDLE):
            peer = stack.enter_context(socket.create_connection((HOST, ways.ours)))
            peer.sendall(b"x")
            peer.recv(1)
        each = {name: (process.memory_info().rss - before[name]) / IDLE / 1024 for name, process in programs.items()}
    figures = ", ".join(f"{name} {kib:.1f} KiB each" for name, kib in each.items())
    print(f"{IDLE} idle connections: {figures} (bar 24)", flush=True)
    return max(each.values()) <= 24


def web(ways: Ways) -> bool:
    """Measure requests a second of an nginx."""
    if shutil.which("wrk") is None:
        print("nginx: not measured, for wrk is missing: apt install wrk")
        return True
    best, failed = {"ours": 0.0, "theirs": 0.0}, 0
    for name, port in (("ours", ways.ours), ("theirs", ways.theirs)) * RUNS:
        command = ["wrk", "-t1", f"-c{AT_ONCE}", "-d3s", f"http://{HOST}:{port}/"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (rate,) = (float(line.split()[1]) for line in said.splitlines() if line.startswith("Requests/sec"))
        best[name] = max(best[name], rate)
        failed += name == "ours" and ("Socket errors" in said or "Non-2xx" in said)
    ratio = best["ours"] / best["theirs"]
    print(
        f"nginx, wrk with {AT_ONCE} connections: {best['ours']:.0f} requests/s, ssh {best['theirs']:.0f}: "
        f"{ratio:.2f} (bar 0.7), runs with failures: {failed} (bar 0)",
        flush=True,
    )
    return ratio >= 0.7 and not failed


def main() -> int:
    """Measure everything."""
    missing = [] if sshd.is_there() else ["openssh-server", "openssh-client"]
    missing += [] if shutil.which("nginx") else ["nginx"]
    if missing:
        print(f"nothing measured, for something is missing: apt install {' '.join(missing)}")
        return 0
    with tempfile.TemporaryDirectory() as name, forward_load.servers() as ports, nginx(Path(name)) as page:
        targets = [ports.source, ports.sink, ports.echo, ports.once, page]
        with forwards(targets) as (ways, stage, console):
            source, sink, echoing, once, pages = ways
            met = [
                rates("one connection, down", source, forward_load.download),
                rates("one connection, up", sink, forward_load.upload),
                opens(once),
                echo(echoing, source),
                web(pages),
                idle(echoing, stage, console),
            ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
