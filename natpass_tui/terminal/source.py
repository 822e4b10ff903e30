"""The origin of input for a remote. Pure."""

from enum import Enum, auto


class InputSource(Enum):
    """The origin of some bytes of input. Input that the user did not type expires."""

    #: Keys and pastes.
    TYPED = auto()
    #: The terminal's answer to a question of the application.
    ANSWER = auto()
    #: A reaction to what the screen shows: pointer, wheel, focus.
    SCREEN = auto()
    #: A mouse button that goes down: also a reaction to the screen.
    PRESS = auto()
    #: The same button goes up.
    RELEASE = auto()
