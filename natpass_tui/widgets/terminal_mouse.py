"""The mouse of a terminal view: it goes to an application that asked for it, otherwise it selects text and scrolls."""

from abc import abstractmethod
from collections.abc import Callable

from textual import events
from textual.geometry import Offset

from natpass_tui.settings import DEFAULT_PREFIX
from natpass_tui.terminal import Frame, MouseAction, MouseButton, MouseInput, MouseTracking, TerminalEngine
from natpass_tui.terminal.source import InputSource
from natpass_tui.widgets import terminal_messages
from natpass_tui.widgets.terminal_screen import TerminalScreen

#: Rows, or presses of an arrow key, for one step of the wheel.
WHEEL_ROWS = 3
_BUTTONS = {1: MouseButton.LEFT, 2: MouseButton.MIDDLE, 3: MouseButton.RIGHT}
_SOURCES = {
    MouseAction.PRESS: InputSource.PRESS,
    MouseAction.RELEASE: InputSource.RELEASE,
    MouseAction.MOVE: InputSource.SCREEN,
}


class TerminalMouse(TerminalScreen):
    """A terminal with a mouse; `TerminalView` adds the keyboard."""

    def __init__(
        self,
        *,
        prefix: str = DEFAULT_PREFIX,
        intercept: Callable[[events.Key], bool] | None = None,
        engine: TerminalEngine | None = None,
        id: str | None = None,  # noqa: A002 - what Textual calls it
    ) -> None:
        super().__init__(prefix=prefix, intercept=intercept, engine=engine, id=id)
        self._pressed: list[MouseButton] = []  # buttons that the application knows to be down, the newest last
        self._anchor: tuple[int, int] | None = None

    @abstractmethod
    def _send(self, data: bytes, source: InputSource, seen: int, button: int = 0) -> None:
        """Send bytes to the remote."""

    def _button_down(self, event: events.MouseDown) -> None:
        """Begin a selection, or tell the application."""
        button = _BUTTONS[event.button]
        if self._is_for_remote(event):
            self.capture_mouse()
            if button in self._pressed:  # its release was not seen
                self._pressed.remove(button)
            self._pressed.append(button)
            self._send_mouse(event, MouseAction.PRESS, button)
        elif button is MouseButton.LEFT:
            self.capture_mouse()
            self._canvas.set_selection(None)
            self._anchor = self._cell(event.offset)
            self._repaint()

    def _pointer_moved(self, event: events.MouseMove) -> None:
        """Extend the selection, or tell the application."""
        if self._anchor is not None:
            if not 0 <= event.y < self.rows:
                self.scroll_history(-event.y if event.y < 0 else self.rows - 1 - event.y)
            head = self._cell(event.offset)
            if head != self._anchor or self._canvas.selection is not None:
                self._canvas.set_selection((self._anchor, head))
                self._repaint()
        elif self._pressed or self._is_for_remote(event):
            self._send_mouse(event, MouseAction.MOVE, self._pressed[-1] if self._pressed else MouseButton.NONE)

    def _button_up(self, event: events.MouseUp) -> None:
        """End the selection and copy it, or tell the application."""
        button = _BUTTONS[event.button]
        if button in self._pressed:
            self._pressed.remove(button)
            self._send_mouse(event, MouseAction.RELEASE, button)
        elif self._anchor is not None and button is MouseButton.LEFT:
            self._anchor = None
            if self._canvas.selection is not None:
                with self._pump.engine() as engine:
                    text = engine.text_range(*self._canvas.selection)
                if text:
                    self.post_message(terminal_messages.Copied(self, text))
        if not self._pressed and self._anchor is None:
            self.release_mouse()

    def _wheel_turned(self, event: events.MouseEvent, x: int, y: int) -> None:
        """Scroll, or tell the application; sideways turns are not reported."""
        if not y:
            return
        if self._is_for_remote(event):
            self._send_mouse(event, MouseAction.PRESS, MouseButton.WHEEL_UP if y > 0 else MouseButton.WHEEL_DOWN)
        elif self._modes.alternate_screen:
            # Programs like less have no scrollback; xterm sends them arrow keys.
            if self._modes.alternate_scroll:
                with self._pump.engine() as engine:
                    data, seen = engine.encode_key("up" if y > 0 else "down") * WHEEL_ROWS, self._pump.position
                self._send(data, InputSource.SCREEN, seen)
        else:
            self.scroll_history(y * WHEEL_ROWS)

    def _is_for_remote(self, event: events.MouseEvent) -> bool:
        """Whether the event goes to an application that asked for the mouse; shift keeps it here, as in other
        terminals."""
        return self._modes.mouse is not MouseTracking.NONE and not event.shift and not self.is_scrolled

    def _send_mouse(self, event: events.MouseEvent, action: MouseAction, button: MouseButton) -> None:
        row, col = self.nearest_cell(event.offset)
        mouse = MouseInput(action, button, row, col, shift=event.shift, alt=event.meta, ctrl=event.ctrl)
        source = InputSource.SCREEN
        if button < MouseButton.WHEEL_UP:
            source = _SOURCES[action]
        with self._pump.engine() as engine:
            data, seen = engine.encode_mouse(mouse), self._pump.position
        self._send(data, source, seen, button)

    def _cell(self, offset: Offset) -> tuple[int, int]:
        """Return the cell nearest to an offset, its row counted from the oldest one kept."""
        row, col = self.nearest_cell(offset)
        return self._canvas.scroll.top + row, col

    def _resize(self, rows: int, cols: int) -> None:
        super()._resize(rows, cols)
        self._forget_selection()

    def _show_frame(self, frame: Frame) -> None:
        if frame.modes.alternate_screen != self._modes.alternate_screen:
            self._forget_selection()
        super()._show_frame(frame)

    def _forget_selection(self) -> None:
        """Clear the selection: its row numbers now mean other rows."""
        self._anchor = None
        self._canvas.set_selection(None)
