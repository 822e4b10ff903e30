"""A terminal in the console: shows remote output, turns keys, mouse and paste into bytes for the remote.

It knows no network. The parent feeds it (`TerminalView.feed`) and sends what `TerminalView.Input` carries.
"""

from collections.abc import Callable
from typing import TypeAlias

from textual import events
from textual.geometry import Offset

from natpass_tui.terminal import (
    SCROLLBACK_ROWS,
    Frame,
    MouseAction,
    MouseButton,
    MouseInput,
    MouseTracking,
    TerminalEngine,
)
from natpass_tui.terminal.keys import canonical
from natpass_tui.terminal.source import Source
from natpass_tui.widgets import terminal_messages
from natpass_tui.widgets.rows import key_for_remote
from natpass_tui.widgets.terminal_screen import TerminalScreen

DEFAULT_PREFIX = "ctrl+]"
WHEEL_ROWS = 3
"""Rows, or presses of an arrow key, for one step of the wheel."""
_BUTTONS = {1: MouseButton.LEFT, 2: MouseButton.MIDDLE, 3: MouseButton.RIGHT}
_SOURCES = {MouseAction.PRESS: Source.PRESS, MouseAction.RELEASE: Source.RELEASE, MouseAction.MOVE: Source.SCREEN}


class TerminalView(TerminalScreen):
    """A focusable terminal.

    Every key goes to the remote but two kinds, whose events are left to bubble: the ``prefix`` key (followed by
    `PrefixPressed`), and keys for which ``intercept`` returns True. ``intercept`` is called in the order keys are
    typed, so that an application's prefix commands cannot be overtaken by the keys that follow.

    Keys that Textual's App binds with priority never arrive here: `natpass_tui.driver.release_app_keys` frees them.
    """

    Input: TypeAlias = terminal_messages.Input
    Resized: TypeAlias = terminal_messages.Resized
    TitleChanged: TypeAlias = terminal_messages.TitleChanged
    Activity: TypeAlias = terminal_messages.Activity
    Bell: TypeAlias = terminal_messages.Bell
    ClipboardSet: TypeAlias = terminal_messages.ClipboardSet
    Copied: TypeAlias = terminal_messages.Copied
    PrefixPressed: TypeAlias = terminal_messages.PrefixPressed

    def __init__(
        self,
        *,
        prefix: str = DEFAULT_PREFIX,
        intercept: Callable[[events.Key], bool] | None = None,
        scrollback_rows: int = SCROLLBACK_ROWS,
        on_parsed: Callable[[int], None] | None = None,
        engine: TerminalEngine | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - what Textual calls it
        classes: str | None = None,
    ) -> None:
        super().__init__(
            scrollback_rows=scrollback_rows, on_parsed=on_parsed, engine=engine, name=name, id=id, classes=classes
        )
        self._prefix = canonical(prefix)
        self._intercept = intercept
        self._pressed: list[MouseButton] = []  # those that are down for the application, the last one last
        self._anchor: tuple[int, int] | None = None

    def send_key(self, key: str, character: str | None = None) -> None:
        """Send a key to the remote as if it was typed; this is how the prefix itself is sent."""
        with self._pump.engine() as engine:
            data, seen = engine.encode_key(key, character), self._pump.position
        self._send_typed(data, seen)

    def send_paste(self, text: str) -> None:
        """Send text to the remote as pasted."""
        with self._pump.engine() as engine:
            data, seen = engine.encode_paste(text), self._pump.position
        self._send_typed(data, seen)

    # Keyboard.

    def on_key(self, event: events.Key) -> None:
        """Send a key, unless it is one of the console's own."""
        key = key_for_remote(event, self._prefix, self._intercept, lambda: self.post_message(self.PrefixPressed(self)))
        if key is not None:
            self.send_key(key, event.character)

    def on_paste(self, event: events.Paste) -> None:
        """Send pasted text."""
        event.stop()
        event.prevent_default()
        self.send_paste(event.text)

    def on_focus(self) -> None:
        """Tell an application that wants to know; draw the cursor solid."""
        self._focus_changed(True)

    def on_blur(self) -> None:
        """Tell an application that wants to know; draw the cursor as an underline."""
        self._focus_changed(False)

    def _focus_changed(self, focused: bool) -> None:
        self._canvas.set_focused(focused)
        self._repaint()
        with self._pump.engine() as engine:
            data, seen = engine.encode_focus(focused), self._pump.position
        self._send(data, Source.SCREEN, seen)

    def _send(self, data: bytes, source: Source, seen: int, button: int = 0) -> None:
        if data:
            self.post_message(self.Input(self, data, source, seen, button))

    def _send_typed(self, data: bytes, seen: int) -> None:
        """Send what a user typed: it shows the live screen and ends a selection."""
        if not data:
            return
        self._send(data, Source.TYPED, seen)
        self._canvas.set_selection(None)
        if self.is_scrolled:
            self.scroll_history_bottom()
        else:
            self._repaint()

    # Mouse.

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin a selection, or tell the application."""
        event.stop()
        button = _BUTTONS.get(event.button, MouseButton.NONE)
        if button is MouseButton.NONE:
            return
        if self._is_for_remote(event):
            self.capture_mouse()
            if button in self._pressed:  # it went up where nobody saw it
                self._pressed.remove(button)
            self._pressed.append(button)
            self._send_mouse(event, MouseAction.PRESS, button)
        elif button is MouseButton.LEFT:
            self.capture_mouse()
            self._canvas.set_selection(None)
            self._anchor = self._cell(event.offset)
            self._repaint()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Extend the selection, or tell the application."""
        event.stop()
        if self._anchor is not None:
            if not 0 <= event.y < self.rows:
                self.scroll_history(-event.y if event.y < 0 else self.rows - 1 - event.y)
            head = self._cell(event.offset)
            if head != self._anchor or self._canvas.selection is not None:
                self._canvas.set_selection((self._anchor, head))
                self._repaint()
        elif self._pressed or self._is_for_remote(event):
            self._send_mouse(event, MouseAction.MOVE, self._pressed[-1] if self._pressed else MouseButton.NONE)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End the selection and copy it, or tell the application."""
        event.stop()
        button = _BUTTONS.get(event.button, MouseButton.NONE)
        if button in self._pressed:
            self._pressed.remove(button)
            self._send_mouse(event, MouseAction.RELEASE, button)
        elif self._anchor is not None and button is MouseButton.LEFT:
            self._anchor = None
            if self._canvas.selection is not None:
                with self._pump.engine() as engine:
                    text = engine.text_range(*self._canvas.selection)
                if text:
                    self.post_message(self.Copied(self, text))
        if not self._pressed and self._anchor is None:
            self.release_mouse()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Wheel away from the user."""
        self._wheel(event, MouseButton.WHEEL_UP, 1, "up")

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Wheel towards the user."""
        self._wheel(event, MouseButton.WHEEL_DOWN, -1, "down")

    def _wheel(self, event: events.MouseEvent, button: MouseButton, direction: int, arrow: str) -> None:
        event.stop()
        event.prevent_default()
        if self._is_for_remote(event):
            self._send_mouse(event, MouseAction.PRESS, button)
        elif self._modes.alternate_screen:
            # Programs like less have no history here; xterm gives them arrow keys.
            if self._modes.alternate_scroll:
                with self._pump.engine() as engine:
                    data, seen = engine.encode_key(arrow) * WHEEL_ROWS, self._pump.position
                self._send(data, Source.SCREEN, seen)
        else:
            self.scroll_history(direction * WHEEL_ROWS)

    def _is_for_remote(self, event: events.MouseEvent) -> bool:
        """Whether the application asked for the mouse; shift keeps it here, as in other terminals."""
        return self._modes.mouse is not MouseTracking.NONE and not event.shift and not self.is_scrolled

    def _send_mouse(self, event: events.MouseEvent, action: MouseAction, button: MouseButton) -> None:
        row, col = min(max(event.y, 0), self.rows - 1), min(max(event.x, 0), self.cols - 1)
        mouse = MouseInput(action, button, row, col, shift=event.shift, alt=event.meta, ctrl=event.ctrl)
        source = Source.SCREEN
        if button < MouseButton.WHEEL_UP:
            source = _SOURCES[action]
        with self._pump.engine() as engine:
            data, seen = engine.encode_mouse(mouse), self._pump.position
        self._send(data, source, seen, button)

    def _cell(self, offset: Offset) -> tuple[int, int]:
        row, col = min(max(offset.y, 0), self.rows - 1), min(max(offset.x, 0), self.cols - 1)
        return self._canvas.scroll.top + row, col

    def _apply(self, frame: Frame) -> None:
        screen_changed = frame.modes.alternate_screen != self._modes.alternate_screen
        resized = (frame.rows, frame.cols) != (self.rows, self.cols)
        super()._apply(frame)
        if screen_changed or resized:
            # The numbers of the rows mean others now.
            self._anchor = None
            self._canvas.set_selection(None)
