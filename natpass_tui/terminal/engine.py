"""The interface of a terminal engine: bytes of a remote application in, rows of safe ANSI and encoded input out.

Shapes are always ``rows, cols`` and positions ``row, col``, counted from 0 at the top left of what is shown.
An engine is not thread-safe: its owner holds a lock around every call (see `natpass_tui.terminal.pump`).
"""

# Why: docs/decisions/046-terminal-engine.md

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Protocol

from natpass_tui.terminal.clipboard import Clip

SCROLLBACK_ROWS = 10_000
#: The most bytes of answers to one feed, or to one message: a remote may ask without end.
REPLIES_LIMIT = 64 * 1024


class CursorShape(Enum):
    """The cursor's shape that the application asked for."""

    BLOCK = "block"
    UNDERLINE = "underline"
    BAR = "bar"


class MouseTracking(IntEnum):
    """The mouse events that the application asked for; each level includes the lower ones."""

    NONE = 0
    PRESS = 9
    PRESS_RELEASE = 1000
    DRAG = 1002
    MOTION = 1003


class MouseEncoding(IntEnum):
    """The encoding of mouse positions that the application asked for."""

    X10 = 0
    UTF8 = 1005
    SGR = 1006
    URXVT = 1015
    SGR_PIXELS = 1016


class MouseAction(Enum):
    """What the pointer did."""

    PRESS = "press"
    RELEASE = "release"
    MOVE = "move"


class MouseButton(IntEnum):
    """Buttons by their number in the X10 protocol; the wheel is four buttons."""

    LEFT = 0
    MIDDLE = 1
    RIGHT = 2
    NONE = 3
    WHEEL_UP = 64
    WHEEL_DOWN = 65
    WHEEL_LEFT = 66
    WHEEL_RIGHT = 67


@dataclass(frozen=True, slots=True)
class MouseInput:
    """One pointer event inside the screen."""

    action: MouseAction
    button: MouseButton
    row: int
    col: int
    shift: bool = False
    alt: bool = False
    ctrl: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """The cursor within the rows shown; ``visible`` is False if it is hidden or scrolled out."""

    row: int = 0
    col: int = 0
    visible: bool = True
    shape: CursorShape = CursorShape.BLOCK
    #: Width in cells of the character under it: 1 or 2.
    cols: int = 1


@dataclass(frozen=True, slots=True)
class Modes:
    """The application's modes that input and painting depend on."""

    application_cursor: bool = False
    application_keypad: bool = False
    bracketed_paste: bool = False
    focus_events: bool = False
    alternate_screen: bool = False
    alternate_scroll: bool = True
    synchronized_output: bool = False
    mouse: MouseTracking = MouseTracking.NONE
    mouse_encoding: MouseEncoding = MouseEncoding.X10


@dataclass(frozen=True, slots=True)
class Scroll:
    """The position of the rows shown within history, in rows."""

    #: Rows back from the live screen, which is 0.
    offset: int = 0
    #: Rows above the live screen: the largest ``offset``.
    history: int = 0

    @property
    def top(self) -> int:
        """Number of the first row shown, counted from the oldest row kept, as in `TerminalEngine.text_range` takes."""
        return self.history - self.offset


@dataclass(frozen=True, slots=True)
class Frame:
    """The changes since the last snapshot, and the current state."""

    rows: int
    cols: int
    #: New lines by row number: SGR sequences built here and printable text, exactly ``cols`` cells wide.
    changed: Mapping[int, str]
    cursor: Cursor
    modes: Modes
    scroll: Scroll
    title: str
    #: Bells rung since the engine was built.
    bells: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The features that not all engines have: callers and contract tests check these, never the class."""

    #: Rows are wrapped again when the width changes.
    reflow: bool
    #: Double, curly, dotted and dashed underlines and their colours, and faint text.
    styled_underlines: bool
    #: The kitty keyboard protocol and modifyOtherKeys.
    progressive_keys: bool
    #: OSC 52 is reported by `TerminalEngine.take_clipboard`.
    clipboard: bool
    #: Scroll regions, tabs, charsets and modes follow xterm closely enough to compare screens with tmux.
    exact: bool


@dataclass(frozen=True, slots=True)
class Colours:
    """Default colours for applications that ask (OSC 10 and 11), each (red, green, blue) from 0 to 255."""

    foreground: tuple[int, int, int] = (0xD8, 0xD8, 0xD8)
    background: tuple[int, int, int] = (0x10, 0x10, 0x10)


class TerminalEngine(Protocol):
    """A terminal without a window, built with ``(rows, cols, scrollback_rows)``.

    No remote bytes make a method raise.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        ...

    @property
    def modes(self) -> Modes:
        """The modes as of the last byte fed."""
        ...

    @property
    def title(self) -> str:
        """The window title the application set: printable, without direction marks, of limited length."""
        ...

    @property
    def bells(self) -> int:
        """Bells rung so far."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Parse ``data``, a chunk of any size; return the answer to the application."""
        ...

    def resize(self, rows: int, cols: int) -> None:
        """Change the size in cells; both at least 1."""
        ...

    def snapshot(self) -> Frame:
        """Return what changed since the last call. The first one, and the one after a resize, holds every row."""
        ...

    def scroll(self, rows: int) -> None:
        """Show ``rows`` further back in history; negative is forward. It stops at either end."""
        ...

    def scroll_to_top(self) -> None:
        """Show the oldest rows kept."""
        ...

    def scroll_to_bottom(self) -> None:
        """Show the live screen."""
        ...

    def text(self) -> str:
        """Return the rows shown as plain text, one line a row, without trailing blanks."""
        ...

    def text_range(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """Return the text from cell ``start`` to cell ``end``: both (row, col), both included, rows as in `Scroll.top`.

        Wrapped rows are joined, trailing blanks dropped.
        """
        ...

    def take_clipboard(self) -> tuple[Clip, ...]:
        """Return the texts for the clipboard since the last call, in order; of many, the last few."""
        ...

    def encode_key(self, key: str, character: str | None = None) -> bytes:
        """Return the bytes for a key named as in `natpass_tui.terminal.keys`; empty if it has none."""
        ...

    def encode_mouse(self, event: MouseInput) -> bytes:
        """Return the bytes for a mouse event; empty unless the application asked for such events."""
        ...

    def encode_paste(self, text: str) -> bytes:
        """Return the bytes for pasted text: bracketed if asked for; the text cannot end the bracket."""
        ...

    def encode_focus(self, focused: bool) -> bytes:
        """Return the bytes for gained or lost focus; empty unless asked for."""
        ...

    def close(self) -> None:
        """Free the engine's resources. Do not use it afterwards."""
        ...
