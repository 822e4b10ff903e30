"""The time from `natpass-tui shell box` to the prompt, sealed and unsealed in turn: whole programs on loopback."""

import os
import select
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from ptyprocess import PtyProcess

from natpass_tui.terminal.ghostty import GhosttyEngine
from tests.support.unsealed import Place, place

assert sys.platform != "win32"

RUNS = 15
BAR_MS = 30.0
_ROWS, _COLS = 24, 80
_PROMPT = b"ready>"
_SHELL = "sh -c 'printf ready\\>; exec cat'"
_HUNG_SECONDS = 30.0


def start(at: Place, *, sealed: bool) -> float:
    """Return the milliseconds until a terminal shows the prompt; it answers queries as terminals do."""
    command = at.command("shell", "--exec", _SHELL, "box", sealed=sealed)
    engine, seen, begin = GhosttyEngine(_ROWS, _COLS), b"", time.perf_counter()
    process = PtyProcess.spawn(command, env=at.env | {"TERM": "xterm-256color"}, dimensions=(_ROWS, _COLS), echo=False)
    try:
        while _PROMPT not in seen:
            if not select.select([process.fd], [], [], _HUNG_SECONDS)[0]:
                raise RuntimeError(f"no prompt within {_HUNG_SECONDS:.0f} s")
            data = os.read(process.fd, 1 << 16)
            seen += data
            if replies := engine.feed(data):
                os.write(process.fd, replies)
        return (time.perf_counter() - begin) * 1e3
    finally:
        process.close(force=True)
        engine.close()


def main() -> int:
    """Measure; return 1 if the bar was not kept."""
    found: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as name, place(Path(name)) as at:
        for sealed in (True, False):
            start(at, sealed=sealed)  # creates files and warms the caches
        for number in range(2 * RUNS):
            sealed = number % 4 in {0, 3}
            found[sealed].append(start(at, sealed=sealed))
    sealed_ms, bare_ms = median(found[True]), median(found[False])
    more = sealed_ms - bare_ms
    least = min(found[True]) - min(found[False])
    print(
        f"from start to prompt, {RUNS} each: sealed {sealed_ms:.0f} ms, unsealed {bare_ms:.0f} ms: "
        f"{more:+.1f} ms (bar {BAR_MS:g} ms), of the fastest {least:+.1f} ms"
    )
    return 0 if more <= BAR_MS else 1


if __name__ == "__main__":
    sys.exit(main())
