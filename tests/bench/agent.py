"""The cost of agent and relay for a shell: bytes a second, and the echo of a key.

Figures are ratios to the same program on a local pty in the same run: times differ between machines.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import quantiles

from ptyprocess import PtyProcess

from natpass_agent.agent import Agent
from natpass_relay.server import RelayServer, RelaySettings
from natpass_wire.aio import runtime
from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.login.keys import LoginKey
from natpass_wire.login.v2 import Claims
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.sealing import sealing

assert sys.platform != "win32"

KEY = LoginKey(bytes(32))
BIG_BYTES = 64_000_000
ECHOES = 1000
RAW_CAT = "sh -c 'stty raw -echo; printf ready; exec cat'"


def local_throughput(argv: list[str]) -> float:
    """Return the MB/s that one process reads from a program on a local pty."""
    pty = PtyProcess.spawn(argv)
    read, since = 0, time.perf_counter()
    try:
        while data := os.read(pty.fd, 16 * 1024):
            read += len(data)
    except OSError:  # Linux' end of file
        pass
    took = time.perf_counter() - since
    pty.close()
    return read / took / 1e6


def local_echo() -> list[float]:
    """Return the seconds of a key's round trip to a local pty."""
    pty = PtyProcess.spawn(["/bin/sh", "-c", "stty raw -echo; printf ready; exec cat"])
    while b"ready" not in os.read(pty.fd, 100):
        pass
    took = []
    for _ in range(ECHOES):
        since = time.perf_counter()
        os.write(pty.fd, b"x")
        os.read(pty.fd, 100)
        took.append(time.perf_counter() - since)
    pty.close()
    return took


async def when_there(open_link: Callable[[], Awaitable[Link]]) -> Link:
    """Open a link as soon as the agent, which is starting, is online; a roster would distort the measurement."""
    while True:
        try:
            return await open_link()
        except LinkEndedError:
            await asyncio.sleep(0.05)


async def open_shell(console: RelayClient, program: str) -> Link:
    shell = ConnectShell(exec=program, rows=24, cols=80)
    return await console.open_link("box", ConnectRequest(kind=ConnectRequest.shell, cshell=shell))


async def remote_throughput(console: RelayClient, program: str) -> float:
    """Return the MB/s of a program's output at the console."""
    read, since = 0, time.perf_counter()
    link = await open_shell(console, program)
    try:
        while True:
            read += len((await link.receive()).sdata.data)
    except LinkEndedError:
        return read / (time.perf_counter() - since) / 1e6


async def remote_echo(console: RelayClient) -> list[float]:
    """Return the seconds of a key's round trip to the remote pty."""
    link = await open_shell(console, RAW_CAT)
    while b"ready" not in (await link.receive()).sdata.data:
        pass
    took = []
    for _ in range(ECHOES):
        since = time.perf_counter()
        await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=b"x")))
        await link.receive()
        took.append(time.perf_counter() - since)
    link.close()
    return took


def target(address: RelayAddress, client_id: str, role: Role) -> RelayTarget:
    claims = Claims(client_id, role, (), "bench", bytes(16))
    return RelayTarget(address, tls=False, claims=claims, login=KEY, sealing=sealing())


def fork_relay_and_agent() -> tuple[int, int, RelayAddress]:
    """Start a relay and an agent as separate processes; return their process ids, and the relay's address."""
    ours, theirs = os.pipe()
    relay = os.fork()
    if not relay:
        runtime.run(run_relay(theirs))
        os._exit(0)
    port = int(os.read(ours, 100))
    os.close(ours)
    os.close(theirs)
    address = RelayAddress("127.0.0.1", port)
    agent = os.fork()
    if not agent:
        runtime.run(run_agent(address))
        os._exit(0)
    return relay, agent, address


async def run_relay(port_to: int) -> int:
    port = (await RelayServer(RelaySettings(key=KEY)).start())[0].port
    os.write(port_to, b"%d" % port)
    await asyncio.Event().wait()
    return 0


async def run_agent(address: RelayAddress) -> int:
    await Agent(target(address, "box", Role.ROLE_AGENT)).run()
    return 0


async def measure(address: RelayAddress, big: Path) -> int:
    tasks = Tasks()
    console = RelayClient(target(address, "tui-bench-01234567", Role.ROLE_CONSOLE))
    tasks.start(console.run(), "console")
    await console.online()
    (await when_there(partial(open_shell, console, "true"))).close()
    for name, program in (("cat of a big file", f"cat {big}"), ("seq 1 5000000", "seq 1 5000000")):
        local = local_throughput(["/bin/sh", "-c", f"exec {program}"])
        remote = await remote_throughput(console, program)
        print(f"{name}: {remote:.1f} MB/s through agent and relay, {local:.1f} MB/s local: {remote / local:.2f}")
    local_cuts, remote_cuts = (quantiles(took, n=100) for took in (local_echo(), await remote_echo(console)))
    for cut in (50, 99):
        there, here = remote_cuts[cut - 1] * 1e6, local_cuts[cut - 1] * 1e6
        print(f"echo of a key, p{cut}: {there:.0f} µs through agent and relay, {here:.0f} µs local: {there / here:.1f}")
    await tasks.close()
    return 0


def main() -> int:
    """Measure, and print a line for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        big = Path(folder, "big")
        big.write_bytes((b"x" * 79 + b"\n") * (BIG_BYTES // 80))
        relay, agent, address = fork_relay_and_agent()
        try:
            return runtime.run(measure(address, big))
        finally:
            for pid in (agent, relay):
                os.kill(pid, 15)
                os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.exit(main())
