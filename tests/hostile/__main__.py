"""The command: `python -m tests.hostile [WHAT ...] [options]`; without WHAT, everything.

    relay       a hostile relay between console and agent attacks sealed links
    outside     all attackers of the table in SECURITY.md, each from network namespaces (needs root):
                its names, such as bare-same, choose single ones (--list)
    pictures    a hostile agent's pictures at the real console

SECURITY.md's table comes from these, with nothing else running:

    make hostile ARGS="outside"                   the whole form: some 20 s each
    make hostile ARGS="outside --seconds 60"      as long as the review's
    make hostile ARGS="key-updates pings"         one row
    make hostile ARGS="outside --part 0.25 --seconds 4"     as tests do, by less
    make hostile ARGS="relay --attempts 100000 --seed 1"

Each attack prints one line: honest logins and links that succeeded of those asked for, echo of 64 bytes on an honest
link, memory (RSS at most) and processor time of relay and agent, log written, and whether the admin got in. The exit
status is 1 if a promise of SECURITY.md was broken.
"""

import argparse
import multiprocessing
import os
import sys
import time

from natpass_wire.aio import runtime
from tests.hostile.attempts import Report
from tests.hostile.jobs import work, work_at_program
from tests.hostile.outside import pictures
from tests.hostile.outside.attack import Attack
from tests.hostile.outside.machines import NoMachinesError, machines
from tests.hostile.outside.registry import ATTACKS
from tests.hostile.outside.run import run

_RELAY, _OUTSIDE, _PICTURES = "relay", "outside", "pictures"


def options() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__, formatter_class=formatter)
    choices = [_RELAY, _OUTSIDE, _PICTURES, *ATTACKS]
    parser.add_argument("what", nargs="*", metavar="WHAT", choices=[*choices, []], help="what attacks")
    parser.add_argument("--list", action="store_true", help="list the attackers of `outside`, and exit")
    outside = parser.add_argument_group("outside")
    outside.add_argument("--seconds", type=float, metavar="S", help="how long each attack is")
    outside.add_argument("--part", type=float, default=1.0, metavar="P", help="how much of an attack's whole strength")
    relay = parser.add_argument_group("relay")
    relay.add_argument("--attempts", type=int, default=100_000, metavar="N", help="number of attacks")
    relay.add_argument("--seed", type=int, default=1, metavar="S", help="decides which attacks are made, and where")
    relay.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="processes that attack")
    relay.add_argument("--consoles", type=int, default=24, metavar="C", help="attempts at a time in each")
    relay.add_argument("--programs", type=int, default=300, metavar="P", help="more attempts, at a real natpass-agent")
    relay.add_argument("--report", action="store_true", help="report progress now and then")
    return parser


def again(told: argparse.Namespace, jobs: int) -> str:
    """Return the options that repeat the same attempts."""
    names = {"seed": told.seed, "attempts": told.attempts, "jobs": jobs}
    names |= {"consoles": told.consoles, "programs": told.programs}
    return " ".join([_RELAY, *(f"--{name} {value}" for name, value in names.items())])


def main(arguments: list[str] | None = None) -> int:
    """Attack; return 1 if a promise was broken."""
    told = options().parse_args(arguments)
    if told.list:
        for attack in ATTACKS.values():
            print(f"row {attack.row:>2} {attack.name:<18} has {attack.has}: {attack.what}")
        return 0
    chosen = set(told.what) or {_RELAY, _OUTSIDE, _PICTURES}
    attacks = [attack for name, attack in ATTACKS.items() if {name, _OUTSIDE} & chosen]
    status = from_outside(attacks, told.seconds, told.part) if attacks else 0
    if {_PICTURES, _OUTSIDE} & chosen:
        status = with_pictures(told.seconds or 20.0) or status
    return (by_relay(told) if _RELAY in chosen else 0) or status


def from_outside(attacks: list[Attack], seconds: float | None, part: float) -> int:
    """Run attackers; return 1 if a promise was broken."""
    status = 0
    try:
        with machines() as here:
            for attack in attacks:
                result = run(here, attack, seconds or attack.seconds, part)
                print(result.line(), flush=True)
                for fault in result.faults():
                    print(f"       BROKEN: {fault}", flush=True)
                    status = 1
    except NoMachinesError as error:
        print(f"skipped: {error}", file=sys.stderr)
    return status


def with_pictures(seconds: float) -> int:
    """Send a console hostile pictures; return 1 if a promise was broken."""

    async def send() -> int:
        result = await pictures.run(seconds)
        print(result.line(), flush=True)
        for fault in result.faults():
            print(f"       BROKEN: {fault}", flush=True)
        return bool(result.faults())

    return runtime.run(send())


def by_relay(told: argparse.Namespace) -> int:
    """Let a relay attack; return 1 if a promise was broken."""
    begin = time.monotonic()
    jobs = max(min(told.jobs, told.attempts), 1)
    shares = [told.attempts // jobs + (number < told.attempts % jobs) for number in range(jobs)]
    at_program = (f"{told.seed}-program", told.programs)
    tasks = [(f"{told.seed}-{number}", share, told.consoles, told.report) for number, share in enumerate(shares)]
    total = Report()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        results = [pool.apply_async(work, task) for task in tasks]
        for number in range(jobs + 1):  # the last one runs alone: a failure of another one leaves nothing of it behind
            outcome = results[number].get() if number < jobs else pool.apply(work_at_program, at_program)
            if isinstance(outcome, str):
                print(f"VIOLATION: seed {outcome}", file=sys.stderr)
                print(f"again: python -m tests.hostile {again(told, jobs)}", file=sys.stderr)
                return 1
            total.add(outcome)
    print(total.table())
    took = time.monotonic() - begin
    print(f"no promise was broken, in {took:.0f} s ({total.attempts / took:.0f} attempts a second)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
