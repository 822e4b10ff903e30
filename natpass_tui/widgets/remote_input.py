"""Keyboard and mouse input of a view for a remote machine."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from textual import events
from textual.widget import Widget

from natpass_tui.settings import DEFAULT_PREFIX
from natpass_tui.terminal.keys import canonical
from natpass_tui.widgets import view_messages

#: Left, middle and right, as Textual numbers them; it knows no others.
_BUTTONS = (1, 2, 3)


class RemoteInput(Widget, can_focus=True):
    """A widget that turns Textual's events into input: a key typed, a text pasted, a button, the wheel.

    Every key goes to the remote, with two exceptions that bubble: the ``prefix`` key (followed by `PrefixPressed`), and
    keys for which ``intercept`` returns True. ``intercept`` is called in the order of typing, so that the keys that
    follow cannot overtake an application's prefix commands.

    Keys that Textual's App binds with priority never arrive here: `natpass_tui.driver.release_app_keys` frees them.

    Args:
        prefix: the console's prefix key.
        intercept: sees each key first; True if it took it.
        id: what Textual calls the widget.
    """

    PrefixPressed: TypeAlias = view_messages.PrefixPressed

    def __init__(
        self,
        *,
        prefix: str = DEFAULT_PREFIX,
        intercept: Callable[[events.Key], bool] | None = None,
        id: str | None = None,  # noqa: A002 - what Textual calls it
    ) -> None:
        super().__init__(id=id)
        self._prefix = canonical(prefix)
        self._intercept = intercept

    # What a kind of view says.

    @abstractmethod
    def _key_typed(self, key: str, character: str | None) -> None:
        """Send a key, by Textual's name; `character` is what it writes, if anything."""

    @abstractmethod
    def _text_pasted(self, text: str) -> None:
        """Send what the user pasted."""

    @abstractmethod
    def _button_down(self, event: events.MouseDown) -> None:
        """Handle a button that went down: 1 left, 2 middle, 3 right."""

    @abstractmethod
    def _button_up(self, event: events.MouseUp) -> None:
        """Handle a button that came up."""

    @abstractmethod
    def _pointer_moved(self, event: events.MouseMove) -> None:
        """Handle a move of the pointer."""

    @abstractmethod
    def _wheel_turned(self, event: events.MouseEvent, x: int, y: int) -> None:
        """Handle a notch of the wheel: to the right and up."""

    # What Textual calls.

    def on_key(self, event: events.Key) -> None:
        """Send a key, unless it is one of the console's own."""
        if self._intercept is not None and self._intercept(event):
            return
        if canonical(event.key) == self._prefix:
            self.post_message(self.PrefixPressed(self))
            return
        event.stop()
        event.prevent_default()
        # Textual takes ^H for the backspace key; the character tells them apart.
        key = "ctrl+h" if event.key == "backspace" and event.character == "\x08" else event.key
        self._key_typed(key, event.character)

    def on_paste(self, event: events.Paste) -> None:
        """Send pasted text."""
        event.stop()
        event.prevent_default()
        self._text_pasted(event.text)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A button went down."""
        event.stop()
        if event.button in _BUTTONS:
            self._button_down(event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A button came up."""
        event.stop()
        if event.button in _BUTTONS:
            self._button_up(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The pointer moved."""
        event.stop()
        self._pointer_moved(event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel, away from the user."""
        self._wheel(event, 0, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel, towards the user."""
        self._wheel(event, 0, -1)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """The wheel, to the left."""
        self._wheel(event, -1, 0)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """The wheel, to the right."""
        self._wheel(event, 1, 0)

    def _wheel(self, event: events.MouseEvent, x: int, y: int) -> None:
        event.stop()
        event.prevent_default()
        self._wheel_turned(event, x, y)
