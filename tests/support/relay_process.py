"""The command natpass-relay as a separate process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import patience

COMMAND = Path(sys.executable).parent / "natpass-relay"
#: The exit status of a process that was killed: minus SIGKILL, which has no name on Windows.
_KILLED = -9


@dataclass(frozen=True)
class RelayProcess:
    """A relay that listens on loopback."""

    process: subprocess.Popen[str]
    port: int
    host: str = "127.0.0.1"

    def kill(self) -> None:
        """Kill the relay, as the out-of-memory killer would."""
        self.process.kill()
        self.process.wait(timeout=patience(10))


@contextmanager
def relay_process(state: Path, *options: str, port: int = 0) -> Iterator[RelayProcess]:
    """Run a relay; stop it in the end, and check its exit status 0 unless it was killed."""
    arguments = [str(COMMAND), "--listen", f"127.0.0.1:{port}", "--state-dir", str(state), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NATPASS_")}
    environment["XDG_CONFIG_HOME"] = str(state / "no-config")
    with (
        (state / "relay.log").open("a") as log,
        subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on 127.0.0.1:"), line + (state / "relay.log").read_text()
            yield RelayProcess(process, int(line.rsplit(":", 1)[1]))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=patience(10))
    assert status in {0, _KILLED}, (status, (state / "relay.log").read_text())
