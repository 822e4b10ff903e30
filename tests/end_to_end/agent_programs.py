"""The relay and the agent as programs of their own, for tests."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.support.waiting import patience, wait_until

SECRET = "a secret that only tests know"
LEGACY_SECRET = "what existing programs know"
#: Where programs run; a copy of their packages in another folder goes first there.
ROOT = Path(__file__).parents[2]


#: What a program runs on another event loop with; ours is uvloop.
LOOPS = {
    "uvloop": "",
    "asyncio": "import natpass_wire.aio.runtime as runtime; runtime.loop_factory = lambda: None; ",
}


class Program:
    """A running program, whose output goes to a file.

    What an agent starts has the test's folder as its home, by the option for that: the user's own has rc files.
    """

    def __init__(
        self,
        module: str,
        arguments: list[str],
        folder: Path,
        env: dict[str, str] | None = None,
        loop: str = "uvloop",
        *,
        prefix: Sequence[str] = (),
        passes_home: bool = True,
        cwd: Path = ROOT,
        source: str = "",
    ) -> None:
        source = source or f"{LOOPS[loop]}from {module}.cli import main; main()"
        if module == "natpass_agent" and passes_home:
            arguments = ["--pass-env", "HOME", *arguments]
        self.path = folder / f"{module}-{len(list(folder.iterdir()))}.log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        environment |= {"HOME": str(folder), "NATPASS_SECRET": SECRET} | (env or {})
        with self.path.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-c", source, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=cwd,
            )

    @property
    def output(self) -> str:
        return self.path.read_text()

    def said(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Wait until the program has said something that matches, so many times; return the last match."""

        def enough() -> re.Match[str] | None:
            found = list(re.finditer(pattern, self.output))
            return found[-1] if len(found) >= times else None

        try:
            found = wait_until(enough, f"{pattern!r} from {self.path.name}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it said:\n{self.output}") from None
        assert found is not None
        return found

    def status(self) -> int:
        """Wait until the program has ended; return its exit status."""
        return self.process.wait(timeout=patience(10))

    def kill(self) -> None:
        """End it as a power failure would."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.status()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()


@contextmanager
def relay(folder: Path, *arguments: str, port: int = 0, loop: str = "uvloop") -> Iterator[tuple[Program, int]]:
    """Run a relay without TLS on loopback; yield it and its port."""
    options = ["--listen", f"127.0.0.1:{port}", "--no-tls", "--state-dir", str(folder / "relay"), *arguments]
    with Program("natpass_relay", options, folder, {"NATPASS_LEGACY_SECRET": LEGACY_SECRET}, loop) as program:
        yield program, int(program.said(r"listening on 127\.0\.0\.1:(\d+)")[1])


def agent(
    folder: Path,
    port: int,
    *arguments: str,
    env: dict[str, str] | None = None,
    loop: str = "uvloop",
    passes_home: bool = True,
    cwd: Path = ROOT,
) -> Program:
    """Start an agent called `box`."""
    options = ["--relay", f"127.0.0.1:{port}", "--id", "box", "--no-tls", "--state-dir", str(folder / "agent")]
    return Program("natpass_agent", [*options, *arguments], folder, env, loop, passes_home=passes_home, cwd=cwd)
