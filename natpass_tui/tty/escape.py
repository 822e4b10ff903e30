"""Escape sequences while a remote program has the keyboard: ``~.`` after Enter, as with ssh. Pure."""

# Why: docs/decisions/035-exec-on-a-terminal.md

from enum import Enum

_TILDE = ord("~")
_LINE_ENDS = b"\r\n"


class EscapeAction(Enum):
    """The user's request to the console, by the byte after ``~``."""

    LEAVE = ord(".")
    HELP = ord("?")
    SUSPEND = 0x1A  # Ctrl+Z


#: The lines that `EscapeAction.HELP` shows.
HELP_LINES = (
    "Enter, then:",
    "~.   give up on the program; the agent ends it",
    "~^Z  suspend this, and go on with fg",
    "~?   this list",
    "~~   send one ~",
)


_ASKED = frozenset(asked.value for asked in EscapeAction)


class Escape:
    """Finds ``~.`` and the like at the beginning of a typed line. ``~~`` there is one ``~``."""

    def __init__(self) -> None:
        self._at_start = True
        self._has_tilde = False

    def feed(self, data: bytes) -> tuple[bytes, list[EscapeAction]]:
        """Return the program's input, and the user's requests to us; input after `LEAVE` is dropped."""
        if not self._has_tilde and _TILDE not in data:
            self._at_start = data[-1:] in (b"\r", b"\n") if data else self._at_start
            return data, []
        passed = bytearray()
        asked: list[EscapeAction] = []
        for byte in data:
            if self._has_tilde:
                self._has_tilde = False
                if byte in _ASKED:
                    asked.append(EscapeAction(byte))
                    if asked[-1] is EscapeAction.LEAVE:
                        break
                    continue
                if byte != _TILDE:
                    passed.append(_TILDE)
            elif self._at_start and byte == _TILDE:
                self._has_tilde = True
                continue
            passed.append(byte)
            self._at_start = byte in _LINE_ENDS
        return bytes(passed), asked
