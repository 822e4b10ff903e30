"""redis-cli and redis-benchmark through `forward -L` to a redis-server that only the agent reaches."""

import random
import subprocess
from pathlib import Path

from tests.interop.beyond import ADDRESS, NAME, beyond
from tests.interop.tool import Tool
from tests.support.waiting import wait_until

_PORT = 6400


def _database(folder: Path, size: int, requests: int) -> None:
    value = random.Random(7).randbytes(size)
    (folder / "value").write_bytes(value)
    options = ("--port", str(_PORT), "--bind", ADDRESS, "--save", "", "--protected-mode", "no", "--dir", str(folder))
    with (
        beyond(folder) as place,
        place.there("redis-server", *options) as server,
        place.forward(f"-L 0:{NAME}:{_PORT}") as (console, (port,)),
    ):
        wait_until(lambda: place.listens(_PORT, server), "redis-server")
        cli = ("redis-cli", "-p", str(port))
        assert place.here(*cli, "ping") == b"PONG\n"
        before = place.open_now(console)
        with (folder / "value").open("rb") as stdin:
            command = [*place.machines.on_relay(), *cli, "-x", "set", "value"]
            done = subprocess.run(command, stdin=stdin, capture_output=True, check=False, timeout=120)
        assert done.stdout == b"OK\n", done.stderr.decode()
        assert place.here(*cli, "strlen", "value") == b"%d\n" % size
        assert place.here(*cli, "--raw", "get", "value", timeout=600) == value + b"\n"
        load = ("-c", "50", "-n", str(requests), "-P", "4", "-t", "set,get,lrange_100", "-q")
        said = place.here("redis-benchmark", "-p", str(port), *load, timeout=600)
        assert said.count(b"requests per second") >= 3, said.decode()
        assert b"rror" not in said, said.decode()
        place.check_nothing_left(before)
        assert console.stop() == 0


def small(folder: Path) -> None:
    """Store 3 MB, get it back, and make 2000 requests of each kind with 50 connections."""
    _database(folder, 3_000_000, 2000)


def heavy(folder: Path) -> None:
    """Store 200 MB, and make 200 000 requests of each kind."""
    _database(folder, 200_000_000, 200_000)


TOOL = Tool(
    "redis-cli and redis-benchmark through forward -L",
    {"redis-server": "redis-server", "redis-cli": "redis-tools", "ip": "iproute2"},
    small,
    heavy,
)
