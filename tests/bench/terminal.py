"""The speed of a terminal tab: parsing, and painting a screen of 200x50 into a pseudo-terminal.

Seconds depend on the machine, so each figure stands beside its limit in the same run: painting beside writing the same
number of bytes to the same pseudo-terminal, the view beside the engine alone.
"""

import asyncio
import os
import pty
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from textual.app import App, ComposeResult

from natpass_tui.driver import writer_depth
from natpass_tui.terminal import TerminalEngine, engine_name
from natpass_tui.terminal.fallback import FallbackEngine
from natpass_tui.terminal.ghostty import GhosttyEngine
from natpass_tui.widgets.terminal_view import TerminalView

assert sys.platform != "win32"  # Only POSIX has pseudo-terminals.

ROWS, COLS = 50, 200
MEGABYTE = 1e6
ASCII = b"".join(b"%08d the quick brown fox jumps over the lazy dog\r\n" % number for number in range(20_000))


def full_screen(number: int) -> bytes:
    """Return a full-screen program's coloured screen; every row depends on the number."""
    parts = ["\x1b[H"]
    for row in range(ROWS):
        parts.append(f"\x1b[{row + 1};1H")
        parts += [
            f"\x1b[38;5;{(row + run + number) % 256};48;5;{(run * 7) % 256}m{number + run:>20}" for run in range(10)
        ]
    return "".join(parts).encode()


TRACE = b"".join(full_screen(number) for number in range(20))


def per_second(action: Callable[[], float], seconds: float = 1.0) -> float:
    """Return the work in a second, in units of what ``action`` returns."""
    done = 0.0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        done += action()
    return done / (time.perf_counter() - start)


def parse_rate(engine: TerminalEngine, data: bytes) -> float:
    """Return the MB parsed in a second, in steps of 64 KiB."""

    def once() -> float:
        for start in range(0, len(data), 65536):
            engine.feed(data[start : start + 65536])
        return min(len(data), 1e9) / MEGABYTE

    return per_second(once)


def snapshot_rate(engine: TerminalEngine, change: Callable[[int], bytes]) -> float:
    """Return the frames that the engine alone makes in a second."""
    number = 0

    def once() -> float:
        nonlocal number
        number += 1
        engine.feed(change(number))
        engine.snapshot()
        return 1.0

    return per_second(once)


class BenchApp(App[None]):
    """One view, painted as fast as possible."""

    def __init__(self) -> None:
        super().__init__()
        self.view = TerminalView()
        self.figures: dict[str, float] = {}

    def compose(self) -> ComposeResult:
        yield self.view

    async def on_painted_view_resized(self) -> None:
        self.run_worker(self.measure())

    async def measure(self) -> None:
        """Feed, paint, and wait for the write; without the limit of 60 frames a second."""
        view = self.view
        for name, change in CHANGES.items():
            frames = 0
            start = time.perf_counter()
            while (elapsed := time.perf_counter() - start) < 1.5:
                view.feed_nowait(change(frames))
                await view.drained()
                view._pull()
                view._repaint()
                frames += 1
                while writer_depth(self):  # noqa: ASYNC110 - Textual's queue offers nothing to await
                    await asyncio.sleep(0)
            self.figures[name] = frames / elapsed
        before = time.perf_counter()
        for _ in range(40):
            await view.feed(ASCII)
        await view.drained()
        self.figures["flood"] = 40 * len(ASCII) / MEGABYTE / (time.perf_counter() - before)
        self.exit()


CHANGES: dict[str, Callable[[int], bytes]] = {
    "every row": full_screen,
    "one row": lambda number: b"\x1b[25;1H\x1b[31mchange %d\x1b[0m" % number,
}


@dataclass
class Drain:
    """Reads a pseudo-terminal as a fast terminal would, and counts the bytes."""

    size: int = 0


@contextmanager
def terminal() -> Iterator[Drain]:
    """Use a pseudo-terminal instead of the user's: Textual writes to `sys.__stderr__`."""
    primary, secondary = pty.openpty()
    drain = Drain()

    def read() -> None:
        while True:
            try:
                data = os.read(primary, 1 << 16)
            except OSError:
                return
            drain.size += len(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    outer = sys.__stderr__, sys.__stdin__
    with os.fdopen(secondary, "w") as stream, open(os.ttyname(secondary)) as keyboard:  # noqa: PTH123
        sys.__stderr__, sys.__stdin__ = stream, keyboard  # type: ignore[misc]
        saved = {name: os.environ.get(name) for name in ("COLUMNS", "LINES", "COLORTERM")}
        os.environ.update(COLUMNS=str(COLS), LINES=str(ROWS), COLORTERM="truecolor")
        try:
            yield drain
        finally:
            sys.__stderr__, sys.__stdin__ = outer  # type: ignore[misc]  # Final to mypy
            for name, value in saved.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
    os.close(primary)
    thread.join(1)


def raw_write_rate() -> float:
    """Return the frames a second if their bytes are only written."""
    engine = GhosttyEngine(ROWS, COLS)
    engine.feed(full_screen(1))
    frame = "\r\n".join(engine.snapshot().changed.values()).encode()
    engine.close()
    primary, secondary = pty.openpty()

    def read() -> None:
        while True:
            try:
                os.read(primary, 1 << 16)
            except OSError:
                return

    thread = threading.Thread(target=read, daemon=True)
    thread.start()

    def once() -> float:
        written = 0
        while written < len(frame):
            written += os.write(secondary, frame[written:])
        return 1.0

    rate = per_second(once)
    os.close(secondary)
    thread.join(1)
    os.close(primary)
    return rate


def main() -> None:
    """Print the figures."""
    for name, engine, share in (
        ("ghostty", GhosttyEngine(ROWS, COLS), 1),
        ("fallback", FallbackEngine(ROWS, COLS), 20),
    ):
        ascii_rate = parse_rate(engine, ASCII[: len(ASCII) // share])
        trace_rate = parse_rate(engine, TRACE[: len(TRACE) // share])
        print(f"parse ({name}): {ascii_rate:.1f} MB/s ASCII, {trace_rate:.1f} MB/s of a full-screen program")
        engine.close()
    alone = {name: snapshot_rate(GhosttyEngine(ROWS, COLS), change) for name, change in CHANGES.items()}
    raw = raw_write_rate()
    app = BenchApp()
    with terminal():
        app.run()
    print(f"paint ({engine_name()}), {COLS}x{ROWS} into a pseudo-terminal:")
    for name, rate in alone.items():
        painted = app.figures[name]
        print(f"  {name}: {painted:.0f} frames/s, {painted / rate:.2f} of the engine alone ({rate:.0f})")
    print(f"  every row: {app.figures['every row'] / raw:.2f} of writing the bytes alone ({raw:.0f} frames/s)")
    print(f"flood through a view: {app.figures['flood']:.0f} MB/s ASCII")
