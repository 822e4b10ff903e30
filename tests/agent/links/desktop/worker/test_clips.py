import asyncio

from natpass_agent.links.desktop.worker.clipboard.fake import FakeClipboard
from natpass_agent.links.desktop.worker.clips import MOST_WAITING, Clips
from natpass_wire.frame import MAX_PAYLOAD_BYTES
from natpass_wire.pb.desktop_pb2 import VncClipboard
from natpass_wire.pb.envelope_pb2 import Msg
from tests.support.waiting import wait_for


def test_text_both_ways() -> None:
    clipboard = FakeClipboard()
    clips = Clips(clipboard)
    assert clips.answer(VncClipboard(set=True, type=VncClipboard.text, data="klippé")) is None
    assert clipboard.text == "klippé"
    assert clips.answer(VncClipboard(set=False)) == VncClipboard(set=True, type=VncClipboard.text, data="klippé")


def test_an_existing_peers_text_may_come_without_a_type() -> None:
    clipboard = FakeClipboard()
    Clips(clipboard).answer(VncClipboard(set=True, data="x"))
    assert clipboard.text == "x"


def test_what_is_too_long_becomes_a_notice() -> None:
    clips = Clips(FakeClipboard("é" * 31_000))
    answer = clips.answer(VncClipboard(set=False))
    assert answer is not None
    assert "60 KiB" in answer.notice
    assert not answer.data
    assert Msg(vclipboard=answer).ByteSize() < MAX_PAYLOAD_BYTES
    refused = clips.answer(VncClipboard(set=True, type=VncClipboard.text, data="x" * 62_000))
    assert refused is not None
    assert "longer than 60 KiB" in refused.notice


def test_no_pictures_and_files() -> None:
    answer = Clips(FakeClipboard()).answer(VncClipboard(set=True, type=VncClipboard.image))
    assert answer is not None
    assert "only text" in answer.notice


async def test_of_too_many_requests_the_last_are_answered() -> None:
    clipboard = FakeClipboard()
    clips = Clips(clipboard)
    for number in range(MOST_WAITING + 3):
        clips.take(VncClipboard(set=True, data=str(number)))
    clips.take(VncClipboard(set=False))
    answers: list[Msg] = []

    async def send(message: Msg) -> None:
        answers.append(message)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(clips.run(send))
        await wait_for(lambda: answers)
        task.cancel()
    assert answers[0].vclipboard.data == str(MOST_WAITING + 2)
