"""The contract of screens, for the fake and a real X server."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from Xlib.display import Display

from natpass_agent.links.desktop.worker.errors import DesktopError
from natpass_agent.links.desktop.worker.screen import Screen, screen
from natpass_agent.links.desktop.worker.screen.fake import FakeScreen
from natpass_agent.links.desktop.worker.tiles import Area
from tests.support.waiting import wait_until
from tests.support.xserver import needs, x_server


@dataclass
class Stage:
    """A screen, and the means to change what is on it."""

    screen: Screen
    paint: Callable[[Area, int, int, int], None]
    point: Callable[[int, int], None]

    def settle(self) -> None:
        """Wait until nothing changes any more."""
        wait_until(lambda: not self.screen.wait(0.05, cursor=False))


@pytest.fixture(params=["fake", pytest.param("x11", marks=[pytest.mark.x11, needs()])])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    if request.param == "fake":
        fake = FakeScreen(640, 400)
        yield Stage(fake, fake.paint, fake.move_pointer)
        return
    with x_server("640x400") as server, closing(Display(server.display)) as display:
        monkeypatch.setenv("DISPLAY", server.display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        root = display.screen().root
        gc = root.create_gc()

        def paint(area: Area, blue: int, green: int, red: int) -> None:
            gc.change(foreground=red << 16 | green << 8 | blue)
            root.fill_rectangle(gc, area.x, area.y, area.width, area.height)
            display.sync()

        def point(x: int, y: int) -> None:
            root.warp_pointer(x, y)
            display.sync()

        with closing(screen()) as real:
            yield Stage(real, paint, point)


def covers(areas: object, x: int, y: int) -> bool:
    assert isinstance(areas, (list, tuple))
    return any(area.x <= x < area.x + area.width and area.y <= y < area.y + area.height for area in areas)


def test_a_screen_has_a_size(stage: Stage) -> None:
    assert (stage.screen.width, stage.screen.height) == (640, 400)


def test_what_is_painted_is_told_and_read(stage: Stage) -> None:
    stage.settle()
    stage.paint(Area(100, 50, 20, 10), 1, 2, 3)
    assert covers(stage.screen.wait(5.0, cursor=False), 110, 55)
    pixels = stage.screen.grab(Area(96, 48, 64, 32), cursor=False)
    assert pixels.shape == (32, 64, 4)
    assert pixels[2, 4, :3].tolist() == [1, 2, 3]
    assert pixels[1, 4, :3].tolist() == [0, 0, 0]
    assert not stage.screen.wait(0.0, cursor=False)


def test_every_change_is_told_however_often(stage: Stage) -> None:
    stage.settle()
    for number in range(20):
        stage.paint(Area(number * 30, 200, 8, 8), number + 1, 0, 0)
        assert covers(stage.screen.wait(5.0, cursor=False), number * 30 + 4, 204)
        assert stage.screen.grab(Area(number * 30, 200, 8, 8), cursor=False)[4, 4, 0] == number + 1


def test_no_change_is_lost_while_the_screen_never_rests(stage: Stage) -> None:
    stage.settle()
    area, last = Area(0, 0, 640, 400), 1500

    def paint() -> None:
        for number in range(1, last + 1):
            stage.paint(area, number % 256, number // 256, 0)

    painter = threading.Thread(target=paint)
    painter.start()
    seen = 0
    while seen != last:
        assert stage.screen.wait(5.0, cursor=False), f"nothing told after change {seen} of {last}"
        pixel = stage.screen.grab(Area(320, 200, 1, 1), cursor=False)[0, 0]
        seen = int(pixel[0]) + 256 * int(pixel[1])
    painter.join()


def test_waiting_ends_with_the_change(stage: Stage) -> None:
    stage.settle()
    painter = threading.Timer(0.1, stage.paint, (Area(0, 0, 64, 64), 9, 9, 9))
    painter.start()
    since = time.monotonic()
    assert stage.screen.wait(10.0, cursor=False)
    assert time.monotonic() - since < 5
    painter.join()


def test_the_pointer_is_drawn_on_request(stage: Stage) -> None:
    stage.point(300, 200)
    stage.settle()
    where = Area(280, 180, 60, 60)
    assert stage.screen.wait(5.0, cursor=True)
    assert stage.screen.grab(where, cursor=True)[..., :3].any()
    assert not stage.screen.grab(where, cursor=False)[..., :3].any()
    stage.point(500, 300)
    moved = wait_until(lambda: stage.screen.wait(1.0, cursor=True))
    assert covers(moved, 302, 202)
    assert covers(moved, 502, 302)
    assert not stage.screen.grab(where, cursor=True)[..., :3].any()


def test_the_pointer_at_the_edge_is_cut(stage: Stage) -> None:
    stage.point(639, 399)
    stage.screen.wait(5.0, cursor=True)
    assert stage.screen.grab(Area(576, 384, 64, 16), cursor=True).shape == (16, 64, 4)


@pytest.mark.x11
@needs("xrandr")
def test_an_x_servers_new_size_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with x_server("640x480") as server:
        monkeypatch.setenv("DISPLAY", server.display)
        with closing(screen()) as real:
            server.run("xrandr", "--newmode", "small", *["0", "320", "0", "0", "0", "240", "0", "0", "0"])
            server.run("xrandr", "--addmode", "screen", "small")
            server.run("xrandr", "--output", "screen", "--mode", "small")
            assert real.wait(5.0, cursor=False)
            wait_until(lambda: real.wait(0.1, cursor=False) or real.width == 320)
            assert (real.width, real.height) == (320, 240)
            assert real.grab(Area(0, 0, 320, 240), cursor=True).shape == (240, 320, 4)


@pytest.mark.x11
@needs()
def test_a_server_that_ends_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with x_server("640x400") as server:
        monkeypatch.setenv("DISPLAY", server.display)
        with closing(screen()) as real:
            server.process.kill()
            with pytest.raises(DesktopError, match="the X server has ended"):
                wait_until(lambda: real.wait(1.0, cursor=False) and None)


@pytest.mark.x11
@needs()
# python-xlib leaves the socket of a connection that was refused to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
class TestWithoutADisplay:
    def test_none_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        with pytest.raises(DesktopError, match=r"DISPLAY is not set.*--display :0"):
            screen()

    def test_wayland_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
        with pytest.raises(DesktopError, match=r"Wayland session.*X11 session instead"):
            screen()

    @pytest.mark.parametrize("name", ["nonsense", ":x", "::"])
    def test_a_name_that_is_none(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv("DISPLAY", name)
        with pytest.raises(DesktopError, match=r"is not the name of an X display|no X server"):
            screen()

    def test_nobody_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DISPLAY", ":6553")
        with pytest.raises(DesktopError, match="no X server answers at :6553"):
            screen()

    def test_no_permission(self, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.mktemp("auth")
        cookies = folder / "server"
        with x_server("640x400") as other:
            number = int(other.display.removeprefix(":")) + 50
        other.run("xauth", "-f", str(cookies), "add", f":{number}", ".", "0" * 32)
        with x_server("640x400", "-auth", str(cookies)) as server:
            monkeypatch.setenv("DISPLAY", server.display)
            monkeypatch.setenv("XAUTHORITY", str(folder / "none"))
            with pytest.raises(DesktopError, match=r"no permission.*XAUTHORITY"):
                screen()


@pytest.mark.x11
@needs()
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from mss.exception import ScreenShotError

    from natpass_agent.links.desktop.worker.screen import x11

    def fail() -> None:
        raise ScreenShotError("Library libxcb-shm.so not found")

    with x_server("640x400") as server:
        monkeypatch.setenv("DISPLAY", server.display)
        monkeypatch.setattr(f"{x11.__name__}.mss.MSS", fail)
        with pytest.raises(DesktopError, match=r"libxcb-shm\.so.*apt install libxcb1.*libxcb-shm0"):
            screen()
