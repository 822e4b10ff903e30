"""Whether an environment names a display, which is told before any program is started on it."""

import sys
from collections.abc import Mapping

#: Where screens have no name in the environment.
_UNNAMED = frozenset({"win32", "darwin"})


def why_no_display(environment: Mapping[str, str]) -> str | None:
    """Return what to say where `environment` names no X display; None if it does, or where none is named."""
    if sys.platform in _UNNAMED or environment.get("DISPLAY"):
        return None
    if environment.get("WAYLAND_DISPLAY"):
        return "this is a Wayland session, which lets no program capture the screen: log in to an X11 session instead"
    return (
        "no display: DISPLAY is not set where the agent runs; start the agent within the desktop's session, "
        "or with --display :0"
    )
