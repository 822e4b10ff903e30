"""A large paste into a shell: it is sent in pieces, as room allows, and the user may stop the rest. Pure."""

# Why: docs/decisions/053-large-pastes.md

from natpass_tui.pastes import MOST_BYTES

#: Typed input of more bytes is a large paste.
LARGE_BYTES = 64 * 1024
#: The largest paste between its marks, with the input typed after it.
_MOST_HELD = MOST_BYTES + LARGE_BYTES
#: The encodings of Ctrl+C: plain, kitty's keyboard protocol, and xterm's modifyOtherKeys at level 2.
_STOPS = frozenset({b"\x03", b"\x1b[99;5u", b"\x1b[27;5;99~"})
_BEGIN, _END = b"\x1b[200~", b"\x1b[201~"
_STOPPED_BYTES = len(_END) + max(map(len, _STOPS))


class Pasting:
    """The rest of a paste, and the input typed after it. Empty at first."""

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._behind = bytearray()

    def __bool__(self) -> bool:
        return bool(self.left)

    @property
    def left(self) -> int:
        """Bytes that were not taken yet."""
        return len(self._data) - self._at + len(self._behind)

    @property
    def is_stoppable(self) -> bool:
        """Whether Ctrl+C helps: more is left than Ctrl+C itself leaves."""
        return self.left > _STOPPED_BYTES

    def rest(self) -> tuple[memoryview, bytearray]:
        """Return the bytes that were not taken yet, in pieces; not copied, so don't keep them."""
        return memoryview(self._data)[self._at :], self._behind

    def put(self, data: bytes) -> str:
        """Queue a paste, or input typed after one; Ctrl+C drops the rest. Return why it was refused, or empty."""
        if self and data in _STOPS:
            self._stop()
        if self.left + len(data) > _MOST_HELD:
            left = f" while {self.left / 1e6:.1f} MB wait" if self else ""
            return f"not sent: {len(data) / 1e6:.1f} MB{left}; at most {MOST_BYTES / 1e6:.0f} MB can be pasted"
        if self:
            self._behind += data
        else:
            self._data, self._at = data, 0
        return ""

    def take(self, most: int) -> bytes:
        """Return the next bytes, at most so many."""
        if self._at == len(self._data):
            self._data, self._at = bytes(self._behind), 0
            self._behind.clear()
        piece = self._data[self._at : self._at + most]
        self._at += len(piece)
        if self._at == len(self._data) and not self._behind:
            self.clear()
        return piece

    def clear(self) -> None:
        """Drop everything."""
        self._data, self._at = b"", 0
        self._behind.clear()

    def text(self) -> str:
        """Return the progress, empty without a paste."""
        if not self:
            return ""
        return f"pasting {self._at / 1e6:.1f} of {len(self._data) / 1e6:.1f} MB — ctrl+c stops it"

    def _stop(self) -> None:
        """Drop the rest; a program that got the start of a bracketed paste gets its end."""
        given = self._data[: self._at]
        is_open = given.rfind(_BEGIN) > given.rfind(_END)
        self.clear()
        if is_open:
            self._data = _END
