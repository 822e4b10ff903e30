"""The command: `python -m tests.chaos [pipe | forward | sessions | memory] [options]`."""

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

from tests.chaos import forward, memory, pipe, sessions
from tests.chaos.stage import ChaosError

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
#: Cuts, bytes and kills of the relay.
_USUAL = {"pipe": (1000, 200 * 10**6, 0), "forward": (200, 500 * 10**6, 1)}


def size(text: str) -> int:
    """Return the bytes of `200MB`, `1GiB` or a plain number."""
    found = re.fullmatch(r"(\d+)([KMG]i?B)?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, such as 200MB")
    return int(found[1]) * _UNITS[found[2] or ""]


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("scenario", nargs="?", default="pipe", choices=["pipe", "forward", "sessions", "memory"])
    parser.add_argument("--runs", type=int, default=1, metavar="K", help="runs (pipe, forward: with consecutive seeds)")
    parser.add_argument("--dead-after", type=float, default=1.0, metavar="S", help="of relay, agent and consoles")
    parser.add_argument("--cuts", type=int, help="connections to cut; default: pipe 1000, forward 200")
    parser.add_argument("--bytes", type=size, help="data each way; default: pipe 200MB, forward 500MB")
    parser.add_argument("--seed", type=int, help="pipe, forward: decides when what is cut; default: any")
    parser.add_argument("--silent", type=float, default=0.05, help="pipe, forward: share of silent cuts")
    parser.add_argument("--kill-relay", type=int, metavar="K", help="kills of the relay; default: pipe 0, forward 1")
    parser.add_argument("--ways", default="-L", help="forward: which, such as '-L -R -D'")
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
        cuts, data, kills = (
            usual if given is None else given
            for given, usual in zip((told.cuts, told.bytes, told.kill_relay), _USUAL[told.scenario], strict=True)
        )
        common = {"dead_after": told.dead_after, "silent": told.silent}
        outcome: pipe.Outcome | forward.Outcome
        if told.scenario == "pipe":
            outcome = pipe.run(path, told.seed + number, cuts=cuts, size=data, kill_relay=kills, **common)
        else:
            ways = told.ways.split()
            outcome = forward.run(path, told.seed + number, cuts=cuts, size=data, kill_relay=kills, ways=ways, **common)
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
    which = f"seed {told.seed + number}" if told.scenario in _USUAL else told.scenario
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
