"""The line below a desktop: what is seen of it, how well, and which keys are latched."""

from natpass_tui.links.desktop.keys import Latch
from natpass_tui.links.desktop.meter import Meter
from natpass_tui.links.desktop.request import DesktopRequest

_NAMES = {"ctrl": "Ctrl", "alt": "Alt", "shift": "Shift", "cmd": "Super"}


def measures(
    size: tuple[int, int] | None, scale: float, meter: Meter, request: DesktopRequest, now: float
) -> tuple[str, ...]:
    """Return what to show, most important first, each in a width that changes little.

    Args:
        size: the remote screen in its pixels, None while unknown.
        scale: pixels here to one there.
        meter: what came in.
        request: how it is sent.
        now: seconds, as the meter was told.
    """
    if size is None:
        return ("no picture yet",)
    width, height = size
    latency = f"{meter.latency * 1000:.0f} ms" if meter.latency is not None else "—"
    cursor = " · cursor" if request.cursor else ""
    return (
        f"{width}×{height}",
        f"{scale * 100:.0f} %",
        f"{meter.frames_a_second(now):4.1f} of {request.fps} fps",
        f"{rate(meter.bytes_a_second(now)):>9}",
        f"answers in {latency}",
        f"quality {request.quality}{cursor}",
    )


def rate(bytes_a_second: float) -> str:
    """Return bytes a second in at most 9 characters: ``0 kB/s``, ``87 kB/s``, ``12.5 MB/s``."""
    if bytes_a_second < 999_500:
        return f"{bytes_a_second / 1000:.0f} kB/s"
    return f"{bytes_a_second / 1e6:.1f} MB/s"


def latched(latches: dict[str, Latch]) -> tuple[str, ...]:
    """Return the latched modifiers: ``Ctrl`` for the next key, ``Alt held`` until it is released."""
    return tuple(f"{_NAMES[name]}{' held' if latch is Latch.HELD else ''}" for name, latch in latches.items())
