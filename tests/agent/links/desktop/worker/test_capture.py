import pytest

from natpass_agent.links.desktop.view import View
from natpass_agent.links.desktop.worker.capture import Capture
from natpass_agent.links.desktop.worker.screen.fake import FakeScreen
from natpass_agent.links.desktop.worker.tiles import Area
from tests.agent.links.desktop.worker.seen import Seen

RAW = View(quality=100)


def look(capture: Capture, seen: Seen, view: View = RAW, *, redraw: bool = False) -> int:
    found = capture.look(view, 0.0, redraw=redraw)
    for message in found:
        seen.take(message)
    return len(found)


@pytest.mark.parametrize("tells_changes", [True, False])
def test_first_everything_then_what_has_changed(tells_changes: bool) -> None:
    screen, seen = FakeScreen(200, 130, tells_changes=tells_changes), Seen()
    capture = Capture(screen)
    look(capture, seen)
    assert seen.screen.shape == (130, 200, 3)
    assert look(capture, seen) == 0
    screen.paint(Area(70, 70, 2, 2), 1, 2, 3)
    assert look(capture, seen) == 1
    assert (seen.screen == screen.pixels[..., 2::-1]).all()
    assert tuple(seen.screen[70, 70]) == (3, 2, 1)


def test_what_is_told_to_change_and_does_not_is_not_sent() -> None:
    screen, seen = FakeScreen(), Seen()
    capture = Capture(screen)
    look(capture, seen)
    screen.paint(Area(0, 0, 300, 100), 0, 0, 0)
    assert look(capture, seen) == 0


def test_an_idle_screen_is_not_read() -> None:
    screen, seen = FakeScreen(), Seen()
    capture = Capture(screen)
    look(capture, seen)
    grabs = screen.grabs
    look(capture, seen)
    assert screen.grabs == grabs


def test_a_redraw_sends_everything() -> None:
    screen, seen = FakeScreen(200, 130), Seen()
    capture = Capture(screen)
    first = look(capture, seen)
    assert look(capture, seen, redraw=True) == first


def test_a_new_size_starts_over() -> None:
    screen, seen = FakeScreen(200, 130), Seen()
    capture = Capture(screen)
    look(capture, seen)
    screen.resize(70, 300)
    look(capture, seen)
    assert seen.screen.shape == (300, 70, 3)
    screen.resize(640, 10)
    look(capture, seen)
    assert seen.screen.shape == (10, 640, 3)


def test_a_size_that_changes_between_being_told_and_read_is_read_again() -> None:
    screen, seen = FakeScreen(200, 130), Seen()
    capture = Capture(screen)
    told = screen.wait

    def shrink_behind_the_back(seconds: float, *, cursor: bool) -> object:
        areas = told(seconds, cursor=cursor)
        screen.resize(64, 64)
        return areas

    look(capture, seen)
    screen.paint(Area(150, 100, 9, 9), 1, 1, 1)
    screen.wait = shrink_behind_the_back  # type: ignore[method-assign,assignment]  # shrinks after it has told
    look(capture, seen)
    screen.wait = told  # type: ignore[method-assign]  # the screen's own again
    look(capture, seen)
    assert seen.screen.shape == (64, 64, 3)


def test_the_pointer_is_drawn_where_it_is_wanted_and_nowhere_else() -> None:
    screen, seen = FakeScreen(200, 130), Seen()
    capture = Capture(screen)
    view = View(quality=100, cursor=True)
    screen.move_pointer(100, 50)
    look(capture, seen, view)
    assert seen.screen[52, 102].tolist() == [255] * 3
    screen.move_pointer(10, 10)
    look(capture, seen, view)
    assert seen.screen[52, 102].tolist() == [0] * 3
    assert seen.screen[12, 12].tolist() == [255] * 3
    look(capture, seen, RAW, redraw=True)
    assert not seen.screen.any()
