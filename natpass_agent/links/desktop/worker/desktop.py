"""The three services of one desktop together."""

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from natpass_agent.links.desktop.worker.clipboard import Clipboard, clipboard
from natpass_agent.links.desktop.worker.input import Devices, devices
from natpass_agent.links.desktop.worker.screen import Screen, screen


@dataclass(frozen=True, slots=True)
class Desktop:
    """An open desktop; a context manager that closes it."""

    screen: Screen
    devices: Devices
    clipboard: Clipboard

    def __enter__(self) -> "Desktop":
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close all three services."""
        with ExitStack() as stack:  # each is closed even if another fails to
            for service in (self.screen, self.devices, self.clipboard):
                stack.callback(service.close)


def open_desktop() -> Desktop:
    """Return this machine's desktop.

    Raises:
        DesktopError: there is no desktop, or it may not be used; the text says what to do.
    """
    with ExitStack() as stack:
        shown = screen()
        stack.callback(shown.close)
        hands = devices()
        stack.callback(hands.close)
        clips = clipboard()
        stack.pop_all()
        return Desktop(shown, hands, clips)
