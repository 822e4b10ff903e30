"""Tells whether an environment names a display, before any program is started on it."""

import sys
from collections.abc import Mapping

#: Platforms whose environment does not name the display.
_UNNAMED = frozenset({"win32", "darwin"})


def why_no_display(environment: Mapping[str, str]) -> str | None:
    """Return why `environment` has no usable X display, as a message; None if it has one, or needs none."""
    if sys.platform in _UNNAMED or environment.get("DISPLAY"):
        return None
    if environment.get("WAYLAND_DISPLAY"):
        return "this is a Wayland session, which lets no program capture the screen: log in to an X11 session instead"
    return (
        "no display: DISPLAY is not set where the agent runs; start the agent within the desktop's session, "
        "or with --display :0"
    )
