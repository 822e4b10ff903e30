"""A remote screen in the console: paints pictures in half-blocks, reports keys and the pointer.

It knows neither the network nor the remote screen: `picture` gives what to paint, in the view's own pixels.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.strip import Strip

from natpass_tui.pixels.colours import Depth, grey
from natpass_tui.settings import DEFAULT_PREFIX
from natpass_tui.widgets import desktop_messages
from natpass_tui.widgets.desktop_canvas import DesktopCanvas
from natpass_tui.widgets.painted_view import PaintedView

#: Colours by the name of Rich's colour system; all others have sixteen.
_DEPTHS: Final = {"truecolor": Depth.TRUE, "256": Depth.PALETTE_256}


class DesktopView(PaintedView):
    """A focusable picture. Call `changed` when there is a new one.

    Args:
        picture: gives what to paint, shape (2 * rows, cols, 3), for the size of the last `Resized`; None: nothing yet.
        prefix: the console's prefix key.
        intercept: sees each key first; True if it took it.
        id: what Textual calls the widget.
    """

    KeyPressed: TypeAlias = desktop_messages.KeyPressed
    Pasted: TypeAlias = desktop_messages.Pasted
    PointerMoved: TypeAlias = desktop_messages.PointerMoved
    ButtonPressed: TypeAlias = desktop_messages.ButtonPressed
    ButtonReleased: TypeAlias = desktop_messages.ButtonReleased
    WheelTurned: TypeAlias = desktop_messages.WheelTurned
    ViewLeft: TypeAlias = desktop_messages.ViewLeft

    _canvas: DesktopCanvas

    def __init__(
        self,
        picture: Callable[[], NDArray[np.uint8] | None],
        *,
        prefix: str = DEFAULT_PREFIX,
        intercept: Callable[[events.Key], bool] | None = None,
        id: str | None = None,  # noqa: A002 - what Textual calls it
    ) -> None:
        super().__init__(DesktopCanvas(), prefix=prefix, intercept=intercept, id=id)
        self._picture = picture
        self._cell: tuple[int, int] | None = None

    # Painting.

    def _resize(self, rows: int, cols: int) -> None:
        self._canvas.depth = _DEPTHS.get(self.app.console.color_system or "", Depth.PALETTE_16)
        self._canvas.style = self.rich_style
        super()._resize(rows, cols)

    def _update(self, *, may_wait: bool) -> bool:
        """Draw the newest picture."""
        picture = self._picture()
        if picture is not None:
            self._canvas.show(grey(picture) if self.app.no_color else picture)
        return True

    def _filtered(self, strip: Strip) -> Strip:
        return strip if self.app.no_color else super()._filtered(strip)  # without colours the picture is grey already

    # Input.

    def on_blur(self) -> None:
        """Report that the view lost the focus."""
        self.post_message(self.ViewLeft(self))

    def on_hide(self) -> None:
        """Report that the view was hidden."""
        self.post_message(self.ViewLeft(self))

    def _key_typed(self, key: str, character: str | None) -> None:
        self.post_message(self.KeyPressed(self, key, character))

    def _text_pasted(self, text: str) -> None:
        self.post_message(self.Pasted(self, text))

    def _button_down(self, event: events.MouseDown) -> None:
        self.capture_mouse()
        held = {"ctrl": event.ctrl, "alt": event.meta, "shift": event.shift}
        modifiers = tuple(name for name, is_held in held.items() if is_held)
        self.post_message(self.ButtonPressed(self, event.y, event.x, event.button, modifiers))

    def _button_up(self, event: events.MouseUp) -> None:
        self.release_mouse()
        self.post_message(self.ButtonReleased(self, event.y, event.x, event.button))

    def _pointer_moved(self, event: events.MouseMove) -> None:
        if (event.y, event.x) != self._cell:
            self._cell = (event.y, event.x)
            self.post_message(self.PointerMoved(self, event.y, event.x))

    def _wheel_turned(self, event: events.MouseEvent, x: int, y: int) -> None:
        self.post_message(self.WheelTurned(self, event.y, event.x, x, y))
