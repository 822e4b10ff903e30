"""The preferred engine: libghostty-vt, the terminal core of Ghostty, through the cffi binding of pyghostty.

pyghostty's Python layer is thin and slow, so this module makes the C calls. It also adds what the library lacks: the
soft reset, a scrollback that holds as many rows as promised, answers to colour queries.
"""

# Why: docs/decisions/051-scrollback-by-bytes.md

from typing import Any

from pyghostty._ffi import ffi, lib, union_fn
from pyghostty.core import Terminal, init_sized

from natpass_tui.terminal import ansi, cells, encode, ghostty_rows, keys, replies
from natpass_tui.terminal.amplifiers import Damper
from natpass_tui.terminal.clipboard import CLIPBOARD_LIMIT, MOST_CLIPS, Clip, ClipScanner
from natpass_tui.terminal.engine import (
    REPLIES_LIMIT,
    SCROLLBACK_ROWS,
    Capabilities,
    Colours,
    Cursor,
    CursorShape,
    Frame,
    Modes,
    MouseEncoding,
    MouseInput,
    MouseTracking,
    Scroll,
)
from natpass_tui.terminal.ghostty_keys import KeyEncoder
from natpass_tui.terminal.other_keys import ModifyOtherKeys

# The viewport command is a union passed by value, which cffi does not support. A struct of the same layout works.
ffi.cdef(
    "typedef struct { GhosttyTerminalScrollViewportTag tag; intptr_t delta; uint64_t _pad; } NatpassScrollViewport;",
    override=True,
)
_scroll_viewport = union_fn("ghostty_terminal_scroll_viewport", "void(*)(GhosttyTerminal, NatpassScrollViewport)")

_CELL_BYTES = 8
_ROW_BYTES = 64
_LEAST_COLS = 80
#: The history is limited by bytes, a little more than the promised rows take. At that limit the library reuses its
#: oldest page; at a limit of rows it frees and allocates, which is twelve times slower (38 against 460 MB/s).
_SCROLLBACK_SLACK = 1.15
_SOFT_RESET = b"\x1b[!p"
_TRACKING = (MouseTracking.MOTION, MouseTracking.DRAG, MouseTracking.PRESS_RELEASE, MouseTracking.PRESS)
_ENCODINGS = (MouseEncoding.SGR_PIXELS, MouseEncoding.SGR, MouseEncoding.URXVT, MouseEncoding.UTF8)
_SELECTIONS = {lib.GHOSTTY_CLIPBOARD_LOCATION_SELECTION: "s", lib.GHOSTTY_CLIPBOARD_LOCATION_PRIMARY: "p"}
_SHAPES = {0: CursorShape.BAR, 2: CursorShape.UNDERLINE}


class GhosttyEngine:
    """A `natpass_tui.terminal.engine.TerminalEngine` over libghostty-vt."""

    capabilities = Capabilities(reflow=True, styled_underlines=True, progressive_keys=True, clipboard=True, exact=True)

    def __init__(
        self, rows: int, cols: int, scrollback_rows: int = SCROLLBACK_ROWS, colours: Colours | None = None
    ) -> None:
        colours = colours or Colours()
        self._scrollback_rows = scrollback_rows
        self._terminal = Terminal(
            cols, rows, scrollback=4 * scrollback_rows, fg=colours.foreground, bg=colours.background
        )
        self._handle: Any = self._terminal._t[0]
        self._rows, self._cols = rows, cols
        self.bells = 0
        self._replies: list[bytes] = []
        self._clips: list[Clip] = []
        self._clip_scanner = ClipScanner()
        self._reported: list[Clip] = []  # filled by the library during a feed
        self._title: str | None = ""
        self._tail = b""
        self._damper = Damper()
        self._mode_query = ffi.new("GhosttyTerminalModeConfig*")
        self._screen_query = ffi.new("GhosttyTerminalScreen*")
        self._scrollbar = ffi.new("GhosttyTerminalScrollbar*")
        self._cursor_query = init_sized("GhosttyRenderStateCursor")
        self._painter = ghostty_rows.RowPainter(self._handle)
        self._keys = KeyEncoder(self._handle)
        self._other_keys = ModifyOtherKeys()
        self._kitty_query = ffi.new("uint8_t*")
        self._lines: list[str] = [" " * cols] * rows
        self._changed: set[int] = set(range(rows))
        self._limit_history()
        self._set("CLIPBOARD_WRITE_MAX_BYTES", "size_t", CLIPBOARD_LIMIT)
        # Images cannot be shown, and some ways to send them would read files of this machine.
        self._set("KITTY_IMAGE_STORAGE_LIMIT", "uint64_t", 0)
        self._set("GLYPH_PROTOCOL", "bool", False)
        # A hostile file could set a title and read it back, which types it into the user's shell.
        self._set("TITLE_REPORT", "bool", False)
        self._callbacks = self._install_callbacks()

    @property
    def modes(self) -> Modes:
        """The modes as of the last byte fed."""
        mode = self._mode
        lib.ghostty_terminal_get(self._handle, lib.GHOSTTY_TERMINAL_DATA_ACTIVE_SCREEN, self._screen_query)
        return Modes(
            application_cursor=mode(1),
            application_keypad=mode(66),
            bracketed_paste=mode(2004),
            focus_events=mode(1004),
            alternate_screen=self._screen_query[0] == lib.GHOSTTY_TERMINAL_SCREEN_ALTERNATE,
            alternate_scroll=mode(1007),
            synchronized_output=mode(2026),
            mouse=next((tracking for tracking in _TRACKING if mode(tracking)), MouseTracking.NONE),
            mouse_encoding=next((encoding for encoding in _ENCODINGS if mode(encoding)), MouseEncoding.X10),
        )

    @property
    def title(self) -> str:
        """The title the application set."""
        if self._title is None:
            raw = self._terminal.get("title", "GhosttyString")
            self._title = cells.clean_title(ffi.buffer(raw.ptr, raw.len)[:].decode("utf-8", "replace"))
        return self._title

    def feed(self, data: bytes) -> bytes:
        """Parse ``data``; return the answer to the application."""
        data = self._damper.feed(data, self._rows, self._cols)
        self._other_keys.feed(data)
        start = 0
        searched = self._tail + data
        while (found := searched.find(_SOFT_RESET, start)) >= 0:
            # `ESC [` ends any sequence before it, so these bytes are a soft reset in any context.
            end = found + len(_SOFT_RESET)
            self._write(searched[max(start, len(self._tail)) : end])
            self._reset_softly()
            start = end
        rest = max(start, len(self._tail))
        self._write(searched[rest:] if rest else data)
        self._tail = searched[start:][-len(_SOFT_RESET) + 1 :]
        self._take_clips(data)
        answers = b"".join(self._replies)
        self._replies.clear()
        return answers if len(answers) <= REPLIES_LIMIT else b""

    def resize(self, rows: int, cols: int) -> None:
        """Change the size; the primary screen is rewrapped."""
        height, width = encode.CELL_PIXELS
        self._terminal.resize(cols, rows, cell_width_px=width, cell_height_px=height)
        self._rows, self._cols = rows, cols
        self._limit_history()
        self._lines = [" " * cols] * rows
        self._changed = set(range(rows))
        self._painter.forget()

    def snapshot(self) -> Frame:
        """Return what changed since the last call, and the current state."""
        self._refresh()
        changed = {row: self._lines[row] for row in sorted(self._changed)}
        self._changed.clear()
        return Frame(
            rows=self._rows,
            cols=self._cols,
            changed=changed,
            cursor=self._cursor(),
            modes=self.modes,
            scroll=self._scroll(),
            title=self.title,
            bells=self.bells,
        )

    def scroll(self, rows: int) -> None:
        """Show ``rows`` further back in history."""
        viewport = ffi.new("NatpassScrollViewport*")
        viewport.tag, viewport.delta = lib.GHOSTTY_SCROLL_VIEWPORT_DELTA, -rows
        _scroll_viewport(self._handle, viewport[0])

    def scroll_to_top(self) -> None:
        """Show the oldest rows kept."""
        self._scroll_to(lib.GHOSTTY_SCROLL_VIEWPORT_TOP)

    def scroll_to_bottom(self) -> None:
        """Show the live screen."""
        self._scroll_to(lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM)

    def text(self) -> str:
        """Return the rows shown as plain text."""
        self._refresh()
        return "\n".join(ansi.plain(line).rstrip() for line in self._lines)

    def text_range(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """Return the text between two cells, both included."""
        scroll = self._scroll()
        last = scroll.history + self._rows - 1
        (first_row, first_col), (last_row, last_col) = sorted((start, end))
        if first_row > last or last_row < 0:
            return ""
        if last_row > last:
            last_row, last_col = last, self._cols - 1
        selection = init_sized("GhosttySelection")
        selection.start = self._terminal.ref(min(first_col, self._cols - 1), max(first_row, 0), "screen")[0]
        selection.end = self._terminal.ref(min(last_col, self._cols - 1), last_row, "screen")[0]
        found: str = self._terminal._format_sel(selection, unwrap=True)
        return "\n".join(cells.printable(line) for line in found.split("\n"))

    def take_clipboard(self) -> tuple[Clip, ...]:
        """Return the texts for the clipboard since the last call."""
        taken = tuple(self._clips)
        self._clips.clear()
        return taken

    def encode_key(self, key: str, character: str | None = None) -> bytes:
        """Return the bytes for a key, by the application's modes and keyboard protocol."""
        name = keys.parse(key)
        level = self._other_keys.level
        lib.ghostty_terminal_get(self._handle, lib.GHOSTTY_TERMINAL_DATA_KITTY_KEYBOARD_FLAGS, self._kitty_query)
        if self._kitty_query[0] or (level > 1 and not keys.has_modified_form(name)):
            return self._keys.encode(name, character)
        return keys.encode_xterm(
            name,
            character,
            application_cursor=self._mode(1),
            backarrow=self._mode(67),
            modify_other_keys=level,
        )

    def encode_mouse(self, event: MouseInput) -> bytes:
        """Return the bytes for a mouse event."""
        return encode.encode_mouse(event, self.modes)

    def encode_paste(self, text: str) -> bytes:
        """Return the bytes for pasted text."""
        return encode.encode_paste(text, bracketed=self._mode(2004))

    def encode_focus(self, focused: bool) -> bytes:
        """Return the bytes for gained or lost focus."""
        return encode.encode_focus(focused, wanted=self._mode(1004))

    def close(self) -> None:
        """Free the native terminal and its helpers."""
        self._painter.close()
        self._keys.close()
        self._terminal.close()

    def _take_clips(self, data: bytes) -> None:
        """Collect the texts for the clipboard: OSC 52 from what was fed, other protocols from the library."""
        found = self._clip_scanner.feed(data)
        reported, self._reported = self._reported, []
        texts = [clip.text for clip in found]
        for clip in reported:
            if clip.text in texts:
                texts.remove(clip.text)
            else:
                found.append(clip)
        self._clips = [*self._clips, *found][-MOST_CLIPS:]

    def _write(self, data: bytes) -> None:
        # cffi lets other threads run during this call, so the screen keeps painting while a flood is parsed.
        if data:
            lib.ghostty_terminal_vt_write(self._handle, data, len(data))

    def _reset_softly(self) -> None:
        """Reset modes, margins, style and charset (DECSTR, which the library ignores); the cursor stays."""
        col, row = self._terminal.cursor
        self._write(
            b'\x1b[?25h\x1b[4l\x1b[?6l\x1b[?7h\x1b[?1l\x1b>\x1b[?69l\x1b[r\x1b[m\x1b(B\x1b)B\x0f\x1b[0"q\x1b[H\x1b7'
            + f"\x1b[{row + 1};{col + 1}H".encode()
        )

    def _refresh(self) -> None:
        for row, line in self._painter.changed_lines(self._rows, self._cols):
            # The library also reports rows that the cursor only passed.
            if line != self._lines[row]:
                self._lines[row] = line
                self._changed.add(row)

    def _mode(self, number: int) -> bool:
        self._mode_query.mode = number
        lib.ghostty_terminal_get(self._handle, lib.GHOSTTY_TERMINAL_DATA_MODE, self._mode_query)
        return bool(self._mode_query.value)

    def _set(self, option: str, ctype: str, value: object) -> None:
        code = getattr(lib, f"GHOSTTY_TERMINAL_OPT_{option}")
        result = lib.ghostty_terminal_set(self._handle, code, ffi.new(f"{ctype}*", value))
        if result:
            msg = f"libghostty-vt refused {option}: {result}"
            raise RuntimeError(msg)

    def _limit_history(self) -> None:
        # Rows full of accents take four times as much, so fewer of them are kept: memory stays bounded.
        size = self._scrollback_rows * (max(self._cols, _LEAST_COLS) * _CELL_BYTES + _ROW_BYTES) * _SCROLLBACK_SLACK
        self._set("SCROLLBACK_MAX_BYTES", "size_t", int(size))

    def _scroll_to(self, tag: int) -> None:
        viewport = ffi.new("NatpassScrollViewport*")
        viewport.tag = tag
        _scroll_viewport(self._handle, viewport[0])

    def _scroll(self) -> Scroll:
        lib.ghostty_terminal_get(self._handle, lib.GHOSTTY_TERMINAL_DATA_SCROLLBAR, self._scrollbar)
        history = max(0, int(self._scrollbar.total) - int(self._scrollbar.len))
        return Scroll(offset=max(0, history - int(self._scrollbar.offset)), history=history)

    def _cursor(self) -> Cursor:
        found = self._cursor_query
        self._painter.get("CURSOR", found)
        col, row = found.viewport_x, found.viewport_y
        if found.wide_tail and col:
            col -= 1
        visible = found.viewport_has_value and found.visible and row < self._rows and col < self._cols
        shape = _SHAPES.get(found.visual_style, CursorShape.BLOCK)
        return Cursor(row, col, bool(visible), shape)

    def _install_callbacks(self) -> list[Any]:
        """Set the library's callbacks; the list keeps them alive. They run inside `feed` and must not raise."""

        def reply(_terminal: Any, _user: Any, data: Any, size: int) -> None:
            answer = ffi.buffer(data, size)[:]
            if replies.is_harmless(answer):
                self._replies.append(answer)

        def bell(_terminal: Any, _user: Any) -> None:
            self.bells += 1

        def title(_terminal: Any, _user: Any) -> None:
            self._title = None

        def clipboard(_terminal: Any, _user: Any, write: Any) -> None:
            self._reported.extend(_clips(write))

        installed = []
        for option, ctype, function in (
            ("WRITE_PTY", "GhosttyTerminalWritePtyFn", reply),
            ("BELL", "GhosttyTerminalBellFn", bell),
            ("TITLE_CHANGED", "GhosttyTerminalTitleChangedFn", title),
            ("CLIPBOARD_WRITE", "GhosttyTerminalClipboardWriteFn", clipboard),
        ):
            callback = ffi.callback(ctype, function)
            lib.ghostty_terminal_set(self._handle, getattr(lib, f"GHOSTTY_TERMINAL_OPT_{option}"), callback)
            installed.append(callback)
        return installed


def _clips(write: Any) -> list[Clip]:
    """Return the plain texts of a request for the clipboard, each at most `CLIPBOARD_LIMIT` bytes."""
    clips = []
    selection = _SELECTIONS.get(write.location, "c")
    for index in range(min(write.contents_len, 4)):
        content = write.contents[index]
        mime = ffi.buffer(content.mime.ptr, content.mime.len)[:] if content.mime.len else b""
        if mime and not mime.startswith(b"text/plain"):
            continue
        size = content.data.len
        if 0 < size <= CLIPBOARD_LIMIT:
            clips.append(Clip(selection, ffi.buffer(content.data.ptr, size)[:].decode("utf-8", "replace")))
    if write.reply != ffi.NULL:
        # Others decide later whether the text gets there, so no success is reported.
        answer = init_sized("GhosttyClipboardWriteReply")
        answer.result = lib.GHOSTTY_CLIPBOARD_WRITE_RESULT_DENIED
        write.reply(write, answer)
    return clips
