"""Turns pixels into `vnc_image` messages."""

from collections.abc import Iterator

import numpy as np

from natpass_agent.links.desktop.view import RAW_QUALITY
from natpass_agent.links.desktop.worker.tiles import TILE, Area, Picture
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.desktop_pb2 import VncImage
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

try:
    import simplejpeg
except ImportError:  # no wheel for this machine: use pillow, ten times slower
    simplejpeg = None

#: From this quality on, colours keep their full resolution: desktops are full of small coloured text. Below it they
#: have half of it, for two thirds of the bytes.
FULL_COLOUR_QUALITY = 75
#: Tiles in one JPEG: wide ones have few headers, and at usual qualities this many fit into a frame.
JPEG_WIDEST, JPEG_LARGEST = 16, 16
#: Tiles in one raw rectangle: 16 KiB each.
RAW_LARGEST = MAX_DATA_BYTES // (TILE * TILE * 4)


def limits(quality: int) -> tuple[int, int]:
    """Return the most tiles of a rectangle: beside each other, and in all."""
    return (RAW_LARGEST, RAW_LARGEST) if quality == RAW_QUALITY else (JPEG_WIDEST, JPEG_LARGEST)


def messages(picture: Picture, area: Area, quality: int) -> Iterator[bytes]:
    """Yield serialised messages (without addresses) that carry one area of a picture.

    One message, unless its data is too long for a frame: then the area is halved until it fits.

    Args:
        picture: the whole screen.
        area: which part of it, not larger than `limits` allows.
        quality: 1 to 99: JPEG, 100: raw.
    """
    pixels = area.part(picture)
    data = _raw(pixels) if quality == RAW_QUALITY else _jpeg(pixels, quality)
    if len(data) > MAX_DATA_BYTES:
        for half in _halves(area):
            yield from messages(picture, half, quality)
        return
    rows, cols = picture.shape[:2]
    image = VncImage(
        info=VncImage.Info(
            screen_width=cols,
            screen_height=rows,
            rect_x=area.x,
            rect_y=area.y,
            rect_width=area.width,
            rect_height=area.height,
        ),
        encode=VncImage.raw if quality == RAW_QUALITY else VncImage.jpeg,
        data=data,
    )
    yield Msg(type=MsgType.vnc_image, vimg=image).SerializeToString()


def _halves(area: Area) -> tuple[Area, Area]:
    if area.width >= area.height:
        left = area.width // 2
        return Area(area.x, area.y, left, area.height), Area(area.x + left, area.y, area.width - left, area.height)
    top = area.height // 2
    return Area(area.x, area.y, area.width, top), Area(area.x, area.y + top, area.width, area.height - top)


def _raw(pixels: Picture) -> bytes:
    rgba = pixels[..., [2, 1, 0, 3]]
    rgba[..., 3] = 0xFF
    return rgba.tobytes()


def _jpeg(pixels: Picture, quality: int) -> bytes:
    colours = "444" if quality >= FULL_COLOUR_QUALITY else "420"
    if simplejpeg is not None:
        whole = np.ascontiguousarray(pixels)
        data: bytes = simplejpeg.encode_jpeg(whole, quality, "BGRX", colours, fastdct=True)
        return data
    return pillow_jpeg(pixels, quality)


def pillow_jpeg(pixels: Picture, quality: int) -> bytes:
    """Return a JPEG made by pillow."""
    from io import BytesIO  # noqa: PLC0415 - loaded only for the slow way

    from PIL import Image  # noqa: PLC0415 - as above

    out = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 2::-1]))
    image.save(out, "JPEG", quality=quality, subsampling=0 if quality >= FULL_COLOUR_QUALITY else 2)
    return out.getvalue()
