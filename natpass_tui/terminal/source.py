"""Where input for a remote comes from. Pure."""

from enum import Enum, auto


class InputSource(Enum):
    """Who is behind some bytes of input. What nobody typed is valid for its moment only."""

    #: Keys and pastes.
    TYPED = auto()
    #: The terminal's answer to a question of the application.
    ANSWER = auto()
    #: A reaction to what the screen shows: pointer, wheel, focus.
    SCREEN = auto()
    #: The same: a mouse button goes down.
    PRESS = auto()
    #: And up.
    RELEASE = auto()
