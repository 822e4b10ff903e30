"""The remote screen, assembled at the size that the view needs. No threads, no I/O."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from natpass_tui.links.desktop.decode import decode
from natpass_tui.pixels.framebuffer import Framebuffer, Rectangle, check
from natpass_tui.pixels.scaling import Placement, place, reduction
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.desktop_pb2 import VncImage


@dataclass(frozen=True, slots=True)
class Plan:
    """How to decode one rectangle.

    Attributes:
        width, height: the size of the whole screen.
        part: the rectangle.
        factor: the factor by which the decoder may reduce it.
        also: how many more pixels drawing it costs.
    """

    width: int
    height: int
    part: Rectangle
    factor: int
    also: int = 0


class RemoteScreen:
    """Assembles rectangles to pictures. Call `fit` first: the view's size decides how many pixels are kept."""

    def __init__(self) -> None:
        self._rows = self._cols = 1
        self._buffer: Framebuffer | None = None
        #: Whether rectangles were kept with less detail than this view can show: request everything again.
        self.is_coarse = False

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the remote screen in its pixels, None while unknown."""
        return (self._buffer.width, self._buffer.height) if self._buffer is not None else None

    @property
    def placement(self) -> Placement | None:
        """The position of the screen in the view, None while unknown."""
        if self._buffer is None:
            return None
        return place(self._buffer.width, self._buffer.height, self._rows, self._cols)

    def fit(self, rows: int, cols: int) -> None:
        """Show the screen in a view of this size from now on."""
        self._rows, self._cols = rows, cols
        placement = self.placement
        if self._buffer is None or placement is None:
            return
        factor = reduction(placement)
        if factor != self._buffer.factor:
            self.is_coarse = self.is_coarse or factor < self._buffer.factor
            self._buffer = self._buffer.resized(factor)

    def clear(self) -> None:
        """Forget the screen: another link draws it from the start."""
        self._buffer = None
        self.is_coarse = False

    def plan(self, image: VncImage) -> Plan:
        """Return how to decode a rectangle. Decoding does not use this object: other threads may use it meanwhile.

        Raises:
            RemoteProtocolError: the rectangle is invalid.
        """
        info = image.info
        part = Rectangle(info.rect_x, info.rect_y, info.rect_width, info.rect_height)
        fault = check(info.screen_width, info.screen_height, part)
        if fault is not None:
            raise RemoteProtocolError(fault)
        also = 0
        if self.size != (info.screen_width, info.screen_height):
            factor = reduction(place(info.screen_width, info.screen_height, self._rows, self._cols))
            self._buffer = Framebuffer(info.screen_width, info.screen_height, factor)
            self.is_coarse = False
            also = self._buffer.pixels.size
        buffer = self._buffer
        assert buffer is not None
        factor = buffer.factor if buffer.takes_reduced(part) else 1
        if buffer.makes_whole(part):
            also += info.screen_width * info.screen_height
        return Plan(info.screen_width, info.screen_height, part, factor, also)

    def put(self, plan: Plan, picture: NDArray[np.uint8]) -> None:
        """Draw a decoded rectangle.

        If the view's size has changed since its plan, it may not fit: then `is_coarse` requests everything again.
        """
        buffer = self._buffer
        if buffer is None or self.size != (plan.width, plan.height):
            return  # cleared since: its screen is gone
        if picture.shape[:2] == (plan.part.height, plan.part.width):
            kept_whole = buffer.keeps_whole
            buffer.put(plan.part, picture)
            # The first rectangle off the grid covers pixels whose parts are unknown.
            self.is_coarse = self.is_coarse or buffer.keeps_whole != kept_whole
        elif buffer.factor == plan.factor and buffer.takes_reduced(plan.part):
            buffer.put_reduced(plan.part, picture)
        else:
            self.is_coarse = True

    def take(self, image: VncImage) -> None:
        """Decode and draw a rectangle at once. Raises RemoteProtocolError."""
        plan = self.plan(image)
        self.put(plan, decode(image, plan.factor))

    def picture(self) -> NDArray[np.uint8] | None:
        """Return the view's pixels: shape (2 * rows, cols, 3), black outside the screen. None while it is unknown."""
        placement = self.placement
        if self._buffer is None or placement is None:
            return None
        scaled = self._buffer.scaled(placement.height, placement.width)
        if scaled.shape == (2 * self._rows, self._cols, 3):
            return scaled
        view = np.zeros((2 * self._rows, self._cols, 3), np.uint8)
        view[
            placement.top : placement.top + placement.height,
            placement.left : placement.left + placement.width,
        ] = scaled
        return view
