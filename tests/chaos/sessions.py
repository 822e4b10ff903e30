"""Many commands while the relay is killed and started again: every line comes exactly once, and soon."""

import contextlib
import os
import selectors
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.stage import ChaosError, Stage
from tests.support.network.journal import percentile

#: Counts by itself, and echoes its input: each direction has its own order.
#: (Not `cat`, which would pass on half a line at the end of a message.)
_SCRIPT = """
exec 3<&0
while read -r line <&3; do echo "$line"; done &
for i in $(seq 1 {lines}); do echo n $i; sleep 0.05; done
wait
"""
_TELL_EVERY = 0.1
BAR_SECONDS = 3.0


@dataclass(slots=True)
class _Session:
    """One command, and its progress."""

    console: "subprocess.Popen[bytes]"
    number: int
    told: int = 0
    rest: bytes = b""
    next: dict[bytes, int] = field(default_factory=lambda: {b"n": 1, b"c": 1})

    def take(self, data: bytes) -> None:
        """Check lines: each number follows the previous one."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            which, _, number = line.partition(b" ")
            if which not in self.next or number != b"%d" % self.next[which]:
                raise ChaosError(f"session {self.number}: got {line!r}, expected {self.next}")
            self.next[which] += 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run."""

    sessions: int
    lines: int
    kills: int
    waits: list[float]
    seconds: float

    def __str__(self) -> str:
        p50, most = percentile(self.waits, 0.5), percentile(self.waits, 1.0)
        return (
            f"{self.sessions} sessions, {self.kills} relay kills, {self.seconds:.1f} s: {self.lines} lines, each once "
            f"and in order; from the relay's return to each session's bytes: p50 {p50:.2f} s, most {most:.2f} s "
            f"(bar {BAR_SECONDS:g} s): {most / BAR_SECONDS:.2f}"
        )


def run(
    folder: Path, *, sessions: int = 20, lines: int = 600, kills: int = 3, outage: float = 0.0, dead_after: float = 1.0
) -> Outcome:
    """Run once.

    Raises:
        ChaosError: a line is missing, came twice, or something is left over.
    """
    with Stage(folder, dead_after=dead_after) as stage:
        begin = time.monotonic()
        running = [
            _Session(stage.console("sh", "-c", _SCRIPT.format(lines=lines)), number + 1) for number in range(sessions)
        ]
        waits = _Watch(stage, running, kills, outage).run()
        took = time.monotonic() - begin
        for session in running:
            if status := session.console.wait(30):
                raise ChaosError(f"session {session.number}: {status}, {stage.said_by_console(session.number)}")
            if session.next != {b"n": lines + 1, b"c": session.told + 1}:
                raise ChaosError(f"session {session.number} ended before {session.next} came")
        stage.check_tidy()
        total = sum(sum(session.next.values()) - 2 for session in running)
        return Outcome(sessions, total, kills, waits, took)


class _Watch:
    """Reads all sessions, writes lines to them, and kills the relay now and then."""

    def __init__(self, stage: Stage, sessions: list[_Session], kills: int, outage: float) -> None:
        self._stage, self._sessions, self._kills, self._outage = stage, sessions, kills, outage
        self._returned: float | None = None
        self._waiting: set[int] = set()
        self._restart: threading.Thread | None = None
        self._waits: list[float] = []

    def run(self) -> list[float]:
        with selectors.DefaultSelector() as selector:
            for session in self._sessions:
                assert session.console.stdout is not None
                selector.register(session.console.stdout, selectors.EVENT_READ, session)
            tell_at = kill_at = 0.0
            while selector.get_map():
                now = time.monotonic()
                if now >= tell_at:
                    self._tell()
                    tell_at = now + _TELL_EVERY
                if not kill_at and all(session.next[b"n"] > 1 for session in self._sessions):
                    kill_at = now + 1.0
                if kill_at and now >= kill_at and self._kills and not self._waiting and self._restart is None:
                    self._kill()
                    kill_at = 0.0
                self._check_patience()
                for key, _ in selector.select(_TELL_EVERY):
                    if data := os.read(key.fd, 1 << 16):
                        key.data.take(data)
                        self._flowed(key.data)
                    else:
                        selector.unregister(key.fileobj)
        return self._waits

    def _tell(self) -> None:
        for session in self._sessions:
            stdin = session.console.stdin
            assert stdin is not None
            if stdin.closed:
                continue
            if self._kills or self._waiting or self._restart or session.next[b"n"] < 3:
                session.told += 1
                with contextlib.suppress(BrokenPipeError):  # it has ended: its status tells more
                    stdin.write(b"c %d\n" % session.told)
                    stdin.flush()
            else:
                stdin.close()  # its echo ends

    def _kill(self) -> None:
        self._kills -= 1
        self._stage.relay.kill()

        def restart() -> None:
            threading.Event().wait(self._outage)
            self._returned = self._stage.start_relay()

        self._restart = threading.Thread(target=restart, daemon=True)
        self._restart.start()
        self._waiting = {session.number for session in self._sessions}

    def _flowed(self, session: _Session) -> None:
        if self._returned is None or session.number not in self._waiting:
            return
        self._waiting.discard(session.number)
        self._waits.append(max(time.monotonic() - self._returned, 0.0))
        if not self._waiting:
            self._returned = self._restart = None

    def _check_patience(self) -> None:
        if self._returned is not None and time.monotonic() - self._returned > 60:
            raise ChaosError(f"60 s after the relay's return, sessions {sorted(self._waiting)} are still silent")
