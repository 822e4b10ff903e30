"""Connections to an X server, and error messages if there is none."""

import logging
import os

from Xlib.display import Display
from Xlib.error import ConnectionClosedError, DisplayConnectionError, DisplayNameError, XauthError, XError
from Xlib.protocol.rq import Request

from natpass_agent.links.desktop.worker.errors import DesktopError
from natpass_agent.platform.display import why_no_display
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: The errors of a call on a connection once the server is gone.
GONE = (ConnectionClosedError, OSError)


def connect() -> Display:
    """Return a connection to the display that the environment names.

    Raises:
        DesktopError: there is no X server, or it can't be used.
    """
    if (fault := why_no_display(os.environ)) is not None:
        raise DesktopError(fault)
    name = os.environ.get("DISPLAY", "")
    try:
        display = Display(name)
    except DisplayNameError as error:
        raise DesktopError(f"no display: {printable(name)} is not the name of an X display, such as :0") from error
    except XauthError as error:
        raise DesktopError(f"no permission to use display {printable(name)}: the Xauthority file is broken") from error
    except (DisplayConnectionError, ConnectionClosedError, OSError) as error:
        raise DesktopError(_why_not(name, error)) from error
    if display.query_extension("XWAYLAND"):
        display.close()
        raise DesktopError(
            f"display {printable(name)} belongs to a Wayland session, which lets no program capture the screen: log in "
            "to an X11 session instead"
        )
    if not display.query_extension("XTEST"):
        display.close()
        raise DesktopError(f"the X server of display {printable(name)} lacks the extension XTEST: no input is possible")
    display.set_error_handler(_log_error)
    return display


def _why_not(name: str, error: Exception) -> str:
    text = printable(str(error).removeprefix(f"Can't connect to display {name!r}: "))
    if "uthoriz" in text or "No protocol specified" in text or isinstance(error, PermissionError):
        return (
            f"no permission to use display {printable(name)}: run the agent as the desktop's user, or set XAUTHORITY "
            "to that user's file (often ~/.Xauthority)"
        )
    return f"no display: no X server answers at {printable(name)}: is the desktop running? See --display"


def _log_error(error: XError, request: Request | None) -> None:
    """Log an error of a request that nobody waits for: mostly a window went away."""
    log.debug("the X server says: %s", error)
