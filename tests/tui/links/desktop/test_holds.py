"""What is held over there, and how soon keys are answered."""

import pytest

from natpass_tui.links.desktop import sender
from natpass_wire.pb.desktop_pb2 import VncFrame, VncHold, VncMouse, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.support.waiting import wait_for
from tests.tui.links.desktop.desk import opened


def frame(mark: int = 0, rects: int = 1) -> Msg:
    return Msg(type=MsgType.vnc_frame, vnc_frame=VncFrame(mark=mark, rects=rects))


async def test_what_is_held_is_renewed_for_an_agent_that_knows_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "RENEW_SECONDS", 0.02)
    async with opened() as desk:
        assert desk.link.request.cvnc.lease_ms == 2000
        desk.tab.latch("ctrl")
        desk.tab.latch("ctrl")
        await wait_for(lambda: desk.keys == "+ctrl")
        with pytest.raises(AssertionError):  # an existing agent does not know that message
            await wait_for(lambda: desk.of_type(MsgType.vnc_hold), timeout=0.1)
        desk.link.deliver(frame())
        await wait_for(lambda: len(desk.of_type(MsgType.vnc_hold)) >= 3)
        desk.tab.latch("ctrl")
        await wait_for(lambda: desk.keys == "+ctrl -ctrl")
        renewed = len(desk.of_type(MsgType.vnc_hold))
        with pytest.raises(AssertionError):  # nothing is held, nothing is renewed
            await wait_for(lambda: len(desk.of_type(MsgType.vnc_hold)) > renewed, timeout=0.1)
        await desk.with_screen()
        desk.tab.button_down(VncMouse.left, 5, 5)
        await wait_for(lambda: len(desk.of_type(MsgType.vnc_hold)) >= renewed + 2)


async def test_a_release_that_the_agent_made_is_said_and_confirmed() -> None:
    async with opened() as desk:
        await desk.with_screen()
        desk.tab.latch("ctrl")
        desk.tab.latch("ctrl")
        desk.tab.button_down(VncMouse.left, 5, 5)
        desk.link.deliver(Msg(type=MsgType.vnc_hold, vnc_hold=VncHold(released=1)))
        await wait_for(lambda: desk.of_type(MsgType.vnc_hold))
        assert [sent.vnc_hold.released for sent in desk.of_type(MsgType.vnc_hold)] == [1]
        assert desk.tab.latches == {}
        assert desk.viewer.said("what you held is released there")
        desk.tab.button_up(VncMouse.left, 5, 5)  # it is up already
        desk.tab.type("a", "a")
        await wait_for(lambda: desk.keys == "+ctrl +a -a")
        assert [event[:2] for event in desk.mouse] == [(VncStatus.vnc_down, VncMouse.left)]


async def test_an_answer_is_the_picture_behind_the_mark_of_a_key() -> None:
    async with opened() as desk:
        desk.link.deliver(frame())
        desk.tab.type("ctrl+a", "\x01")
        await wait_for(lambda: desk.keys == "+ctrl +a -a -ctrl")
        marks = [sent.vkbd.mark for sent in desk.of_type(MsgType.vnc_keyboard)]
        assert marks == [0, 1, 0, 0]
        desk.link.deliver(frame(0, 3))
        desk.link.deliver(frame(1, 3))
        await wait_for(lambda: desk.tab.meter.latency is not None)
