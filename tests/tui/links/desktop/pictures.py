"""Messages of a desktop, and pictures to put into them."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from natpass_wire.pb.desktop_pb2 import VncImage
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

Picture = NDArray[np.uint8]


def noise(height: int, width: int, seed: int = 1) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int, width: int) -> Picture:
    """Return colours that change slowly: JPEG at a good quality keeps them to a few levels."""
    y, x = np.mgrid[0:height, 0:width]
    parts = [127 + 120 * np.sin(x / 70), 127 + 120 * np.cos(y / 55), 127 + 120 * np.sin((x + y) / 90)]
    return np.stack(parts, axis=-1).astype(np.uint8)


def png(picture: Picture) -> bytes:
    out = BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def jpeg(picture: Picture, quality: int = 90) -> bytes:
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality)
    return data


def raw(picture: Picture) -> bytes:
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]).tobytes()


ENCODE = {VncImage.jpeg: jpeg, VncImage.png: png, VncImage.raw: raw}


def image(
    data: bytes,
    encoding: VncImage.Encoding,
    screen: tuple[int, int],
    part: tuple[int, int, int, int] | None = None,
) -> VncImage:
    """Return a rectangle; `screen` is (width, height), `part` is (x, y, width, height), None: all of it."""
    width, height = screen
    x, y, rect_width, rect_height = part or (0, 0, width, height)
    info = VncImage.Info(
        screen_width=width, screen_height=height, rect_x=x, rect_y=y, rect_width=rect_width, rect_height=rect_height
    )
    return VncImage(info=info, encode=encoding, data=data)


def tiles(picture: Picture, encoding: VncImage.Encoding = VncImage.jpeg, side: int = 64) -> Iterator[VncImage]:
    """Return a whole screen as existing agents send it."""
    height, width = picture.shape[:2]
    for y in range(0, height, side):
        for x in range(0, width, side):
            part = picture[y : y + side, x : x + side]
            yield image(ENCODE[encoding](part), encoding, (width, height), (x, y, part.shape[1], part.shape[0]))


def message(part: VncImage) -> Msg:
    return Msg(type=MsgType.vnc_image, vimg=part)
