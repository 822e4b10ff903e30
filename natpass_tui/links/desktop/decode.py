"""Decodes a peer's JPEG, PNG or raw RGBA to pixels. The bytes are hostile: sizes are checked before decoding.

Only the formats of the protocol are opened, never what a library would guess. Pictures are arrays of shape (height,
width, 3), uint8.
"""

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from natpass_tui.pixels.framebuffer import reduced
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.desktop_pb2 import VncImage

try:
    import simplejpeg
except ImportError:  # no wheel for this machine: Pillow takes ten times as long
    simplejpeg = None

_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
_START_OF_SCAN = b"\xff\xda"
#: A progressive JPEG has about ten scans; thousands would keep a decoder busy for minutes.
_MOST_SCANS = 64
#: What a pixel of a PNG costs in pixels of a JPEG that is reduced, at 10 ns each. No known agent sends any.
_PNG_COST = 8
#: The least cost of a picture, in pixels.
_LEAST_COST = 4096
#: Pillow's errors for broken pictures.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


def decode(image: VncImage, factor: int) -> NDArray[np.uint8]:
    """Return the picture of a rectangle; a JPEG is reduced by `factor` (1, 2, 4 or 8).

    A reduced one has the shape (ceil(height / factor), ceil(width / factor), 3). The caller has checked the rectangle's
    size (`natpass_tui.pixels.framebuffer.check`).

    Raises:
        RemoteProtocolError: the image is invalid.
    """
    width, height = image.info.rect_width, image.info.rect_height
    match image.encode:
        case VncImage.raw:
            return _raw(image.data, width, height)
        case VncImage.jpeg:
            return _jpeg(image.data, width, height, factor)
        case VncImage.png:
            return _png(image.data, width, height)
    raise RemoteProtocolError(f"a picture of encoding {int(image.encode)}")


def cost(image: VncImage) -> int:
    """Return what decoding a rectangle costs, in pixels of a JPEG with one scan."""
    pixels = image.info.rect_width * image.info.rect_height
    match image.encode:
        case VncImage.png:
            return max(_PNG_COST * pixels, _LEAST_COST)
        case VncImage.jpeg:
            return max(min(image.data.count(_START_OF_SCAN), _MOST_SCANS) * pixels, _LEAST_COST)
    return max(pixels, _LEAST_COST)


def _raw(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    if len(data) != 4 * width * height:
        raise RemoteProtocolError(f"{len(data)} bytes for {width}x{height} raw pixels")
    return np.frombuffer(data, np.uint8).reshape(height, width, 4)[..., :3]


def _jpeg(data: bytes, width: int, height: int, factor: int) -> NDArray[np.uint8]:
    if data.count(_START_OF_SCAN) > _MOST_SCANS:
        raise RemoteProtocolError("a JPEG with too many scans")
    if simplejpeg is None:
        return _pillow_jpeg(data, width, height, factor)
    try:
        found_height, found_width, space, _ = simplejpeg.decode_jpeg_header(data)
        _expect(found_width, found_height, width, height)
        if space not in {"YCbCr", "RGB", "Gray", "GRAY"}:
            return _pillow_jpeg(data, width, height, factor)
        picture: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, min_height=-(-height // factor), min_width=-(-width // factor)
        )
    except ValueError as error:
        raise RemoteProtocolError("a broken JPEG") from error
    return picture


def _pillow_jpeg(data: bytes, width: int, height: int, factor: int) -> NDArray[np.uint8]:
    try:
        # Pillow reads only the header first: we check the size before it allocates the pixels.
        with Image.open(BytesIO(data), formats=["JPEG"]) as picture:
            _expect(*picture.size, width, height)
            if width % factor == 0 and height % factor == 0:
                picture.draft("RGB", (width // factor, height // factor))
            pixels = np.asarray(picture.convert("RGB"))
    except _BROKEN as error:
        raise RemoteProtocolError("a broken JPEG") from error
    return reduced(pixels, factor) if pixels.shape[:2] == (height, width) else pixels


def _png(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    if not data.startswith(_PNG_START) or len(data) < len(_PNG_START) + 8:
        raise RemoteProtocolError("a broken PNG")
    found_width, found_height = struct.unpack_from(">II", data, len(_PNG_START))
    _expect(found_width, found_height, width, height)
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as picture:
            return np.asarray(picture.convert("RGB"))
    except _BROKEN as error:
        raise RemoteProtocolError("a broken PNG") from error


def _expect(found_width: int, found_height: int, width: int, height: int) -> None:
    if (found_width, found_height) != (width, height):
        raise RemoteProtocolError(f"a picture of {found_width}x{found_height} for {width}x{height} pixels")
