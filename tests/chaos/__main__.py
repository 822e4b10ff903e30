"""The command: `python -m tests.chaos [pipe | sessions | memory] [options]`."""

import argparse
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos import memory, pipe, sessions
from tests.chaos.stage import ChaosError

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def size(text: str) -> int:
    """Return the bytes of `200MB`, `1GiB` or a plain number."""
    found = re.fullmatch(r"(\d+)([KMG]i?B)?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, such as 200MB")
    return int(found[1]) * _UNITS[found[2] or ""]


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("scenario", nargs="?", default="pipe", choices=["pipe", "sessions", "memory"])
    parser.add_argument("--runs", type=int, default=1, metavar="K", help="runs (pipe: with consecutive seeds)")
    parser.add_argument("--dead-after", type=float, default=1.0, metavar="S", help="of relay, agent and consoles")
    parser.add_argument("--cuts", type=int, default=1000, help="pipe: connections to cut")
    parser.add_argument("--bytes", type=size, default=size("200MB"), help="pipe: data each way, such as 200MB")
    parser.add_argument("--seed", type=int, help="pipe: decides when what is cut; default: any")
    parser.add_argument("--silent", type=float, default=0.05, help="pipe: share of silent cuts")
    parser.add_argument("--kill-relay", type=int, default=0, metavar="K", help="pipe: how often to kill the relay, too")
    parser.add_argument("--keep", action="store_true", help="keep logs and networks' events even on success")
    parser.add_argument("--sessions", type=int, default=20, help="sessions: how many")
    parser.add_argument("--kills", type=int, default=3, help="sessions: how often the relay is killed")
    parser.add_argument("--outage", type=float, default=0.0, metavar="S", help="sessions: how long it stays away")
    parser.add_argument("--waiting", type=size, default=size("1GiB"), help="memory: what waits")
    return parser


@contextmanager
def folder(*, keep: bool) -> Iterator[Path]:
    """Yield a temporary folder; keep it for its logs if something fails, or with `keep`."""
    path = Path(tempfile.mkdtemp(prefix="natpass-chaos-"))
    try:
        yield path
    except (ChaosError, AssertionError, subprocess.TimeoutExpired):
        print(f"logs and networks' events: {path}", file=sys.stderr)
        raise
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    if keep:
        print(f"logs and networks' events: {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)


def run(told: argparse.Namespace, number: int) -> bool:
    """Run a scenario once, and print a line; return whether it met its bar."""
    with folder(keep=told.keep) as path:
        if told.scenario == "memory":
            found = memory.run(path, size=told.waiting, dead_after=told.dead_after)
            print(*found, sep="\n", flush=True)
            return all(outcome.is_within for outcome in found)
        if told.scenario == "sessions":
            kept = sessions.run(
                path, sessions=told.sessions, kills=told.kills, outage=told.outage, dead_after=told.dead_after
            )
            print(kept, flush=True)
            return max(kept.waits, default=0) <= sessions.BAR_SECONDS
        outcome = pipe.run(
            path,
            told.seed + number,
            cuts=told.cuts,
            size=told.bytes,
            kill_relay=told.kill_relay,
            dead_after=told.dead_after,
            silent=told.silent,
        )
        print(outcome, flush=True)
        return max((wait.seconds for wait in outcome.waits), default=0.0) <= sessions.BAR_SECONDS


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen scenario; return 1 if something was lost, left over, or missed its bar."""
    told = options().parse_args(arguments)
    if told.seed is None:
        told.seed = secrets.randbelow(1_000_000)
    kept = [_reported(told, number) for number in range(told.runs)]
    return 0 if all(kept) else 1


def _reported(told: argparse.Namespace, number: int) -> bool:
    which = f"seed {told.seed + number}" if told.scenario == "pipe" else told.scenario
    try:
        return run(told, number)
    except (ChaosError, AssertionError, subprocess.TimeoutExpired) as error:
        print(f"{which}: FAILED: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        return False


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
