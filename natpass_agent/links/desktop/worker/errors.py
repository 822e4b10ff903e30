"""Errors of a desktop."""

from natpass_wire.errors import NatpassError


class DesktopError(NatpassError):
    """There is no desktop to show, or it is gone. The text says what is wrong and what to do, in one line."""


class ScreenChangedError(NatpassError):
    """The screen changed its size during the read: wait for changes again."""


class ClipboardError(NatpassError):
    """The clipboard can't be read or set; the text tells the user why."""


class NoKeyError(NatpassError):
    """This keyboard can't type that key."""
