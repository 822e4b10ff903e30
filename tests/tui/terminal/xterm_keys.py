"""What a real xterm sends for its keys: pressed by XTEST under Xvfb, read by a program inside."""

import itertools
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from Xlib import XK, X, display
from Xlib.ext import xtest

from tests.support.waiting import wait_until
from tests.support.xserver import x_server

#: The names that `natpass_tui.terminal.keys` has for keys, and the X server's.
FUNCTIONAL = {
    "up": "Up", "down": "Down", "left": "Left", "right": "Right", "home": "Home", "end": "End",
    "insert": "Insert", "delete": "Delete", "pageup": "Prior", "pagedown": "Next",
    "enter": "Return", "tab": "Tab", "backspace": "BackSpace", "escape": "Escape", "space": "space",
    **{f"f{number}": f"F{number}" for number in range(1, 13)},
}  # fmt: skip
#: The keys of a US keyboard that write a character, with what each writes within shift.
PRINTABLE = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz0123456789`-=[]\\;',./",
        'ABCDEFGHIJKLMNOPQRSTUVWXYZ)!@#$%^&*(~_+{}|:"<>?',
        strict=True,
    )
)
#: All that may be held, in the order of names.
MODIFIERS = [held for size in range(4) for held in itertools.combinations(("alt", "ctrl", "shift"), size)]
#: A key that is not asked for, and what it sends in every mode.
_SENTINEL_KEY, _SENTINEL = "Menu", b"\x1b[29~"
_RECORDER = """
    import os, sys, tty
    tty.setraw(0)
    os.write(1, sys.argv[2].encode("latin-1").decode("unicode_escape").encode())
    with open(sys.argv[1], "ab", buffering=0) as out:
        out.write(b".")
        while data := os.read(0, 4096):
            out.write(data)
"""
#: What users of a terminal take for granted: alt sends escape, backspace DEL; and xterm keeps no key for itself.
_RESOURCES = (
    "XTerm*altSendsEscape: true",
    "XTerm*metaSendsEscape: true",
    "XTerm*backarrowKey: false",
    "XTerm*omitTranslation: fullscreen,paging,popup-menu,reset,scroll-lock,select,shift-fonts,wheel-mouse",
)


class Xterm:
    """An xterm whose keys are pressed."""

    def __init__(self, name: str, record: Path) -> None:
        self._display = display.Display(name)
        self._record = record
        self._display.screen().root.warp_pointer(50, 50)
        self._display.sync()
        self._read = 0

    def close(self) -> None:
        self._display.close()

    def wait_until_it_hears(self) -> None:
        """Wait until the window is there, and has the keyboard."""
        wait_until(lambda: bool(self._since(0)), "the recorder")

        def heard() -> bool:
            self._tap(self._code(_SENTINEL_KEY))
            return _SENTINEL in self._since(0)

        wait_until(heard, "the sentinel")
        # What was typed in vain may still come: the next answer is to be the next key's.
        self._tap(self._code("q"))
        wait_until(lambda: self._since(0).endswith(b"q"), "an end")
        self._read = len(self._since(0))

    def _since(self, position: int) -> bytes:
        return self._record.read_bytes()[position:] if self._record.exists() else b""

    def _code(self, symbol: str) -> int:
        code = self._display.keysym_to_keycode(XK.string_to_keysym(symbol))
        assert code, symbol
        return int(code)

    def _tap(self, code: int) -> None:
        xtest.fake_input(self._display, X.KeyPress, code)
        xtest.fake_input(self._display, X.KeyRelease, code)
        self._display.sync()

    def press(self, key: str, held: Iterable[str]) -> None:
        """Press a key within modifiers, and the sentinel behind it."""
        code = self._code(FUNCTIONAL[key]) if key in FUNCTIONAL else self._display.keysym_to_keycode(ord(key))
        names = {"alt": "Alt_L", "ctrl": "Control_L", "shift": "Shift_L"}
        codes = [self._code(names[name]) for name in held]
        for down in codes:
            xtest.fake_input(self._display, X.KeyPress, down)
        self._tap(int(code))
        for up in reversed(codes):
            xtest.fake_input(self._display, X.KeyRelease, up)
        self._tap(self._code(_SENTINEL_KEY))

    def table(self) -> Mapping[str, bytes]:
        """Return what each key sends within each set of modifiers."""
        asked = [(held, key) for held in MODIFIERS for key in [*FUNCTIONAL, *PRINTABLE]]
        for held, key in asked:
            self.press(key, held)

        def read() -> list[bytes]:
            return self._since(self._read).split(_SENTINEL)

        wait_until(lambda: len(read()) > len(asked), "all keys", timeout=60)
        sent = read()
        assert len(sent) == len(asked) + 1
        return {"+".join([*held, key]): sent[index] for index, (held, key) in enumerate(asked)}


@contextmanager
def xterm_keys(folder: Path, mode: str) -> Iterator[Xterm]:
    """Have an xterm whose program has written `mode` first."""
    record = folder / "typed"
    script = folder / "recorder.py"
    script.write_text(textwrap.dedent(_RECORDER))
    options = [word for resource in _RESOURCES for word in ("-xrm", resource)]
    with x_server() as server:
        command = ["xterm", *options, "-u8", "-geometry", "80x24+0+0", "-e"]
        with server.program(*command, sys.executable, str(script), str(record), mode):
            terminal = Xterm(server.display, record)
            try:
                terminal.wait_until_it_hears()
                yield terminal
            finally:
                terminal.close()
