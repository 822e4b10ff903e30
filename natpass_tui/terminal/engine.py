"""What a terminal engine is: bytes of a remote application in, rows of safe ANSI and encoded input out.

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


class CursorShape(Enum):
    """How the application asked for the cursor to look."""

    BLOCK = "block"
    UNDERLINE = "underline"
    BAR = "bar"


class MouseTracking(IntEnum):
    """Which mouse events the application asked for; each includes those before it."""

    NONE = 0
    PRESS = 9
    PRESS_RELEASE = 1000
    DRAG = 1002
    MOTION = 1003


class MouseEncoding(IntEnum):
    """How the application wants mouse positions written."""

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
    """Buttons by their number on the wire of the X10 protocol; the wheel is four buttons."""

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
    """The cursor within the rows shown; ``visible`` is False when hidden or scrolled out of sight."""

    row: int = 0
    col: int = 0
    visible: bool = True
    shape: CursorShape = CursorShape.BLOCK
    #: How many cells the character under it takes: 1 or 2.
    cols: int = 1


@dataclass(frozen=True, slots=True)
class Modes:
    """What the application switched on, as far as input and painting depend on it."""

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
    """Where the rows shown lie in history, in rows."""

    #: Rows between what is shown and the live screen; 0 is the live screen.
    offset: int = 0
    #: Rows above the live screen; the most ``offset`` can be.
    history: int = 0

    @property
    def top(self) -> int:
        """Number of the first row shown, counted from the oldest row kept, as in `TerminalEngine.text_range` takes."""
        return self.history - self.offset


@dataclass(frozen=True, slots=True)
class Frame:
    """What changed since the last snapshot, and the state of the whole."""

    rows: int
    cols: int
    #: Row number to its new line: only SGR sequences built here and printable text, exactly ``cols`` cells wide.
    changed: Mapping[int, str]
    cursor: Cursor
    modes: Modes
    scroll: Scroll
    title: str
    #: Bells rung since the engine was built.
    bells: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine cannot help: callers and contract tests ask here, nobody asks for a class."""

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
    """Default colours told to applications that ask (OSC 10 and 11), each (red, green, blue) from 0 to 255."""

    foreground: tuple[int, int, int] = (0xD8, 0xD8, 0xD8)
    background: tuple[int, int, int] = (0x10, 0x10, 0x10)


class TerminalEngine(Protocol):
    """A terminal without a window, built with ``(rows, cols, scrollback_rows)``.

    Every remote byte is data: none makes a method raise.
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
        """Parse ``data`` (any split of the stream will do); the result is what to send back to the application."""
        ...

    def resize(self, rows: int, cols: int) -> None:
        """Change the size in cells; both at least 1."""
        ...

    def snapshot(self) -> Frame:
        """What changed since the last call. The first one, and the one after a resize, holds every row."""
        ...

    def scroll(self, rows: int) -> None:
        """Show ``rows`` further back in history; negative is forward. Clamped to what there is."""
        ...

    def scroll_to_top(self) -> None:
        """Show the oldest rows kept."""
        ...

    def scroll_to_bottom(self) -> None:
        """Show the live screen."""
        ...

    def text(self) -> str:
        """The rows shown as plain text, one line a row, without trailing blanks."""
        ...

    def text_range(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """The text from cell ``start`` to cell ``end``: both (row, col), both included, rows as in `Scroll.top`.

        Rows that were wrapped are joined, trailing blanks dropped.
        """
        ...

    def take_clipboard(self) -> tuple[Clip, ...]:
        """Texts the application asked to put on the clipboard since the last call, in order, the last few of many."""
        ...

    def encode_key(self, key: str, character: str | None = None) -> bytes:
        """The bytes for a key named as in `natpass_tui.terminal.keys`; empty if it has none."""
        ...

    def encode_mouse(self, event: MouseInput) -> bytes:
        """The bytes for a mouse event; empty unless the application asked for such events."""
        ...

    def encode_paste(self, text: str) -> bytes:
        """The bytes for pasted text: bracketed if asked for, and unable to end the bracket itself."""
        ...

    def encode_focus(self, focused: bool) -> bytes:
        """The bytes for gained or lost focus; empty unless asked for."""
        ...

    def close(self) -> None:
        """Free what the engine holds; it is not used afterwards."""
        ...
