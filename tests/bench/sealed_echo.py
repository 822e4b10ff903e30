"""The echo of a key on a sealed and an unsealed shell: keys on each in turn, through the same relay and agent."""

import asyncio
import os
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

from natpass_wire.aio import runtime
from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import Link
from natpass_wire.aio.tasks import Tasks
from natpass_wire.login import v2
from natpass_wire.login.keys import RootKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.shell_pb2 import ShellData
from tests.bench import agent as agent_bench
from tests.end_to_end.agent_programs import SECRET
from tests.support.sealing import sealing
from tests.support.unsealed import place

assert sys.platform != "win32"

KEYS, WARM = 2000, 200
BAR_MS = 0.3


def target(port: int, *, sealed: bool) -> RelayTarget:
    """Return a console's login parameters."""
    root = RootKey.from_secret(SECRET)
    key, name = root.login_key(), f"tui-bench-{'sealed' if sealed else 'bare'}"
    claims = v2.Claims(name, Role.ROLE_CONSOLE, (), "bench", v2.instance_tag(key, os.urandom(32)))
    found = RelayTarget(RelayAddress("127.0.0.1", port), tls=True, claims=claims, login=key)
    return replace(found, sealing=sealing(root.link_key())) if sealed else found


async def open_shell(tasks: Tasks, port: int, *, sealed: bool) -> Link:
    """Open a shell that echoes its input, from a separate console."""
    client = RelayClient(target(port, sealed=sealed))
    tasks.start(client.run(), "console")
    await client.online()
    shell = await agent_bench.open_shell(client, agent_bench.RAW_CAT)
    if (shell.peer_key is not None) is not sealed:
        raise RuntimeError("the links are not what is compared here")
    while b"ready" not in (await shell.receive()).sdata.data:
        pass
    return shell


async def echo(shell: Link) -> float:
    """Return the milliseconds of a key's round trip."""
    begin = time.perf_counter()
    await shell.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=b"x")))
    await shell.receive()
    return (time.perf_counter() - begin) * 1e3


async def measure(port: int) -> int:
    """Measure; return 1 if the bar was not kept."""
    tasks, pauses = Tasks(), random.Random(1)
    try:
        shells = {sealed: await open_shell(tasks, port, sealed=sealed) for sealed in (True, False)}
        found: dict[bool, list[float]] = {True: [], False: []}
        for number in range(WARM + KEYS):
            for sealed in (True, False) if number % 2 else (False, True):
                await asyncio.sleep(pauses.uniform(0.002, 0.006))
                milliseconds = await echo(shells[sealed])
                if number >= WARM:
                    found[sealed].append(milliseconds)
    finally:
        await tasks.close()
    cuts = {sealed: quantiles(took, n=100) for sealed, took in found.items()}
    for percent in (50, 99):
        sealed_ms, bare_ms = cuts[True][percent - 1], cuts[False][percent - 1]
        print(
            f"echo of a key, p{percent}: sealed {sealed_ms:.2f} ms, unsealed {bare_ms:.2f} ms: "
            f"{sealed_ms - bare_ms:+.3f} ms (bar {BAR_MS:g} ms)"
        )
    return 0 if cuts[True][49] - cuts[False][49] <= BAR_MS else 1


def main() -> int:
    """Measure; return the exit status."""
    with tempfile.TemporaryDirectory() as name, place(Path(name)) as at:
        return runtime.run(measure(at.port))


if __name__ == "__main__":
    sys.exit(main())
