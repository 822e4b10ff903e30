"""A file through `natpass-tui exec` beside `ssh -J`, on a line with random delays, like a radio link.

The line is between each console and its relay or jump host, and limits the rate of both. The bench shows whether our
pace mistakes delays for a queue; `echo` measures the echo of a key meanwhile.
"""

import subprocess
import sys
from dataclasses import replace
from functools import partial

from tests.bench.exec_pipe import programs, took
from tests.support.network.line import Shape
from tests.support.network.process import shaped_line

#: 20 Mbit/s, 20 ms round trip, and as much again for late packets.
LINE = Shape(rate=2.5e6, delay=0.010, jitter=0.005)
SIZE = 20_000_000
BAR = 0.7


def main() -> int:
    """Measure both; return 1 if the bar was not kept."""
    command = ["head", "-c", str(SIZE), "/dev/urandom"]
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with programs() as both:
        if both is None:
            return 0
        with shaped_line(both.stage.port, LINE) as port, shaped_line(both.ssh.jump, LINE) as jump:
            ours = SIZE / took(partial(both.stage.console, *command, port=port, **given))
            theirs = SIZE / took(partial(subprocess.Popen, replace(both.ssh, jump=jump).command(*command), **given))
    ratio = ours / theirs
    print(
        f"{LINE.rate / 1e6:g} MB/s, {LINE.delay * 2e3:g} ms + {LINE.jitter * 2e3:g} ms: {ours / 1e6:.2f} MB/s, "
        f"ssh -J {theirs / 1e6:.2f} MB/s: {ratio:.2f} (bar {BAR:g})"
    )
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
