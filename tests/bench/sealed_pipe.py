"""A big file through `natpass-tui exec`, sealed and unsealed in turn: whole commands, both directions."""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.limits import splice_bytes_per_second
from tests.support.unsealed import Place, place

SIZE = 256_000_000
RUNS = 7
BAR = 0.8
_TAKE = f"test $(wc -c) -eq {SIZE}"  # status 0: everything arrived


def took(at: Place, command: list[str], given: Path, *, sealed: bool) -> float:
    """Return the seconds of a command that reads a file."""
    with given.open("rb") as stdin, Path(os.devnull).open("wb") as nowhere:
        begin = time.perf_counter()
        at.run("exec", "box", "--", *command, sealed=sealed, stdin=stdin.fileno(), stdout=nowhere.fileno())
        return time.perf_counter() - begin


def measure(at: Place, name: str, command: list[str], given: Path) -> float:
    """Print the rates; return the ratio of the medians."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * RUNS):
        sealed = number % 4 in {0, 3}  # s u u s s u u s: a drift affects both
        rates[sealed].append(SIZE / took(at, command, given, sealed=sealed) / 1e6)
    sealed_rate, bare_rate = median(rates[True]), median(rates[False])
    ratio = sealed_rate / bare_rate
    splice = splice_bytes_per_second() / 1e6
    print(
        f"{name}: sealed {sealed_rate:.0f} MB/s, unsealed {bare_rate:.0f} MB/s: {ratio:.2f} (bar {BAR:g}); "
        f"raw splice {splice:.0f} MB/s",
        flush=True,
    )
    return ratio


def main() -> int:
    """Measure both directions; return 1 if a bar was not kept."""
    with tempfile.TemporaryDirectory() as name, place(Path(name)) as at:
        big, nothing = Path(name, "big"), Path(os.devnull)
        with big.open("wb") as file:
            for _ in range(SIZE // 1_000_000):
                file.write(os.urandom(1_000_000))
        took(at, ["true"], nothing, sealed=True)
        took(at, ["true"], nothing, sealed=False)
        down = measure(at, "cat of a big file", ["cat", str(big)], nothing)
        up = measure(at, "a big file as input", ["sh", "-c", _TAKE], big)
    return 0 if min(down, up) >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
