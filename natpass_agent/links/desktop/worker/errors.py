"""What can go wrong at a desktop."""

from natpass_wire.errors import NatpassError


class DesktopError(NatpassError):
    """There is no desktop to show, or it is gone. The text says what is wrong and what to do, in one line."""


class ScreenChangedError(NatpassError):
    """The screen changed its size while it was read: ask again for what changed."""


class ClipboardError(NatpassError):
    """The clipboard can't be read or set; the text says why, for a person."""


class NoKeyError(NatpassError):
    """This keyboard can't type that."""
