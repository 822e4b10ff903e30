import numpy as np
import pytest

from natpass_tui.links.desktop.screen import RemoteScreen
from natpass_tui.pixels.resample import area_average
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.desktop_pb2 import VncImage
from tests.tui.links.desktop.pictures import ENCODE, image, png, smooth, tiles


def shown(screen: RemoteScreen) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = screen.picture()
    assert picture is not None
    return picture


@pytest.mark.parametrize("encoding", ENCODE)
@pytest.mark.parametrize("size", [(1280, 720), (1366, 768), (200, 100), (333, 517)])
def test_a_screen_in_tiles_is_shown_as_its_average(encoding: VncImage.Encoding, size: tuple[int, int]) -> None:
    width, height = size
    whole = smooth(height, width)
    screen = RemoteScreen()
    screen.fit(24, 80)
    assert screen.picture() is None
    for tile in tiles(whole, encoding):
        screen.take(tile)
    placement = screen.placement
    assert placement is not None
    assert screen.size == size
    picture = shown(screen)
    assert picture.shape == (48, 80, 3)
    inside = picture[
        placement.top : placement.top + placement.height, placement.left : placement.left + placement.width
    ]
    expected = area_average(whole, placement.height, placement.width)
    assert np.abs(inside.astype(int) - expected).mean() <= 2.5
    beside = picture.copy()
    beside[placement.top : placement.top + placement.height, placement.left : placement.left + placement.width] = 0
    assert not beside.any()
    assert not screen.is_coarse


def test_rectangles_across_the_grid_ask_once_for_everything() -> None:
    whole = smooth(300, 400)
    screen = RemoteScreen()
    screen.fit(24, 40)  # reduced by 8
    for tile in tiles(whole, VncImage.png, side=50):
        screen.take(tile)
    assert screen.is_coarse
    screen.is_coarse = False
    for tile in tiles(whole, VncImage.png, side=50):
        screen.take(tile)
    assert not screen.is_coarse
    assert np.abs(shown(screen)[8:38].astype(int) - area_average(whole, 30, 40)).max() <= 2


def test_a_finer_view_is_coarse_until_all_comes_again() -> None:
    whole = smooth(720, 1280)
    screen = RemoteScreen()
    screen.fit(24, 80)
    for tile in tiles(whole):
        screen.take(tile)
    screen.fit(100, 300)
    assert screen.is_coarse
    screen.is_coarse = False
    assert shown(screen).shape == (200, 300, 3)
    for tile in tiles(whole):
        screen.take(tile)
    assert not screen.is_coarse
    screen.fit(12, 40)  # what a coarser view shows is known
    assert not screen.is_coarse
    assert np.abs(shown(screen)[0:22].astype(int) - area_average(whole, 22, 40)).mean() <= 3


def test_a_picture_decoded_for_another_size_of_the_view() -> None:
    whole = smooth(64, 64)
    screen = RemoteScreen()
    screen.fit(4, 8)
    plan = screen.plan(image(png(whole), VncImage.png, (640, 640), (0, 0, 64, 64)))
    assert plan.factor == 8
    screen.fit(100, 200)
    screen.put(plan, smooth(8, 8))
    assert screen.is_coarse


def test_another_screen_size_starts_over() -> None:
    screen = RemoteScreen()
    screen.fit(10, 20)
    screen.take(image(png(np.full((100, 100, 3), 200, np.uint8)), VncImage.png, (100, 100)))
    assert shown(screen).max() == 200
    screen.take(image(png(smooth(8, 8)), VncImage.png, (300, 100), (0, 0, 8, 8)))
    assert screen.size == (300, 100)
    assert not shown(screen)[:, 10:].any()


def test_what_is_impossible_is_the_peers_fault() -> None:
    screen = RemoteScreen()
    screen.fit(10, 20)
    with pytest.raises(RemoteProtocolError, match="outside"):
        screen.take(image(b"", VncImage.png, (100, 100), (90, 0, 20, 20)))
    with pytest.raises(RemoteProtocolError, match="a screen of"):
        screen.take(image(b"", VncImage.png, (0, 0), (0, 0, 0, 0)))
    assert screen.size is None
