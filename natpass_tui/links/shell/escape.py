"""What one can say to us while a remote program has the keyboard: ``~.`` behind Enter, as with ssh. Pure."""

_TILDE, _DOT = ord("~"), ord(".")
_LINE_ENDS = b"\r\n"


class Escape:
    """Looks for ``~.`` at the beginning of a line in what is typed. ``~~`` there is one ``~``."""

    def __init__(self) -> None:
        self._at_start = True
        self._has_tilde = False

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Return what is for the program, and whether the user leaves (then what follows is nobody's)."""
        if not self._has_tilde and _TILDE not in data:
            self._at_start = data[-1:] in (b"\r", b"\n") if data else self._at_start
            return data, False
        passed = bytearray()
        for byte in data:
            if self._has_tilde:
                self._has_tilde = False
                if byte == _DOT:
                    return bytes(passed), True
                if byte != _TILDE:
                    passed.append(_TILDE)
            elif self._at_start and byte == _TILDE:
                self._has_tilde = True
                continue
            passed.append(byte)
            self._at_start = byte in _LINE_ENDS
        return bytes(passed), False
