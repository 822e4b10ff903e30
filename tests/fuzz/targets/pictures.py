"""A hostile agent's pictures: drawn or refused, within the size that they claim."""

from io import BytesIO

import numpy as np
from PIL import Image

from natpass_tui.links.desktop.screen import RemoteScreen
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.desktop_pb2 import VncImage
from tests.fuzz.targets.pieces import joined, pieces

#: Larger ones are as good, and slow.
_MOST_PIXELS = 256 * 256


def _picture(encode: VncImage.Encoding, data: bytes, x: int = 0) -> bytes:
    info = VncImage.Info(screen_width=64, screen_height=64, rect_x=x, rect_width=16, rect_height=16)
    return VncImage(info=info, encode=encode, data=data).SerializeToString()


def _encoded(form: str, mode: str = "RGB", **options: object) -> bytes:
    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    out = BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, form, **options)
    return out.getvalue()


SEEDS = (
    joined(_picture(VncImage.raw, bytes(16 * 16 * 4)), _picture(VncImage.jpeg, _encoded("JPEG"), 16)),
    joined(_picture(VncImage.png, _encoded("PNG")), _picture(VncImage.png, _encoded("PNG", "1"), 3)),
    joined(_picture(VncImage.jpeg, _encoded("JPEG", progressive=True)), _picture(VncImage.jpeg, _encoded("JPEG", "L"))),
    joined(_picture(VncImage.jpeg, _encoded("JPEG", "CMYK")), _picture(VncImage.png, _encoded("PNG", "P"))),
)


def target(data: bytes) -> None:
    """Each piece is a `vnc_image`; all are drawn onto one screen."""
    screen = RemoteScreen()
    screen.fit(12, 40)
    for number, piece in enumerate(pieces(data)):
        try:
            image = VncImage.FromString(piece)
        except Exception:  # noqa: BLE001 - protobuf's; such a message ends its link before this
            continue
        info = image.info
        sizes = info.screen_width * info.screen_height, info.rect_width * info.rect_height
        if max(sizes) > _MOST_PIXELS or number > 8:
            continue
        try:
            screen.take(image)
        except RemoteProtocolError:
            continue
        picture = screen.picture()
        assert picture is not None
        assert picture.shape == (24, 40, 3)
