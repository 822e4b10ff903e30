import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from natpass_tui.links.desktop import pump as pump_module
from natpass_tui.links.desktop.budget import PIXELS_A_SECOND
from natpass_tui.links.desktop.decode import cost, decode
from natpass_tui.links.desktop.pump import WAITING_BYTES, WAITING_IMAGES, ScreenPump
from natpass_tui.links.desktop.screen import Plan, RemoteScreen
from natpass_tui.pixels.resample import area_average
from natpass_wire.pb.desktop_pb2 import VncImage
from tests.support.waiting import wait_until
from tests.tui.links.desktop.pictures import image, jpeg, noise, png, raw, smooth, tiles


class Woken:
    """Counts calls from the decoder's thread."""

    def __init__(self) -> None:
        self.times = 0
        self.pump = ScreenPump(self)
        self.images = 0
        self.error = ""

    def __call__(self) -> None:
        self.times += 1

    def collect(self) -> int:
        drawn = self.pump.collect()
        self.images += drawn.images
        self.error = self.error or drawn.error
        return self.images


@pytest.fixture
def woken() -> Iterator[Woken]:
    woken = Woken()
    with woken.pump.screen() as screen:
        screen.fit(24, 80)
    yield woken
    woken.pump.close()
    assert "natpass-desktop" not in {thread.name for thread in threading.enumerate()}


def test_a_frame_of_tiles_is_drawn_in_another_thread(woken: Woken) -> None:
    whole = smooth(720, 1280)
    all_tiles = list(tiles(whole))
    for tile in all_tiles:
        woken.pump.put(tile)
    wait_until(lambda: woken.collect() == len(all_tiles))
    assert 1 <= woken.times < len(all_tiles) / 2  # once for many
    with woken.pump.screen() as screen:
        picture = screen.picture()
    assert picture is not None
    assert np.abs(picture[0:45].astype(int) - area_average(whole, 45, 80)).mean() <= 3


def test_no_second_wake_before_the_first_is_collected(woken: Woken) -> None:
    for count in range(1, 4):
        woken.pump.put(image(png(noise(8, 8)), VncImage.png, (8, 8)))
        wait_until(lambda: woken.pump.is_idle)
        assert woken.times == 1, count
    assert woken.collect() == 3
    woken.pump.put(image(png(noise(8, 8)), VncImage.png, (8, 8)))
    wait_until(lambda: woken.times == 2)


def test_it_is_full_and_has_room_again(woken: Woken) -> None:
    big = image(raw(noise(120, 120)), VncImage.raw, (120, 120))
    small = image(raw(noise(1, 1)), VncImage.raw, (120, 120), (0, 0, 1, 1))
    for part, room in ((big, WAITING_BYTES // len(big.data)), (small, WAITING_IMAGES)):
        with woken.pump.screen():  # nothing is drawn while somebody looks
            for _ in range(room):
                woken.pump.put(part)
            before = woken.pump.is_full
            for _ in range(2):  # one may have been taken out already
                woken.pump.put(part)
            assert (before, woken.pump.is_full) == (False, True)
        wait_until(lambda: not woken.pump.is_full)
        wait_until(lambda: woken.pump.is_idle)


def test_it_wakes_for_room_before_all_is_drawn_and_then_shows_nothing_yet(woken: Woken) -> None:
    part = image(raw(noise(64, 64)), VncImage.raw, (64, 64))
    rooms: list[tuple[bool, bool]] = []

    def note() -> None:  # in the decoder's thread, which draws no more meanwhile
        rooms.append((woken.pump.is_idle, woken.pump.collect().is_due))

    woken.pump._wake = note
    with woken.pump.screen():
        while not woken.pump.is_full:
            woken.pump.put(part)
    wait_until(lambda: woken.pump.is_idle and len(rooms) == 2)
    assert rooms == [(False, False), (True, True)]


def test_a_broken_picture_ends_it_until_it_is_started_anew(woken: Woken) -> None:
    woken.pump.put(image(b"\x89PNG nonsense", VncImage.png, (8, 8)))
    wait_until(lambda: woken.collect() and woken.error)
    assert woken.error == "a broken PNG"
    woken.pump.put(image(png(noise(8, 8)), VncImage.png, (8, 8)))  # too late
    assert woken.pump.is_idle
    assert woken.collect() == 1
    woken.pump.restart()
    woken.pump.put(image(png(noise(8, 8)), VncImage.png, (8, 8)))
    wait_until(lambda: woken.collect() == 2)
    assert woken.pump.collect().error == ""


def test_an_impossible_rectangle_ends_it(woken: Woken) -> None:
    woken.pump.put(image(b"", VncImage.png, (8, 8), (4, 4, 8, 8)))
    wait_until(lambda: woken.collect() and woken.error)
    assert "outside" in woken.error


def test_borrowers_get_their_turn_in_a_flood(woken: Woken) -> None:
    tile = image(png(noise(64, 64)), VncImage.png, (64, 64))
    for _ in range(4 * WAITING_IMAGES):
        woken.pump.put(tile)
    turns = 0
    while not woken.pump.is_idle:
        with woken.pump.screen() as screen:
            screen.picture()
            turns += 1
        before = woken.collect()
        wait_until(lambda before=before: woken.collect() > before or woken.pump.is_idle, step=0.0)  # type: ignore[misc]
    assert turns >= 10


def test_closing_ends_the_thread_in_the_middle() -> None:
    woken = Woken()
    for tile in tiles(smooth(720, 1280)):
        woken.pump.put(tile)
    woken.pump.close()
    woken.pump.close()
    woken.pump.put(image(png(noise(8, 8)), VncImage.png, (8, 8)))
    assert woken.pump.is_idle


def test_the_budget_makes_it_wait_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still: what is over the budget is not decoded until it goes on."""
    decoded, now, waits = list[int](), [100.0], list[float]()
    whole = png(np.zeros((1080, 1920, 3), np.uint8))
    woken = Woken()
    pump = woken.pump = ScreenPump(woken, lambda: now[0])
    wait_for = pump._change.wait_for

    def waited(predicate: Any, timeout: float | None = None) -> bool:
        assert timeout is not None
        waits.append(timeout)
        now[0] += timeout
        return bool(wait_for(predicate, 0))

    def counted(picture: VncImage, factor: int) -> Any:
        decoded.append(len(picture.data))
        return decode(picture, factor)

    monkeypatch.setattr(pump._change, "wait_for", waited)
    monkeypatch.setattr(pump_module, "decode", counted)
    with pump.screen() as screen:
        screen.fit(24, 80)
    for _ in range(10):
        pump.put(image(whole, VncImage.png, (1920, 1080)))
    wait_until(lambda: pump.is_idle)
    pump.close()
    assert len(decoded) == 10
    spent = 10 * cost(image(whole, VncImage.png, (1920, 1080))) / PIXELS_A_SECOND
    assert spent - 0.3 < sum(waits) <= spent


def test_closing_does_not_wait_for_the_budget() -> None:
    woken = Woken()
    pump = woken.pump = ScreenPump(woken, lambda: 0.0)
    pump._budget.take(10**15, 0.0)
    pump.put(image(png(noise(8, 8)), VncImage.png, (8, 8)))
    pump.restart()
    pump.put(image(png(noise(8, 8)), VncImage.png, (8, 8)))
    pump.close()
    assert pump.collect().images == 0


def test_pictures_are_reduced_before_the_screen_is_locked(woken: Woken, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reducing two million pixels takes some 30 ms; whoever paints would wait for the lock as long."""
    shapes = list[tuple[int, ...]]()
    put = RemoteScreen.put

    def noted(self: RemoteScreen, plan: Plan, picture: NDArray[np.uint8]) -> None:
        shapes.append(picture.shape)
        put(self, plan, picture)

    monkeypatch.setattr(RemoteScreen, "put", noted)
    for encoding, data in ((VncImage.png, png(smooth(720, 1280))), (VncImage.jpeg, jpeg(smooth(720, 1280)))):
        woken.pump.put(image(data, encoding, (1280, 720)))
    wait_until(lambda: woken.collect() == 2)
    assert shapes == [(90, 160, 3)] * 2
    with woken.pump.screen() as screen:
        assert not screen.is_coarse
