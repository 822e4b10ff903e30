"""A desktop tab over a link that the test holds the other end of."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from natpass_tui.links.desktop.keys import COMBINATIONS, Latch
from natpass_tui.links.desktop.outbox import MOST_WAITING
from natpass_tui.links.desktop.pump import WAITING_IMAGES
from natpass_tui.links.desktop.request import DesktopRequest
from natpass_tui.links.desktop.tab import DesktopTab
from natpass_tui.links.life import Live, Lost, TabEnded, TabRefused
from natpass_tui.links.tab import TabOutcome
from natpass_tui.pixels.resample import area_average
from natpass_wire.links import End
from natpass_wire.pb.desktop_pb2 import VncClipboard, VncImage, VncMouse, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for
from tests.tui.fakes import make_console
from tests.tui.links.desktop.desk import Viewer, opened
from tests.tui.links.desktop.pictures import image, message, png, smooth

# pictures


async def test_what_it_asks_for() -> None:
    async with opened(DesktopRequest(20, 80, cursor=True)) as desk:
        vnc = desk.link.request.cvnc
        assert (vnc.fps, vnc.quality, vnc.cursor) == (20, 80, True)


async def test_a_screen_is_drawn() -> None:
    async with opened() as desk:
        assert desk.tab.picture() is None
        whole = smooth(720, 1280)
        desk.show(whole)
        await wait_for(lambda: desk.viewer.pictures)
        await wait_for(lambda: desk.is_drawn)
        picture = desk.tab.picture()
        assert picture is not None
        assert np.abs(picture[0:45].astype(int) - area_average(whole, 45, 80)).mean() <= 3
        assert desk.tab.screen_size == (1280, 720)
        assert desk.tab.meter.bytes_a_second(asyncio.get_running_loop().time()) > 0


async def test_a_larger_view_asks_for_everything_anew_once() -> None:
    async with opened() as desk:
        desk.show(smooth(720, 1280))
        await wait_for(lambda: desk.viewer.pictures)
        await wait_for(lambda: desk.is_drawn)
        desk.tab.resize(20, 60)
        desk.tab.resize(120, 400)
        await wait_for(lambda: len(desk.of_type(MsgType.vnc_ctrl)) == 1)
        control = desk.of_type(MsgType.vnc_ctrl)[0].vctrl
        assert (control.quality, control.fps) == (50, 10)
        desk.show(smooth(720, 1280))
        await wait_for(lambda: desk.is_drawn)
        desk.tab.resize(120, 401)
        desk.tab.type("a", "a")
        await wait_for(lambda: desk.keys == "+a -a")
        assert len(desk.of_type(MsgType.vnc_ctrl)) == 1


async def test_a_slow_decoder_stops_the_link_being_read() -> None:
    async with opened() as desk:
        tile = message(image(png(smooth(8, 8)), VncImage.png, (640, 480), (0, 0, 8, 8)))
        with desk.tab._pump.screen():  # nothing is drawn while somebody looks
            for _ in range(WAITING_IMAGES * 2):
                desk.link.deliver(tile)
            await wait_for(lambda: desk.tab._pump.is_full)
            for _ in range(100):
                await asyncio.sleep(0)
            assert len(desk.link._messages) > WAITING_IMAGES / 2
        await wait_for(lambda: not desk.link._messages)
        await wait_for(lambda: desk.is_drawn)


async def test_a_picture_that_is_none_ends_the_link_with_the_reason() -> None:
    async with opened() as desk:
        desk.link.deliver(message(image(b"nonsense", VncImage.jpeg, (64, 64))))
        await wait_for(lambda: isinstance(desk.tab.state, TabEnded))
        assert desk.link.closed
        assert "web sent an invalid image: a broken JPEG" in desk.tab.banner("ctrl+]")
        assert "Enter: new desktop" in desk.tab.banner("ctrl+]")
        desk.tab.retry()
        await wait_for(lambda: len(desk.client.links) == 2)
        desk.show(smooth(64, 64))
        await wait_for(lambda: desk.tab.picture() is not None)


async def test_messages_of_other_types_mean_nothing() -> None:
    async with opened() as desk:
        desk.link.deliver(Msg(type=MsgType.shell_data, sdata=ShellData(data=b"x")))
        await desk.with_screen()
        assert desk.tab.is_live


async def test_how_it_is_sent_can_be_changed() -> None:
    async with opened() as desk:
        desk.tab.change(desk.tab.request.with_quality(80).with_fps(5))
        await wait_for(lambda: desk.of_type(MsgType.vnc_ctrl))
        control = desk.of_type(MsgType.vnc_ctrl)[0].vctrl
        assert (control.quality, control.fps, control.cursor) == (80, 5, False)
        desk.link.finish(End(LinkEnd.PEER_GONE, "agent web is gone"))
        await wait_for(lambda: isinstance(desk.tab.state, Lost))
        desk.tab.agent_there()
        await wait_for(lambda: len(desk.client.links) == 2)
        assert desk.link.request.cvnc.quality == 80


# what happens to the link


async def test_lost_and_back_by_itself() -> None:
    async with opened() as desk:
        await desk.with_screen()
        desk.client.lose()
        await wait_for(lambda: isinstance(desk.tab.state, Lost))
        assert "a new desktop opens when the relay is back" in desk.tab.banner("ctrl+]")
        assert desk.tab.picture() is not None  # what was seen last stays
        desk.tab.type("a", "a")
        assert desk.viewer.said("not sent: there is no connection")
        desk.client.log_in()
        await wait_for(lambda: isinstance(desk.tab.state, Live))
        assert len(desk.client.links) == 2


async def test_a_worker_that_dies_says_its_last_words() -> None:
    async with opened() as desk:
        desk.link.finish(End(LinkEnd.FAILED, "the display is gone"))
        await wait_for(lambda: isinstance(desk.tab.state, TabEnded))
        assert desk.tab.banner("ctrl+]").startswith("desktop ended (the display is gone)")
        assert desk.tab.outcome is None


async def test_refused_with_the_reason() -> None:
    console, client = make_console()
    client.answer = lambda _: End(
        LinkEnd.FAILED, "there is no display: start the agent in a session", reason=ConnectResponse.FAILED
    )
    client.log_in()
    tab = DesktopTab(console, "web", clock=console.clock)
    tab.attach(Viewer(), 24, 80)
    await wait_for(lambda: isinstance(tab.state, TabRefused))
    text = "no desktop of web: there is no display: start the agent in a session"
    assert tab.banner("ctrl+]").startswith(text)
    assert tab.outcome == TabOutcome(255, text)
    await tab.closed()


async def test_it_waits_for_the_relay() -> None:
    async with opened(online=False) as desk:
        assert "waiting for the relay" in desk.tab.banner("ctrl+]")
        desk.client.log_in()
        await wait_for(lambda: desk.tab.is_live)


# while there is no way through


async def test_a_desktop_without_a_way_stays_in_sight_and_takes_no_input() -> None:
    async with opened() as desk:
        await desk.with_screen()
        sent = len(desk.link.sent)
        desk.link.detach("relay connection lost", ago=3.5)
        assert desk.tab.is_reconnecting
        assert desk.tab.picture() is not None
        banner = "reconnecting to web · 3 s (relay connection lost) — what you do here is not sent"
        assert desk.tab.banner("ctrl+]") == banner
        attempts: list[Callable[[], None]] = [
            lambda: desk.tab.type("enter", "\r"),
            lambda: desk.tab.latch("ctrl"),
            desk.tab.secure_attention,
            lambda: desk.tab.button_down(VncMouse.left, 5, 5),
            lambda: desk.tab.wheel(0, 1, 5, 5),
            lambda: desk.tab.send_clipboard("text"),
            desk.tab.get_clipboard,
        ]
        for attempt in attempts:
            desk.viewer.remarks.clear()
            attempt()
            assert desk.viewer.remarks == ["not sent: reconnecting"]
        for col in range(10, 30):
            desk.tab.move(12, col)
        desk.link.attach()
        assert isinstance(desk.tab.state, Live)
        desk.tab.type("a", "a")
        await wait_for(lambda: desk.keys == "+a -a")
        moves = [message.vmouse for message in desk.link.sent[sent:] if message.type == MsgType.vnc_mouse]
        assert len(moves) <= 2  # one was on its way perhaps, and the last
        assert all(move.type == VncStatus.vnc_status_unset for move in moves)
        assert not desk.of_type(MsgType.vnc_cad)
        assert len(desk.client.links) == 1


async def test_what_is_held_is_let_go_when_the_way_is_lost() -> None:
    async with opened() as desk:
        await desk.with_screen()
        desk.tab.latch("ctrl")
        desk.tab.latch("ctrl")
        desk.tab.button_down(VncMouse.left, 5, 5)
        await wait_for(lambda: desk.keys == "+ctrl" and desk.mouse)
        desk.link.detach()
        assert desk.tab.latches == {}
        desk.link.attach()
        await wait_for(lambda: desk.keys == "+ctrl -ctrl")
        await wait_for(lambda: desk.mouse[-1][0] == VncStatus.vnc_up)


async def test_a_desktop_without_a_way_closes_at_once() -> None:
    async with opened() as desk:
        await desk.with_screen()
        desk.tab.latch("ctrl")
        desk.link.detach()
        async with asyncio.timeout(0.4):  # less than the time that last words may take
            await desk.tab.closed()
        assert desk.link.closed


async def test_pictures_are_done_with_when_they_are_drawn() -> None:
    async with opened() as desk:
        part = message(image(png(smooth(8, 8)), VncImage.png, (640, 480), (0, 0, 8, 8)))
        with desk.tab._pump.screen():  # nothing is drawn while somebody looks
            for _ in range(WAITING_IMAGES + 100):
                desk.link.deliver(part)
            await wait_for(lambda: desk.tab._pump.is_full)
            for _ in range(100):
                await asyncio.sleep(0)
            assert desk.link.asked <= WAITING_IMAGES + 3
        await wait_for(lambda: desk.link.asked > WAITING_IMAGES + 100)


# the keyboard


async def test_keys_are_pressed_and_released() -> None:
    async with opened() as desk:
        for key, character in (("h", "h"), ("A", "A"), ("at", "@"), ("é", "é"), ("ctrl+x", "\x18"), ("enter", "\r")):
            desk.tab.type(key, character)
        expected = "+h -h +A -A +@ -@ +é -é +ctrl +x -x -ctrl +enter -enter"
        await wait_for(lambda: desk.keys == expected)
        desk.tab.type("<some-key>", None)
        assert desk.viewer.said("desktops have no such key")


async def test_input_without_an_answer_is_told_and_so_is_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("natpass_tui.links.desktop.tab.UNANSWERED_SECONDS", 0.01)
    async with opened() as desk:
        desk.tab.look()
        assert (desk.tab.banner("ctrl+]"), desk.tab.mark, desk.tab.is_in_trouble) == ("", "", False)
        desk.link.unacknowledged = 2
        desk.tab.type("h", "h")
        await wait_for(desk.tab.unanswered_for)
        desk.tab.look()
        assert desk.tab.banner("ctrl+]") == "no answer for 0 s — what you do here waits"
        assert (desk.tab.mark, desk.tab.is_in_trouble) == ("~", True)
        desk.link.unacknowledged = 0
        desk.tab.look()
        assert (desk.tab.banner("ctrl+]"), desk.tab.mark, desk.tab.is_in_trouble) == ("", "", False)


async def test_latches_and_combinations() -> None:
    async with opened() as desk:
        desk.tab.latch("alt")
        assert desk.tab.latches == {"alt": Latch.NEXT}
        desk.tab.type("f4", None)
        desk.tab.press(COMBINATIONS["Super"])
        desk.tab.secure_attention()
        await wait_for(lambda: desk.of_type(MsgType.vnc_cad))
        assert desk.keys == "+alt +f4 -f4 -alt +cmd -cmd"


async def test_what_is_held_is_released_when_nobody_looks_or_the_tab_closes() -> None:
    async with opened() as desk:
        await desk.with_screen()
        desk.tab.latch("ctrl")
        desk.tab.latch("ctrl")
        desk.tab.button_down(VncMouse.left, 5, 5)
        desk.tab.release_all()
        await wait_for(lambda: desk.keys == "+ctrl -ctrl")
        assert [event[:2] for event in desk.mouse] == [(1, 1), (2, 1)]
        desk.tab.latch("alt")
        desk.tab.latch("alt")
        desk.tab.button_down(VncMouse.right, 5, 5)
        await desk.tab.closed()
        assert desk.keys == "+ctrl -ctrl +alt -alt"
        assert desk.mouse[-1][:2] == (VncStatus.vnc_up, VncMouse.right)
        assert desk.link.closed


async def test_a_lost_link_forgets_what_was_held() -> None:
    async with opened() as desk:
        desk.tab.latch("ctrl")
        desk.tab.latch("ctrl")
        desk.link.finish(End(LinkEnd.PEER_GONE, "gone"))
        await wait_for(lambda: isinstance(desk.tab.state, Lost))
        assert desk.tab.latches == {}


async def test_a_slow_network_takes_no_more_presses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as desk:
        blocked = asyncio.Event()
        send = desk.link.send

        async def slow(sent: Msg) -> None:
            await blocked.wait()
            await send(sent)

        monkeypatch.setattr(desk.link, "send", slow)
        for _ in range(MOST_WAITING):
            desk.tab.type("a", "a")
        assert desk.viewer.said("not sent: the network takes no more input")
        blocked.set()
        await wait_for(lambda: len(desk.of_type(MsgType.vnc_keyboard)) >= MOST_WAITING)
        assert desk.keys.count("+a") == desk.keys.count("-a")


# the pointer


async def test_clicks_mean_the_pixel_in_the_middle_of_the_cell() -> None:
    async with opened() as desk:  # 1280x720 in 80x24: 16 to 1, two cells left over above
        await desk.with_screen()
        desk.tab.button_down(VncMouse.left, 2, 10, ("ctrl",))
        desk.tab.button_up(VncMouse.left, 2, 10)
        await wait_for(lambda: desk.keys == "+ctrl -ctrl")
        placement = desk.tab.placement
        assert placement is not None
        x, y = desk.mouse[0][2:]
        assert placement.to_cell(x, y) == (2, 10)
        assert desk.mouse == [(VncStatus.vnc_down, VncMouse.left, x, y), (VncStatus.vnc_up, VncMouse.left, x, y)]


async def test_beside_the_screen_there_is_nothing_to_click_but_drags_end_there() -> None:
    async with opened(cols=200) as desk:
        await desk.with_screen(100, 100)
        desk.tab.button_down(VncMouse.left, 0, 0)
        desk.tab.wheel(0, 1, 0, 0)
        desk.tab.move(0, 0)
        desk.tab.button_down(VncMouse.left, 10, 100)
        desk.tab.move(10, 0)
        desk.tab.button_up(VncMouse.left, 99, 300)
        await wait_for(lambda: desk.mouse and desk.mouse[-1][0] == VncStatus.vnc_up)
        assert desk.mouse[0][:2] == (VncStatus.vnc_down, VncMouse.left)
        assert desk.mouse[-1][2:] == (99, 99)
        assert not desk.of_type(MsgType.vnc_scroll)


async def test_moves_are_sent_as_often_as_is_of_use() -> None:
    async with opened() as desk:
        await desk.with_screen()
        for col in range(80):
            desk.tab.move(12, col)
            await asyncio.sleep(0)
        await wait_for(lambda: desk.mouse and desk.mouse[-1][2] > 1260)
        assert len(desk.mouse) <= 4
        desk.tab.move(12, 5)
        desk.tab.type("a", "a")  # does not wait for the move's turn
        await wait_for(lambda: desk.keys == "+a -a")


async def test_the_wheel_turns_where_the_pointer_is() -> None:
    async with opened() as desk:
        await desk.with_screen()
        for _ in range(3):
            desk.tab.wheel(0, -1, 12, 40)
        await wait_for(lambda: sum(sent.vscroll.y for sent in desk.of_type(MsgType.vnc_scroll)) == -3)
        assert desk.link.sent[0].type == MsgType.vnc_mouse


async def test_without_a_picture_there_is_nothing_to_point_at() -> None:
    async with opened() as desk:
        desk.tab.move(1, 1)
        desk.tab.button_down(VncMouse.left, 1, 1)
        desk.tab.button_up(VncMouse.left, 1, 1)
        desk.tab.type("a", "a")
        await wait_for(lambda: desk.keys == "+a -a")
        assert not desk.mouse


# the clipboard


def clipboard(text: str = "", *, notice: str = "", is_set: bool = True) -> Msg:
    content = VncClipboard(set=is_set, type=VncClipboard.text, data=text, notice=notice)
    return Msg(type=MsgType.vnc_clipboard, vclipboard=content)


async def test_the_clipboard_both_ways() -> None:
    async with opened() as desk:
        desk.tab.send_clipboard("hej é")
        await wait_for(lambda: desk.of_type(MsgType.vnc_clipboard))
        sent = desk.of_type(MsgType.vnc_clipboard)[0].vclipboard
        assert (sent.set, sent.data) == (True, "hej é")
        desk.tab.get_clipboard()
        await wait_for(lambda: len(desk.of_type(MsgType.vnc_clipboard)) == 2)
        assert not desk.of_type(MsgType.vnc_clipboard)[1].vclipboard.set
        desk.link.deliver(clipboard("over there"))
        await wait_for(lambda: desk.viewer.copied == ["over there"])


async def test_nobody_asked_for_this_clipboard() -> None:
    async with opened() as desk:
        desk.link.deliver(clipboard("rm -rf /"))
        await wait_for(lambda: desk.viewer.said("not done, you did not ask"))
        desk.tab.get_clipboard()
        desk.link.deliver(clipboard("one"))
        desk.link.deliver(clipboard("two"))
        await wait_for(lambda: desk.viewer.copied)
        await wait_for(lambda: len(desk.viewer.remarks) == 2)
        assert desk.viewer.copied == ["one"]


async def test_why_there_is_no_text() -> None:
    async with opened() as desk:
        desk.tab.get_clipboard()
        desk.link.deliver(clipboard(notice="the text has 90 KiB,\x1b[31m 60 fit"))
        await wait_for(lambda: desk.viewer.said("web: the text has 90 KiB,\N{REPLACEMENT CHARACTER}[31m 60 fit"))
        desk.tab.get_clipboard()
        desk.link.deliver(clipboard(""))
        await wait_for(lambda: desk.viewer.said("there is no text on the clipboard of web"))
        assert not desk.viewer.copied


async def test_a_text_that_is_too_long_is_not_sent() -> None:
    async with opened() as desk:
        desk.tab.send_clipboard("é" * 40_000)
        assert desk.viewer.said("not sent: 78 KiB of text, the clipboard takes 60")
        desk.tab.send_clipboard("é" * 30_000)
        await wait_for(lambda: len(desk.of_type(MsgType.vnc_clipboard)) == 1)
