"""A terminal in the console: shows remote output, turns keys, mouse and pastes into bytes for the remote.

It knows no network. The parent feeds it (`TerminalView.feed`) and sends what `TerminalView.Input` carries.
"""

from typing import TypeAlias

from natpass_tui.terminal.source import InputSource
from natpass_tui.widgets import terminal_messages
from natpass_tui.widgets.terminal_mouse import TerminalMouse


class TerminalView(TerminalMouse):
    """A focusable terminal."""

    Input: TypeAlias = terminal_messages.Input
    TitleChanged: TypeAlias = terminal_messages.TitleChanged
    Activity: TypeAlias = terminal_messages.Activity
    Bell: TypeAlias = terminal_messages.Bell
    ClipboardSet: TypeAlias = terminal_messages.ClipboardSet
    Copied: TypeAlias = terminal_messages.Copied

    def send_key(self, key: str, character: str | None = None) -> None:
        """Send a key to the remote as if the user typed it, such as the prefix itself."""
        with self._pump.engine() as engine:
            data, seen = engine.encode_key(key, character), self._pump.position
        self._send_typed(data, seen)

    def send_paste(self, text: str) -> None:
        """Send text to the remote as a paste."""
        with self._pump.engine() as engine:
            data, seen = engine.encode_paste(text), self._pump.position
        self._send_typed(data, seen)

    def on_focus(self) -> None:
        """Report the focus to an application that asked for it; draw the cursor solid."""
        self._focus_changed(True)

    def on_blur(self) -> None:
        """Report the loss of focus to an application that asked for it; draw the cursor as an underline."""
        self._focus_changed(False)

    def _key_typed(self, key: str, character: str | None) -> None:
        self.send_key(key, character)

    def _text_pasted(self, text: str) -> None:
        self.send_paste(text)

    def _focus_changed(self, focused: bool) -> None:
        self._canvas.set_focused(focused)
        self._repaint()
        with self._pump.engine() as engine:
            data, seen = engine.encode_focus(focused), self._pump.position
        self._send(data, InputSource.SCREEN, seen)

    def _send(self, data: bytes, source: InputSource, seen: int, button: int = 0) -> None:
        if data:
            self.post_message(self.Input(self, data, source, seen, button))

    def _send_typed(self, data: bytes, seen: int) -> None:
        """Send what the user typed, show the live screen and clear the selection."""
        if not data:
            return
        self._send(data, InputSource.TYPED, seen)
        self._canvas.set_selection(None)
        if self.is_scrolled:
            self.scroll_history_bottom()
        else:
            self._repaint()
