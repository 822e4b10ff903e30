"""Every message type and payload field has exactly the bytes that docs/wire.md says."""

from collections.abc import Iterator

import pytest
from google.protobuf.message import Message

from natpass_wire import envelope
from natpass_wire.frame import FrameDecoder
from natpass_wire.login import legacy
from natpass_wire.pb import login_pb2 as login
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.invite_pb2 import Invite, InviteStep
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData
from natpass_wire.pb.stream_pb2 import StreamRecord
from tests.support.hexes import frame_of, unhex
from tests.wire.golden import EXISTING, OURS, Golden
from tests.wire.golden_invites import INVITES, STEPS
from tests.wire.golden_streams import RECORDS, STREAMS

ALL = EXISTING + OURS + STREAMS + INVITES


@pytest.mark.parametrize("golden", ALL, ids=lambda golden: golden.name)
def test_bytes(golden: Golden) -> None:
    expected = unhex(golden.annotated)
    assert golden.message.SerializeToString().hex(" ") == expected.hex(" ")
    assert envelope.parse(expected) == golden.message


@pytest.mark.parametrize("golden", ALL, ids=lambda golden: golden.name)
def test_frame(golden: Golden) -> None:
    frame = frame_of(unhex(golden.annotated))
    assert envelope.to_frame(golden.message) == frame
    (batch,) = FrameDecoder().feed(frame)
    assert batch.bounds == [0, len(frame)]
    (payload,) = batch.payloads()
    assert envelope.parse(payload) == golden.message


def test_a_frame_whose_bytes_are_known() -> None:
    # crc32 as gzip's trailer has it, so that not even zlib is taken on trust.
    frame = unhex("00 0a  684a773d  08 02  12 06 'server'")
    assert envelope.to_frame(Msg(type=MsgType.keepalive, from_id="server")) == frame


def test_numbers_of_types() -> None:
    wire_md = {0: "unknown", 1: "handshake", 2: "keepalive"}
    wire_md |= {3: "connect_req", 4: "connect_rep", 5: "disconnect", 6: "forward"}
    wire_md |= {10: "shell_resize", 11: "shell_data"}
    wire_md |= {20: "vnc_ctrl", 21: "vnc_image", 22: "vnc_mouse", 23: "vnc_keyboard", 24: "vnc_cad", 25: "vnc_scroll"}
    wire_md |= {26: "vnc_clipboard"}
    wire_md |= {30: "code_request", 31: "code_response_hdr", 32: "code_response_body", 33: "code_connect"}
    wire_md |= {34: "code_connect_response", 35: "code_data"}
    ours = {100: "ping", 101: "pong", 102: "notice", 110: "about", 111: "roster_watch", 112: "roster"}
    ours |= {113: "rtt_request", 114: "rtt_report", 115: "invite", 120: "record", 121: "link_hold"}
    ours |= {130: "exec_input", 131: "exec_output", 132: "exec_signal", 133: "exec_request"}
    ours |= {140: "vnc_hold", 141: "vnc_frame", 150: "channels"}
    assert {number: name for name, number in MsgType.items()} == wire_md | ours


def test_numbers_of_reasons() -> None:
    """Enumerations of ours have no other witness: an existing number never changes its meaning."""
    assert dict(login.Refusal.Code.items()) == {
        "UNSET": 0,
        "WRONG_SECRET": 1,
        "CERTIFICATE_MISMATCH": 2,
        "ID_TAKEN": 3,
        "BAD_ID": 4,
        "VERSION": 5,
        "LEGACY": 6,
        "OVERLOADED": 7,
        "MALFORMED": 8,
        "NO_INVITE": 9,
    }
    steps = {"UNSET": 0, "OPEN": 1, "OPENED": 2, "TAKEN": 3, "FULL": 4, "SAID": 5, "GONE": 6}
    assert dict(Invite.Step.items()) == steps
    failures = {"NONE": 0, "WRONG_CODE": 1, "USED": 2, "EXPIRED": 3, "WITHDRAWN": 4, "MALFORMED": 5}
    assert dict(InviteStep.Failure.items()) == failures
    assert dict(Notice.Code.items()) == {"UNSET": 0, "REPLACED": 1, "SHUTTING_DOWN": 2, "PROTOCOL": 3}
    causes = {"UNSET": 0, "EXITED": 1, "CLOSED": 2, "PEER_GONE": 3, "FAILED": 4, "TIMED_OUT": 5}
    assert dict(LinkEnd.Cause.items()) == causes
    sources = {"TYPED": 0, "ANSWER": 1, "SCREEN": 2, "PRESS": 3, "RELEASE": 4}
    assert dict(ShellData.Source.items()) == sources
    reasons = {"UNSET": 0, "ABSENT": 1, "IN_USE": 2, "REFUSED": 3, "FAILED": 4, "GONE": 5, "RETRY": 6}
    assert dict(ConnectResponse.Reason.items()) == reasons
    refused = {"UNSET": 0, "NOT_ALLOWED": 1, "NO_HOST": 2, "NOT_LISTENING": 3, "UNREACHABLE": 4, "TIMED_OUT": 5}
    refused |= {"IN_USE": 6, "TOO_MANY": 7, "FAILED": 8}
    assert dict(ChannelRefused.Reason.items()) == refused


def test_every_field_has_a_vector() -> None:
    seen = {field for golden in ALL for field in _fields_in(golden.message)}
    assert _fields_of(Msg) - seen == set()
    assert {golden.message.type for golden in ALL} == set(MsgType.values())
    records = {field for _, record, _ in RECORDS for field in _fields_in(record)}
    assert _fields_of(StreamRecord) - _fields_of(Msg) - records == set()
    steps = {field for _, step, _ in STEPS for field in _fields_in(step)}
    assert _fields_of(InviteStep) - steps == set()


@pytest.mark.parametrize(("record", "annotated"), [pytest.param(*rest, id=name) for name, *rest in RECORDS])
def test_bytes_of_records(record: StreamRecord, annotated: str) -> None:
    expected = unhex(annotated)
    assert record.SerializeToString().hex(" ") == expected.hex(" ")
    assert StreamRecord.FromString(expected) == record


@pytest.mark.parametrize(("step", "annotated"), [pytest.param(*rest, id=name) for name, *rest in STEPS])
def test_bytes_of_invites_steps(step: InviteStep, annotated: str) -> None:
    expected = unhex(annotated)
    assert step.SerializeToString().hex(" ") == expected.hex(" ")
    assert InviteStep.FromString(expected) == step


def test_extensions_have_numbers_from_100_up_in_what_existing_peers_know() -> None:
    existing = {field for golden in EXISTING for field in _fields_in(golden.message)}
    known = {message for message, _, _ in existing}
    ours = {field for golden in OURS + STREAMS + INVITES for field in _fields_in(golden.message)} - existing
    assert {field for field in ours if field[0] in known and field[2] < 100} == set()


def test_unknown_fields_and_types_survive() -> None:
    payload = unhex("08 ff01  12 01 'c'  22 01 'a'  32 02 'f0'  b2 3f 03 'new'  a8 40 07")
    assert envelope.parse(payload).SerializeToString() == payload
    code = unhex("08 23  12 01 'c'  22 01 'a'  32 02 'f0'  ea 02 05  0a 03 'abc'")  # the content of code_data
    assert envelope.parse(code).SerializeToString() == code


def test_the_md5_vector_is_the_login() -> None:
    (golden,) = (golden for golden in EXISTING if golden.name == "handshake md5")
    assert golden.message.hsp.enc == legacy.encode(legacy.Dialect.MD5, "secret", 0.0)


def _fields_in(message: Message) -> Iterator[tuple[str, str, int]]:
    """Yield (message, field, number) of each field that is set, parts included."""
    for field, value in message.ListFields():
        yield message.DESCRIPTOR.full_name, field.name, field.number
        if field.message_type is not None:
            for part in value if field.is_repeated else [value]:
                yield from _fields_in(part)


def _fields_of(kind: type[Message]) -> set[tuple[str, str, int]]:
    """Return (message, field, number) of each field that a message can have, parts included."""
    found: set[tuple[str, str, int]] = set()
    todo = [kind.DESCRIPTOR]
    while todo:
        descriptor = todo.pop()
        for field in descriptor.fields:
            entry = (descriptor.full_name, field.name, field.number)
            if entry not in found and field.message_type is not None:
                todo.append(field.message_type)
            found.add(entry)
    return found
