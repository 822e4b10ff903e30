"""A shaped line as a separate process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.network.line import Shape


@contextmanager
def shaped_line(target: int, shape: Shape) -> Iterator[int]:
    """Run a slow line to a port of loopback; yield the line's own port."""
    command = [sys.executable, "-m", "tests.support.network", str(target)]
    command += ["--rate", str(shape.rate), "--delay", str(shape.delay), "--queue", str(shape.queue)]
    command += ["--jitter", str(shape.jitter)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)
