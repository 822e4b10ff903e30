"""The cost of a desktop tab: every tile of a 1920x1080 screen changed, shown in a terminal of 200x50.

Seconds depend on the machine, so each figure stands beside its limit in the same run: a frame beside decoding its
tiles alone, painting beside writing the same bytes to the same pseudo-terminal.
"""

import asyncio
import resource
import sys
import time
from functools import partial

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from textual.app import App, ComposeResult

from natpass_tui.driver import writer_depth
from natpass_tui.links.desktop.screen import RemoteScreen
from natpass_tui.pixels.colours import Depth
from natpass_tui.pixels.half_blocks import HalfBlocks
from natpass_tui.widgets.desktop_view import DesktopView
from natpass_wire.pb.desktop_pb2 import VncImage
from tests.bench import terminal
from tests.bench.limits import per_second

assert sys.platform != "win32"  # Only POSIX has pseudo-terminals.

ROWS, COLS = terminal.ROWS, terminal.COLS
WIDTH, HEIGHT, SIDE = 1920, 1080, 64
Picture = NDArray[np.uint8]


def desktop(seed: int) -> Picture:
    """Return a typical screen of text: windows with lines of letters on a background."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), (40, 60, 90), np.uint8)
    for _ in range(5):
        x, y = int(rng.integers(0, WIDTH - 800)), int(rng.integers(0, HEIGHT - 500))
        picture[y : y + 500, x : x + 800] = rng.integers(180, 256, 3)
        letters = rng.random((480, 780)) < 0.3
        letters &= (np.arange(480) % 16 < 11)[:, None]
        picture[y + 10 : y + 490, x + 10 : x + 790][letters] = rng.integers(0, 80, 3)
    return picture


def noise(seed: int) -> Picture:
    """Return the worst case: smooth colours, different everywhere."""
    small = np.random.default_rng(seed).integers(0, 256, (27, 48, 3), dtype=np.uint8)
    return np.repeat(np.repeat(small, 40, axis=0), 40, axis=1)


def tiles(picture: Picture, quality: int = 50) -> list[VncImage]:
    """Return a whole screen's tiles as agents send them."""
    found = []
    for y in range(0, HEIGHT, SIDE):
        for x in range(0, WIDTH, SIDE):
            part = np.ascontiguousarray(picture[y : y + SIDE, x : x + SIDE])
            info = VncImage.Info(
                screen_width=WIDTH,
                screen_height=HEIGHT,
                rect_x=x,
                rect_y=y,
                rect_width=part.shape[1],
                rect_height=part.shape[0],
            )
            data = simplejpeg.encode_jpeg(part, quality, colorsubsampling="420")
            found.append(VncImage(info=info, encode=VncImage.jpeg, data=data))
    return found


class BenchApp(App[None]):
    """One view, painted as fast as possible; the same thread feeds the screen, so that all CPU is counted."""

    def __init__(self, sources: dict[str, list[list[VncImage]]]) -> None:
        super().__init__()
        self._sources = sources
        self._remote = RemoteScreen()
        self.view = DesktopView(self._remote.picture)
        #: By source: frames a second, CPU seconds a frame.
        self.figures: dict[str, tuple[float, float]] = {}
        self.counts: dict[str, int] = {}

    def compose(self) -> ComposeResult:
        yield self.view

    async def on_painted_view_resized(self, event: DesktopView.Resized) -> None:
        self._remote.fit(event.rows, event.cols)
        self.run_worker(self.measure())

    async def measure(self) -> None:
        """Decode, scale, paint, and wait for the write; without the limit of 60 frames a second."""
        for name, screens in self._sources.items():
            frames = 0
            cpu, start = time.process_time(), time.perf_counter()
            while time.perf_counter() - start < 3.0:
                for tile in screens[frames % len(screens)]:
                    self._remote.take(tile)
                self.view._painted = 0.0
                self.view.changed()
                frames += 1
                await asyncio.sleep(0)
                while writer_depth(self) or self.view._timer is not None:  # noqa: ASYNC110 - nothing to await
                    await asyncio.sleep(0)
            elapsed = time.perf_counter() - start
            self.figures[name] = frames / elapsed, (time.process_time() - cpu) / frames
            self.counts[name] = frames
        self.exit()


def _paint_all(blocks: HalfBlocks, pictures: list[Picture]) -> None:
    for picture in pictures:
        blocks.update(picture)


def main() -> None:
    """Print the figures."""
    makers = {"screen of text": desktop, "different everywhere": noise}
    sources = {name: [tiles(make(seed)) for seed in range(3)] for name, make in makers.items()}
    for name, screens in sources.items():
        frame = screens[0]
        size = sum(len(tile.data) for tile in frame)
        decoding = per_second(
            lambda frame=frame: [  # type: ignore[misc]  # mypy does not infer a lambda's default
                simplejpeg.decode_jpeg(
                    tile.data, min_height=-(-tile.info.rect_height // 8), min_width=-(-tile.info.rect_width // 8)
                )
                for tile in frame
            ]
        )
        remote = RemoteScreen()
        remote.fit(ROWS, COLS)
        taking = per_second(lambda remote=remote, frame=frame: [remote.take(tile) for tile in frame])  # type: ignore[misc]
        scaling = per_second(remote.picture)
        print(f"{name}: {WIDTH}x{HEIGHT} in {len(frame)} tiles, {size / 1000:.0f} kB a frame at quality 50")
        print(f"  decoding alone {decoding:.0f} frames/s; put together {taking:.0f} ({taking / decoding:.2f} of it)")
        print(f"  scaling {scaling:.0f} frames/s")
        for depth in Depth:
            blocks = HalfBlocks(ROWS, COLS, depth)
            pictures = []
            for screen in screens:
                for tile in screen:
                    remote.take(tile)
                picture = remote.picture()
                assert picture is not None
                pictures.append(picture)
            written = [sum(map(len, blocks.update(picture).values())) for picture in pictures * 2][1:]
            painting = per_second(partial(_paint_all, blocks, pictures)) * len(pictures)
            print(f"  half-blocks, {depth.name.lower()}: {painting:.0f} frames/s, {np.mean(written) / 1000:.0f} kB")
    with terminal.terminal() as drain:
        app = BenchApp(sources)
        app.run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"all of it, {COLS}x{ROWS} into a pseudo-terminal ({peak:.0f} MB resident at most):")
    for name, (rate, cpu) in app.figures.items():
        print(f"  {name}: {rate:.0f} frames/s, {cpu * 1000:.1f} ms of CPU a frame")
    frames = sum(app.counts.values())
    written_bytes = drain.size / frames
    print(f"  {written_bytes / 1000:.0f} kB a frame to the terminal; {app.view.paints} of {frames} painted")


if __name__ == "__main__":
    main()
