import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_agent.links.desktop.protocol import Hello, Start, WorkerProtocolError, from_text, join, to_text, type_of
from natpass_agent.links.desktop.view import View
from natpass_wire import envelope
from natpass_wire.pb.desktop_pb2 import VncControl, VncFrame, VncImage, VncMouse
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectVnc

ADDRESSED = Msg(type=MsgType.vnc_mouse, from_id="tui-x", to="box", link_id="abc", vmouse=VncMouse(x=3, y=4))


def test_text_messages_come_back() -> None:
    for said in (Hello(1920, 1080, ("scale",)), Start(View(30, 80, True, 2.0))):
        assert from_text(to_text(said)) == said


def test_what_is_unknown_is_ignored() -> None:
    assert from_text('{"say": "scale", "width": 200}') is None
    assert from_text('{"say": "hello", "width": 1, "height": 2, "pace": 3}') == Hello(1, 2)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"say": "hello"}', '{"say": "start", "fps": 0, "quality": 1, "cursor": true}', "\ud800"]
    + [
        f'{{"say": "start", "fps": 1, "quality": 1, "cursor": true, "lease": {lease}}}'
        for lease in ("0.1", "11", "NaN", "[]")
    ],
)
def test_what_makes_no_sense_is_said_so(text: str) -> None:
    with pytest.raises(WorkerProtocolError):
        from_text(text)


def test_a_message_loses_its_addresses_and_gets_others() -> None:
    bare = join(Msg.FromString(ADDRESSED.SerializeToString()))
    message_type, at = envelope.type_of(bare)
    payload = bare[at:]
    assert message_type == type_of(bare) == MsgType.vnc_mouse
    head = Msg(type=message_type, from_id="box", to="tui-x", link_id="abc").SerializeToString()
    whole = envelope.parse(head + payload)
    assert whole.vmouse == ADDRESSED.vmouse
    assert (whole.from_id, whole.to) == ("box", "tui-x")
    view = memoryview(head + payload)
    assert envelope.canonical_envelope_end(view, 0, len(view)) == len(head)


def test_a_type_of_two_bytes() -> None:
    bare = join(Msg(type=MsgType.vnc_frame, to="x", vnc_frame=VncFrame(mark=300, rects=2)))
    message_type, at = envelope.type_of(bare)
    assert message_type == type_of(bare) == MsgType.vnc_frame
    assert Msg.FromString(bare[at:]).vnc_frame == VncFrame(mark=300, rects=2)
    for broken in (b"\x08", b"\x08\x8c", b"\x08\x8c\x81\x01"):
        with pytest.raises(WorkerProtocolError):
            type_of(broken)


def test_a_message_without_a_payload() -> None:
    bare = join(Msg(type=MsgType.vnc_cad, to="x"))
    assert envelope.type_of(bare) == (MsgType.vnc_cad, len(bare))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_are_said_to_be_none(data: bytes) -> None:
    try:
        found = type_of(data)
    except WorkerProtocolError:
        return
    assert 0 <= found < 1 << 14


@given(st.binary(max_size=100), st.integers(1, 5))
def test_a_cut_or_longer_message_is_none(data: bytes, cut: int) -> None:
    whole = join(Msg(type=MsgType.vnc_image, vimg=VncImage(data=b"x" + data)))
    with pytest.raises(WorkerProtocolError):
        type_of(whole[:-cut])
    with pytest.raises(WorkerProtocolError):
        type_of(whole + b"\x12\x03abc")


def test_views() -> None:
    assert View.from_request(ConnectVnc()) == View(10, 50, False)
    assert View.from_request(ConnectVnc(fps=1000, quality=1000, cursor=True)) == View(50, 100, True)
    leases = {0: 0.0, 1: 0.5, 2000: 2.0, 0xFFFFFFFF: 10.0}
    assert {ms: View.from_request(ConnectVnc(lease_ms=ms)).lease for ms in leases} == leases
    view = View(25, 70, True)
    assert view.changed_by(VncControl()) == View(25, 70, False)
    assert view.changed_by(VncControl(quality=500, cursor=True, fps=99)) == View(50, 100, True)
