import numpy as np
import pytest

from natpass_agent.links.desktop.worker import pictures
from natpass_agent.links.desktop.worker.tiles import TILE, Area, Picture
from tests.agent.links.desktop.worker.seen import Seen

NOISE: Picture = np.random.default_rng(1).integers(0, 256, (300, 1100, 4)).astype(np.uint8)
SMOOTH: Picture = np.repeat((np.arange(300 * 1100).reshape(300, 1100, 1) // 1500 % 256).astype(np.uint8), 4, axis=2)


def seen(picture: Picture, area: Area, quality: int) -> Seen:
    found = Seen()
    for message in pictures.messages(picture, area, quality):
        found.take(message)
    return found


@pytest.mark.parametrize("area", [Area(0, 0, 192, 64), Area(960, 256, 140, 44), Area(3, 5, 1, 1)])
def test_raw_pixels_arrive_as_they_are(area: Area) -> None:
    found = seen(NOISE, area, 100)
    assert (area.part(found.screen) == area.part(NOISE)[..., 2::-1]).all()


@pytest.mark.parametrize(("quality", "most"), [(1, 40.0), (50, 3.0), (80, 1.5), (99, 1.0)])
def test_the_better_the_quality_the_nearer(quality: int, most: float) -> None:
    area = Area(0, 0, 1024, 64)
    found = seen(SMOOTH, area, quality)
    assert np.abs(area.part(found.screen).astype(int) - area.part(SMOOTH)[..., 2::-1]).mean() < most


def test_what_does_not_fit_into_a_frame_comes_in_parts() -> None:
    area = Area(0, 0, 1024, 64)
    found = seen(NOISE, area, 99)
    assert found.pictures > 1
    assert np.abs(area.part(found.screen).astype(int) - area.part(NOISE)[..., 2::-1]).mean() < 6


@pytest.mark.parametrize("quality", [1, 50, 99, 100])
def test_the_largest_rectangles_fit(quality: int) -> None:
    widest, largest = pictures.limits(quality)
    assert widest <= largest
    width = widest * TILE
    assert sum(1 for _ in pictures.messages(SMOOTH, Area(0, 0, min(width, 1100), TILE), quality)) == 1


def test_pillow_makes_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    area = Area(0, 0, 512, 64)
    fast = seen(SMOOTH, area, 80)
    monkeypatch.setattr(pictures, "simplejpeg", None)
    slow = seen(SMOOTH, area, 80)
    assert np.abs(fast.screen.astype(int) - slow.screen).mean() < 2
