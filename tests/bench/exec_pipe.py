"""A big file through `natpass-tui exec`, beside the same file through `ssh -J`: whole commands, from start to end.

Relay, agent and console are the real programs with TLS; ssh goes through a jump host, as natpass goes through a relay.
`python -m tests.bench` prints the limit of any relay before it.

Runs alternate, since a machine's speed changes during the measurement; the best of five counts.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.stage import ChaosError, Stage
from tests.support import sshd

SIZE = 256_000_000
RUNS = 5
BAR = 1.0
_MOST_SECONDS = 300.0
#: The command after `--` for natpass, and after the host for ssh.
_TAKE = f"test $(wc -c) -eq {SIZE}"  # status 0: everything arrived


def took(run: Callable[[], subprocess.Popen[bytes] | subprocess.Popen[str]]) -> float:
    """Return the seconds that a command takes from its start to its end.

    Raises:
        ChaosError: it failed.
    """
    begin = time.perf_counter()
    with run() as process:
        watchdog = threading.Timer(_MOST_SECONDS, process.kill)
        watchdog.daemon = True
        watchdog.start()
        status = process.wait()  # with a timeout it would poll every 50 ms
        took = time.perf_counter() - begin
        watchdog.cancel()
    if status:
        raise ChaosError(f"it ended with {status}")
    return took


@dataclass(frozen=True)
class Both:
    """Our programs, and SSH's."""

    stage: Stage
    ssh: sshd.JumpedSsh

    def best(self, command: list[str], given: Path) -> tuple[float, float]:
        """Return the seconds of a command through natpass and through SSH, each the best of some runs."""
        ours, theirs = [], []
        remote = self.ssh.command(command[-1] if command[0] == "sh" else " ".join(command))  # ssh always runs a shell
        for _ in range(RUNS):
            with given.open("rb") as stdin, Path(os.devnull).open("wb") as nowhere:
                try:
                    ours.append(took(partial(self.stage.console, *command, stdin=stdin, stdout=nowhere)))
                except ChaosError as error:
                    raise ChaosError(f"{' '.join(command)}: {error}, {self.stage.said_by_console()}") from error
                stdin.seek(0)
                theirs.append(took(partial(subprocess.Popen, remote, stdin=stdin, stdout=nowhere)))
        return min(ours), min(theirs)

    def rates(self, name: str, command: list[str], given: Path) -> float:
        """Measure the rate of SIZE bytes; return the ratio of natpass to SSH."""
        ours, theirs = (SIZE / seconds for seconds in self.best(command, given))
        print(
            f"{name}: {ours / 1e6:.1f} MB/s, ssh -J {theirs / 1e6:.1f} MB/s: {ours / theirs:.2f} (bar {BAR:g})",
            flush=True,
        )
        return ours / theirs


@contextmanager
def programs() -> Iterator[Both | None]:
    """Run our programs and SSH's; yield None if SSH is not installed."""
    if not sshd.is_there():
        print("skipped: needs openssh-server and openssh-client")
        yield None
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ours").mkdir()
        with sshd.jumped_ssh(folder) as ssh, Stage(folder / "ours", dead_after=15, direct=True) as stage:
            yield Both(stage, ssh)


def main() -> int:
    """Measure both directions."""
    with programs() as both:
        if both is None:
            return 0
        with tempfile.NamedTemporaryFile() as file:
            for _ in range(SIZE // 1_000_000):
                file.write(os.urandom(1_000_000))
            file.flush()
            big, nothing = Path(file.name), Path(os.devnull)
            ours, theirs = both.best(["true"], nothing)
            print(f"a command that does nothing: {ours:.2f} s, ssh -J {theirs:.2f} s", flush=True)
            down = both.rates("cat of a big file", ["cat", str(big)], nothing)
            up = both.rates("a big file as input", ["sh", "-c", _TAKE], big)
    return 0 if min(down, up) >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
