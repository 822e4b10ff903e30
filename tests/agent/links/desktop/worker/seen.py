"""What a viewer has seen: `vnc_image` messages put together by pillow."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.desktop_pb2 import VncImage
from natpass_wire.pb.envelope_pb2 import Msg, MsgType


class Seen:
    """A viewer's copy of a screen: (rows, cols, 3), red, green, blue."""

    def __init__(self) -> None:
        self.screen: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)
        self.pictures = 0
        self.bytes = 0

    def take(self, message: bytes) -> None:
        """Take a serialised message."""
        parsed = Msg.FromString(message)
        assert parsed.type == MsgType.vnc_image
        image = parsed.vimg
        info = image.info
        assert len(image.data) <= MAX_DATA_BYTES
        assert info.rect_x + info.rect_width <= info.screen_width
        assert info.rect_y + info.rect_height <= info.screen_height
        if self.screen.shape[:2] != (info.screen_height, info.screen_width):
            self.screen = np.zeros((info.screen_height, info.screen_width, 3), np.uint8)
        if image.encode == VncImage.raw:
            pixels = np.frombuffer(image.data, np.uint8).reshape(info.rect_height, info.rect_width, 4)
            assert (pixels[..., 3] == 255).all()
            pixels = pixels[..., :3]
        else:
            pixels = np.asarray(Image.open(BytesIO(image.data)))
            assert pixels.shape == (info.rect_height, info.rect_width, 3)
        self.screen[info.rect_y : info.rect_y + info.rect_height, info.rect_x : info.rect_x + info.rect_width] = pixels
        self.pictures += 1
        self.bytes += len(message)

    def difference(self, truth: NDArray[np.uint8]) -> float:
        """Return the mean difference to what is there, of 255."""
        if truth.shape != self.screen.shape:
            return 255.0
        return float(np.abs(truth.astype(np.int16) - self.screen).mean())
