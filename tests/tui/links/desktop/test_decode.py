import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from natpass_tui.links.desktop import decode as module
from natpass_tui.links.desktop.decode import cost, decode
from natpass_tui.pixels.framebuffer import reduced
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.desktop_pb2 import VncImage
from tests.tui.links.desktop.pictures import ENCODE, image, jpeg, noise, png, raw, smooth

SIZES = [(64, 64), (56, 64), (37, 61), (8, 8), (5, 3), (1, 1), (270, 480)]


@pytest.fixture(params=["simplejpeg", "pillow"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Decode JPEG with either library."""
    if request.param == "pillow":
        monkeypatch.setattr(module, "simplejpeg", None)
    return str(request.param)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("encoding", [VncImage.png, VncImage.raw])
def test_exact_encodings_are_exact(size: tuple[int, int], encoding: VncImage.Encoding) -> None:
    picture = noise(*size)
    found = decode(image(ENCODE[encoding](picture), encoding, (size[1], size[0])), 8)
    assert (found == picture).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_a_jpeg_shrinks_while_it_is_decoded(decoder: str, size: tuple[int, int], factor: int) -> None:
    height, width = size
    picture = smooth(height, width)
    found = decode(image(jpeg(picture, 95), VncImage.jpeg, (width, height)), factor)
    expected = reduced(picture, factor)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() <= 3


def test_a_grey_jpeg(decoder: str) -> None:
    out = BytesIO()
    Image.fromarray(np.full((16, 16), 77, np.uint8)).save(out, "JPEG", quality=95)
    found = decode(image(out.getvalue(), VncImage.jpeg, (16, 16)), 1)
    assert found.shape == (16, 16, 3)
    assert np.abs(found.astype(int) - 77).max() <= 2


def test_a_png_with_transparency_or_a_palette() -> None:
    for mode in ("RGBA", "P", "L", "1", "LA"):
        out = BytesIO()
        Image.fromarray(smooth(20, 30)).convert(mode).save(out, "PNG")
        assert decode(image(out.getvalue(), VncImage.png, (30, 20)), 1).shape == (20, 30, 3)


@pytest.mark.parametrize("encoding", ENCODE)
def test_another_size_than_declared(encoding: VncImage.Encoding) -> None:
    data = ENCODE[encoding](noise(64, 64))
    for width, height in ((64, 63), (65, 64), (32, 32), (6400, 6400)):
        with pytest.raises(RemoteProtocolError, match=r"of 64x64 for|bytes for"):
            decode(image(data, encoding, (width, height)), 1)


@pytest.mark.parametrize("encoding", [VncImage.jpeg, VncImage.png])
def test_what_is_cut_short(decoder: str, encoding: VncImage.Encoding) -> None:
    data = ENCODE[encoding](noise(64, 64))
    for size in (0, 1, 10, 40, 200, len(data) // 2):
        with pytest.raises(RemoteProtocolError, match="broken"):
            decode(image(data[:size], encoding, (64, 64)), 1)


def test_a_small_png_that_claims_to_be_huge() -> None:
    """It is refused by its header: nothing of its size is ever made."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0" * 40
    with pytest.raises(RemoteProtocolError, match="30000x30000 for 64x64"):
        decode(image(bomb, VncImage.png, (64, 64)), 1)


def test_a_small_jpeg_that_claims_to_be_huge(decoder: str) -> None:
    data = bytearray(jpeg(noise(64, 64)))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(RemoteProtocolError, match=r"60000x60000 for 64x64|broken"):
        decode(image(bytes(data), VncImage.jpeg, (64, 64)), 1)


def test_a_jpeg_of_a_thousand_scans() -> None:
    with pytest.raises(RemoteProtocolError, match="too many scans"):
        decode(image(jpeg(noise(8, 8)) + b"\xff\xda" * 1000, VncImage.jpeg, (8, 8)), 1)


def test_an_unknown_encoding() -> None:
    part = VncImage.FromString(image(b"", VncImage.raw, (8, 8)).SerializeToString() + b"\x10\x07")
    with pytest.raises(RemoteProtocolError, match="encoding 7"):
        decode(part, 1)


@given(st.binary(max_size=300), st.sampled_from(list(ENCODE)), st.sampled_from([1, 8]), st.booleans())
def test_any_bytes_are_a_picture_or_the_peers_fault(
    data: bytes, encoding: VncImage.Encoding, factor: int, plausible: bool
) -> None:
    start = ENCODE[encoding](smooth(16, 16))[:150] if plausible else b""
    try:
        found = decode(image(start + data, encoding, (16, 16)), factor)
    except RemoteProtocolError:
        return
    assert found.shape[2] == 3


@given(st.data())
def test_a_flipped_byte(data: st.DataObject) -> None:
    encoding = data.draw(st.sampled_from([VncImage.jpeg, VncImage.png]))
    good = bytearray(ENCODE[encoding](smooth(16, 16)))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert decode(image(bytes(good), encoding, (16, 16)), 1).shape == (16, 16, 3)
    except RemoteProtocolError:
        return


def test_raw_pixels_have_four_bytes() -> None:
    with pytest.raises(RemoteProtocolError, match="192 bytes for 8x8 raw pixels"):
        decode(image(raw(noise(8, 8))[:192], VncImage.raw, (8, 8)), 1)
    assert png(noise(1, 1)).startswith(b"\x89PNG")


def test_a_picture_costs_its_pixels_and_more_if_they_take_longer() -> None:
    size = (640, 480)
    assert cost(image(jpeg(noise(480, 640)), VncImage.jpeg, size)) == 640 * 480
    assert cost(image(b"\xff\xda" * 10, VncImage.jpeg, size)) == 10 * 640 * 480
    assert cost(image(b"\xff\xda" * 1000, VncImage.jpeg, size)) == 64 * 640 * 480
    assert cost(image(b"", VncImage.raw, size)) == 640 * 480
    assert cost(image(b"", VncImage.png, size)) > 4 * 640 * 480
    assert cost(image(b"", VncImage.raw, size, (0, 0, 1, 1))) > 1000
