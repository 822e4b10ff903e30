"""The keyboard of np-cli's desktop worker on Linux, as its viewers have it (docs/wire.md §5).

It was seen with np-cli 0.11: a capital letter spins, names that its page does not send are ignored, and so is
punctuation. It is typed here, as on Windows and macOS, so that tests see which key was meant.
"""

#: What the keys of a US keyboard type without modifiers, and with Shift.
_KEYS = ("`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./", '~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?')
_WITH_SHIFT = dict(zip(*_KEYS, strict=True))
#: The names of keys that its page sends; the worker has no others.
_NAMES = {
    *("backspace", "delete", "enter", "tab", "esc", "up", "down", "right", "left", "home", "end", "pageup", "pagedown"),
    *("space", "cmd", "alt", "control", "shift"),
    *("f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12"),
}


class SpinsForEverError(AssertionError):
    """The worker looks for a keysym in the first column of the keyboard's map, where it is not."""


class IgnoredError(AssertionError):
    """The worker does not know the name, and does nothing."""


class ExistingWorker:
    """Takes keys.

    Attributes:
        typed: what a program on the desktop has read.
        down: the keys that are down.
    """

    def __init__(self) -> None:
        self.typed = ""
        self.down: list[str] = []

    def take(self, name: str, *, is_down: bool) -> None:
        """Press or release a key.

        Raises:
            SpinsForEverError, IgnoredError: no key has this name.
        """
        if name not in _WITH_SHIFT and name not in _NAMES:
            raise SpinsForEverError(name) if len(name) == 1 and name.isupper() else IgnoredError(name)
        if not is_down:
            self.down.remove(name)
            return
        self.down.append(name)
        if name == "space":
            self.typed += " "
        elif name in _WITH_SHIFT:
            self.typed += _WITH_SHIFT[name] if "shift" in self.down else name
