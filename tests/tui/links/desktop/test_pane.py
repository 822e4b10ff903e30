"""A desktop tab on the screen, driven by keys and mouse, on a fake relay."""

import asyncio

import numpy as np
import pytest
from textual import events
from textual.geometry import Offset, Region

from natpass_tui.driver import AnsiStrip, paint_now
from natpass_tui.links.desktop.pane import DesktopPane
from natpass_tui.links.desktop.request import DesktopRequest
from natpass_tui.links.life import Live
from natpass_tui.pixels.resample import area_average
from natpass_tui.pixels.scaling import place
from natpass_tui.settings import Settings
from natpass_tui.widgets import painted_view
from natpass_tui.widgets.desktop_view import DesktopView
from natpass_tui.widgets.tab_bar import TabBar
from natpass_wire.links import End
from natpass_wire.pb.desktop_pb2 import VncClipboard, VncMouse, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.support.waiting import wait_for
from tests.tui.fakes import FakeLink
from tests.tui.links.desktop.pictures import Picture, message, smooth, tiles
from tests.tui.pixels.emulator import picture_of
from tests.tui.test_app import PREFIX, Screen, opened

pytestmark = pytest.mark.screens

START = Settings(agent="web", opens="desktop")


@pytest.fixture(autouse=True)
def _all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the tests run in."""
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


async def desktop(screen: Screen, picture: Picture | None = None) -> tuple[FakeLink, DesktopView]:
    """Wait for a desktop in front, and show a picture on it."""
    await wait_for(lambda: isinstance(screen.app.focused, DesktopView))
    view = screen.app.focused
    assert isinstance(view, DesktopView)
    await wait_for(lambda: screen.console.tabs.front is not None and screen.console.tabs.front.is_live)
    link = screen.client.links[-1]
    if picture is not None:
        for tile in tiles(picture):
            link.deliver(message(tile))
        await wait_for(lambda: shown(screen) is not None and view.paints)
    return link, view


def pane(screen: Screen) -> DesktopPane:
    return screen.main.query_one(DesktopPane)


def shown(screen: Screen) -> Picture | None:
    """Return the picture that the terminal was given."""
    view = pane(screen).view
    lines = [strip.line for strip in view._canvas._strips if isinstance(strip, AnsiStrip)]
    return picture_of(lines) if len(lines) == view.rows else None


def average(screen: Screen, whole: Picture) -> Picture:
    """Return what should be shown of a remote screen: each view pixel is the mean of what it covers."""
    view = pane(screen).view
    placement = place(whole.shape[1], whole.shape[0], view.rows, view.cols)
    picture = np.zeros((2 * view.rows, view.cols, 3), np.uint8)
    rows = slice(placement.top, placement.top + placement.height)
    cols = slice(placement.left, placement.left + placement.width)
    picture[rows, cols] = area_average(whole, placement.height, placement.width)
    return picture


def typed(link: FakeLink) -> str:
    events = [sent.vkbd for sent in link.sent if sent.type == MsgType.vnc_keyboard]
    return " ".join(f"{'+' if event.type == VncStatus.vnc_down else '-'}{event.key}" for event in events)


async def shows(screen: Screen, whole: Picture) -> None:
    """Wait until the terminal has the picture of this screen."""

    def difference() -> float:
        found = shown(screen)
        expected = average(screen, whole)
        return 255.0 if found is None or found.shape != expected.shape else np.abs(found.astype(int) - expected).max()

    # The worst pixel, so that no tile is missing; JPEG and the terminal's colours take about 11.
    await wait_for(lambda: difference() <= 20, "the screen's picture in the terminal")


async def test_the_fleet_opens_a_desktop_and_the_picture_is_the_screens_average() -> None:
    async with opened("web") as screen:
        await screen.press("v")
        whole = smooth(1080, 1920)
        await desktop(screen, whole)
        await shows(screen, whole)
        await screen.until_shown("1920×1080 · 4 %")
        assert screen.client.links[0].request.name == "desktop-10-50"


@pytest.mark.parametrize(("key", "hints"), [("v", False), ("d", True)])
async def test_the_prefix_opens_the_desktop_of_the_same_agent_and_d_says_that_v_does(key: str, hints: bool) -> None:
    async with opened("db", "web", notices=True) as screen:
        await screen.press("down", "enter")
        await wait_for(lambda: len(screen.client.links) == 1)
        await screen.press(PREFIX, key)
        await wait_for(lambda: len(screen.client.links) == 2)
        link = screen.client.links[1]
        assert (link.peer, link.request.kind) == ("web", ConnectRequest.vnc)
        if hints:
            await screen.until_shown("ctrl+] v opens the desktop;")
        assert screen.shows("opens the desktop;") is hints


async def test_only_changed_rows_are_painted() -> None:
    async with opened("web", settings=START) as screen:
        whole = smooth(1080, 1920)
        link, view = await desktop(screen, whole)
        await shows(screen, whole)
        before = list(view._canvas._strips)
        whole[512:576, 640:704] = 255
        for tile in tiles(whole):
            if (tile.info.rect_x, tile.info.rect_y) == (640, 512):
                link.deliver(message(tile))

        def changed() -> list[int]:
            return [row for row, strip in enumerate(view._canvas._strips) if strip is not before[row]]

        await wait_for(changed)
        await shows(screen, whole)
        assert 1 <= len(changed()) <= 3


async def test_keys_go_to_the_remote_and_the_prefix_does_not() -> None:
    async with opened("web", settings=START) as screen:
        link, _ = await desktop(screen)
        await screen.press("h", "A", "at", "q", "ctrl+q", "ctrl+c", "tab", "f1", PREFIX, PREFIX)
        expected = "+h -h +A -A +@ -@ +q -q +ctrl +q -q -ctrl +ctrl +c -c -ctrl"
        await wait_for(lambda: typed(link) == f"{expected} +tab -tab +f1 -f1 +ctrl +] -] -ctrl")


async def test_modifiers_are_latched_where_one_sees_it() -> None:
    async with opened("web", settings=START, size=(120, 24)) as screen:
        link, _ = await desktop(screen)
        await screen.press(PREFIX, "k")
        await screen.until_shown("c Ctrl · a Alt · s Shift · w Super")
        await screen.press("c", "a")
        await screen.until_shown(" Ctrl   Alt ")
        await screen.press("enter", "t")
        await wait_for(lambda: typed(link) == "+ctrl +alt +t -t -alt -ctrl")
        await wait_for(lambda: not screen.shows(" Ctrl   Alt "))
        await screen.press(PREFIX, "k", "a", "a")
        await screen.until_shown("Alt held")
        await screen.press("x")  # no key of the list: it is sent
        await wait_for(lambda: typed(link).endswith("+alt +x -x"))
        await screen.press(PREFIX, "k", "r")
        await wait_for(lambda: typed(link).endswith("+x -x -alt"))
        await screen.press(PREFIX, "k", "t", PREFIX, "k", "d")
        await wait_for(lambda: link.sent[-1].type == MsgType.vnc_cad)
        assert typed(link).endswith("+alt +tab -tab -alt")


async def test_clicks_drags_and_the_wheel() -> None:
    async with opened("web", settings=START) as screen:
        whole = smooth(1080, 1920)
        link, view = await desktop(screen, whole)
        await shows(screen, whole)
        tab = pane(screen).tab
        placement = tab.placement
        assert placement is not None
        at = Offset(30, 10)
        await screen.pilot.mouse_down(view, at, button=3)
        await screen.pilot.hover(view, Offset(40, 12))
        await screen.pilot._post_mouse_events([events.MouseUp], view, Offset(40, 12), button=3)

        def mouse() -> list[tuple[int, int, tuple[int, int]]]:
            mice = [sent.vmouse for sent in link.sent if sent.type == MsgType.vnc_mouse]
            return [(mouse.type, mouse.btn, placement.to_cell(mouse.x, mouse.y)) for mouse in mice]

        await wait_for(lambda: mouse() and mouse()[-1][0] == VncStatus.vnc_up)
        assert (VncStatus.vnc_down, VncMouse.right, (10, 30)) in mouse()
        assert mouse()[-1] == (VncStatus.vnc_up, VncMouse.right, (12, 40))
        await screen.pilot._post_mouse_events([events.MouseScrollDown], view, Offset(40, 12))
        await wait_for(lambda: any(sent.vscroll.y == -1 for sent in link.sent if sent.type == MsgType.vnc_scroll))


async def test_paste_and_the_palette() -> None:
    async with opened("web", settings=START) as screen:
        link, view = await desktop(screen, smooth(720, 1280))
        view.post_message(events.Paste("rm -rf / # é"))
        await screen.until_shown("are on the clipboard of web")
        sent = [message.vclipboard for message in link.sent if message.type == MsgType.vnc_clipboard]
        assert [(clipboard.set, clipboard.data) for clipboard in sent] == [(True, "rm -rf / # é")]
        assert typed(link) == ""
        commands = {command.title: command for command in screen.app.get_system_commands(screen.app.screen)}
        for title in ("Send Ctrl+Alt+Del", "Send Alt+Tab", "Latch ctrl", "Show remote pointer", "Desktop rate 5 fps"):
            assert title in commands
        commands["Get clipboard"].callback()
        link.deliver(
            Msg(type=MsgType.vnc_clipboard, vclipboard=VncClipboard(set=True, type=VncClipboard.text, data="theirs"))
        )
        await wait_for(lambda: screen.app.clipboard == "theirs")
        commands["Desktop quality 80"].callback()
        commands["Send Alt+F4"].callback()
        await wait_for(lambda: any(message.vctrl.quality == 80 for message in link.sent))
        await wait_for(lambda: typed(link) == "+alt +f4 -f4 -alt")
        await screen.until_shown("quality 80")


async def test_a_lost_desktop_says_so_in_place_and_comes_back() -> None:
    async with opened("web", settings=START) as screen:
        whole = smooth(720, 1280)
        link, _ = await desktop(screen, whole)
        await shows(screen, whole)
        link.finish(End(LinkEnd.FAILED, "the X server is gone"))
        await screen.until_shown("desktop ended (the X server is gone) — Enter: new desktop")
        await shows(screen, whole)
        await screen.press("x")
        await screen.until_shown("not sent: there is no desktop")
        await screen.press("enter")
        await wait_for(lambda: len(screen.client.links) == 2)
        await wait_for(lambda: isinstance(pane(screen).tab.state, Live))


async def test_the_palette_offers_a_desktop_that_is_not_there_no_input() -> None:
    def offered() -> list[str]:
        return [title for title, _, _ in screen.main.palette()]

    async with opened("web", settings=START) as screen:
        link, _ = await desktop(screen, smooth(720, 1280))
        assert {"Send Ctrl+Alt+Del", "Latch ctrl", "Get clipboard", "Redraw desktop"} <= set(offered())
        link.detach()
        await wait_for(lambda: pane(screen).tab.is_reconnecting)
        assert offered()
        assert all(title.startswith(("Desktop ", "Show remote pointer")) for title in offered())
        link.finish(End(LinkEnd.FAILED, "the X server is gone"))
        await screen.until_shown("desktop ended (the X server is gone)")
        assert offered() == ["Try again"]
        next(act for _, _, act in screen.main.palette())()
        await wait_for(lambda: len(screen.client.links) == 2)


async def test_a_hidden_desktop_is_not_painted_and_catches_up() -> None:
    async with opened("web", settings=START) as screen:
        whole = smooth(720, 1280)
        link, view = await desktop(screen, whole)
        await shows(screen, whole)
        await screen.press(PREFIX, "k", "c", "c", "enter")
        await screen.press(PREFIX, "f")
        await wait_for(lambda: typed(link) == "+ctrl -ctrl")  # what was held is released
        paints = view.paints
        whole = whole[::-1].copy()
        for tile in tiles(whole):
            link.deliver(message(tile))
        await wait_for(lambda: pane(screen).tab._pump.is_idle and not link._messages)
        assert view.paints == paints
        await screen.press("1")
        await shows(screen, whole)


async def test_closing_asks_nothing_and_ends_the_link() -> None:
    async with opened("web") as screen:
        await screen.press("v")
        link, _ = await desktop(screen)
        await screen.press(PREFIX, "x")
        await wait_for(lambda: link.closed)
        await wait_for(lambda: len(screen.console.tabs) == 0)
        assert screen.app.screen is screen.main


async def test_another_size_of_the_terminal() -> None:
    async with opened("web", settings=START, size=(60, 20)) as screen:
        whole = smooth(720, 1280)
        link, view = await desktop(screen, whole)
        await shows(screen, whole)
        await screen.pilot.resize_terminal(330, 110)
        await wait_for(lambda: (view.rows, view.cols) == (107, 330))
        await wait_for(lambda: any(sent.type == MsgType.vnc_ctrl for sent in link.sent))
        for tile in tiles(whole):
            link.deliver(message(tile))
        await shows(screen, whole)


async def test_a_slow_terminal_gets_the_newest_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the terminal has not taken the last one nothing is painted; then only what is there by now."""
    depth = 0
    monkeypatch.setattr(painted_view, "writer_depth", lambda app: depth)
    async with opened("web", settings=START) as screen:
        whole = smooth(720, 1280)
        link, view = await desktop(screen, whole)
        await shows(screen, whole)
        depth, paints = 1, view.paints
        for shade in range(0, 250, 10):
            whole[:] = shade
            for tile in tiles(whole):
                link.deliver(message(tile))
            await wait_for(lambda: not link._messages and pane(screen).tab._pump.is_idle)
        assert view.paints == paints
        depth = 0
        await shows(screen, whole)
        await wait_for(lambda: view.paints > paints)  # Textual may have asked for the picture before
        assert view.paints == paints + 1


async def test_what_textual_asks_for_without_painting_it_is_painted_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines that change make it ask for all between them: those were not painted by that."""
    depth = 0
    painted: set[int] = set()
    paint = paint_now

    def noted(view: DesktopView, regions: list[Region]) -> None:
        painted.update(row for region in regions for row in range(region.y, region.bottom))
        paint(view, regions)

    monkeypatch.setattr(painted_view, "writer_depth", lambda app: depth)
    monkeypatch.setattr(painted_view, "paint_now", noted)
    async with opened("web", settings=START) as screen:
        whole = smooth(720, 1280)
        link, view = await desktop(screen, whole)
        await shows(screen, whole)
        depth = 1
        whole = whole[::-1].copy()
        before = list(view._canvas._strips)
        for tile in tiles(whole):
            link.deliver(message(tile))
        await wait_for(lambda: view._stale and not link._messages and pane(screen).tab._pump.is_idle)
        painted.clear()
        screen.main.query_one(TabBar).refresh()
        screen.main.status.refresh()
        await wait_for(lambda: not view._stale, "Textual to ask for the rows in between")
        depth = 0
        await wait_for(lambda: not view._canvas._touched)
        await shows(screen, whole)
        changed = {row for row in range(view.rows) if view._canvas._strips[row] is not before[row]}
        assert changed
        assert painted >= changed


async def test_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened("web", settings=START) as screen:
        whole = smooth(720, 1280)
        await desktop(screen, whole)
        found = shown(screen)
        assert found is not None
        assert (found[..., 0] == found[..., 1]).all()
        assert (found[..., 1] == found[..., 2]).all()
        assert found.max() > found.min()


@pytest.mark.parametrize(("name", "colours"), [("256", 256), ("standard", 16)])
async def test_terminals_with_fewer_colours(monkeypatch: pytest.MonkeyPatch, name: str, colours: int) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", name)
    async with opened("web", settings=START) as screen:
        await desktop(screen, smooth(720, 1280))
        found = shown(screen)
        assert found is not None
        assert len(np.unique(found.reshape(-1, 3), axis=0)) <= colours
        strips = pane(screen).view._canvas._strips
        assert "38;2" not in "".join(strip.render(screen.app.console) for strip in strips if strip is not None)


async def test_the_first_request_is_the_one_that_was_asked_for() -> None:
    settings = Settings(agent="web", opens="desktop", kinds=(DesktopRequest(30, 90, cursor=True),))
    async with opened("web", settings=settings) as screen:
        link, _ = await desktop(screen)
        assert (link.request.cvnc.fps, link.request.cvnc.quality, link.request.cvnc.cursor) == (30, 90, True)
        await asyncio.sleep(0)
        await screen.until_shown("no picture yet")
