"""Where input for a remote comes from. Pure."""

from enum import Enum, auto


class InputSource(Enum):
    """Who is behind some bytes of input. What nobody typed is valid for its moment only."""

    TYPED = auto()
    """Keys and pastes."""
    ANSWER = auto()
    """The terminal's answer to a question of the application."""
    SCREEN = auto()
    """A reaction to what the screen shows: pointer, wheel, focus."""
    PRESS = auto()
    """The same: a mouse button goes down."""
    RELEASE = auto()
    """And up."""
