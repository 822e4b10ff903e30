"""The status line below a desktop: its size, its performance, and the latched keys."""

from natpass_tui.links.desktop.keys import Latch
from natpass_tui.links.desktop.meter import Meter
from natpass_tui.links.desktop.request import DesktopRequest

#: Seconds without a picture after which a hint says what may be missing.
HINT_SECONDS = 5.0
_NAMES = {"ctrl": "Ctrl", "alt": "Alt", "shift": "Shift", "cmd": "Super"}


def measures(
    size: tuple[int, int] | None,
    scale: float,
    meter: Meter,
    request: DesktopRequest,
    now: float,
    *,
    waited: float = 0.0,
) -> tuple[str, ...]:
    """Return the texts to show, most important first, each with a nearly constant width.

    Args:
        size: the remote screen in its pixels, None while unknown.
        scale: local pixels for one remote pixel.
        meter: the measurements.
        request: the desktop's parameters.
        now: the time in seconds, of the meter's clock.
        waited: seconds since the agent accepted.
    """
    if size is None:
        if waited < HINT_SECONDS:
            return ("no picture yet",)
        return (
            f"no picture after {waited:.0f} s: is there a screen (an X server)? an existing natpass agent does not say",
        )
    width, height = size
    frames = meter.frames_a_second(now)
    if frames is not None:  # late frames arrive in bunches, but the agent has taken no more than it may
        frames = min(frames, float(request.fps))
    cursor = " · cursor" if request.cursor else ""
    return (
        f"{width}×{height}",
        f"{scale * 100:.0f} %",
        *([f"{frames:4.1f} fps (at most {request.fps})"] if frames is not None else []),
        f"{rate(meter.bytes_a_second(now)):>9}",
        *([f"answers in {meter.latency * 1000:.0f} ms"] if meter.latency is not None else []),
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
