"""Messages from any bytes, and the canonical envelope: what its prefix says is what the whole message says."""

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.frame import MAX_PAYLOAD_BYTES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import Data
from natpass_wire.pb.stream_pb2 import Record
from tests.support.hexes import frame_of, unhex
from tests.wire.golden import EXISTING, OURS

CANONICAL = unhex("08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  aa 01 03  0a 01 'x'")


def varint(value: int, longer_by: int = 0) -> bytes:
    """Return `value` as a varint, with as many bytes more than it needs as are asked for."""
    low = []
    while value > 0x7F:
        low.append(value & 0x7F | 0x80)
        value >>= 7
    if longer_by:
        return bytes([*low, value | 0x80, *[0x80] * (longer_by - 1), 0])
    return bytes([*low, value])


def addresses(message: Msg) -> tuple[int, str, int, str, int, str]:
    return (message.type, message.from_id, message.from_idx, message.to, message.to_idx, message.link_id)


def end_of(payload: bytes) -> int:
    """Return the end of the canonical envelope, and check that what lies around the message does not matter."""
    end = envelope.canonical_envelope_end(memoryview(payload), 0, len(payload))
    around = b"\xff" * 7 + payload + CANONICAL
    moved = envelope.canonical_envelope_end(memoryview(around), 7, 7 + len(payload))
    assert moved == (end and end + 7)
    return end


def check(payload: bytes) -> int:
    """Check the one property that the relay's fast path rests on."""
    end = end_of(payload)
    if end:
        assert end <= len(payload)
        try:
            prefix = envelope.parse(payload[:end])
        except RemoteProtocolError:
            with pytest.raises(RemoteProtocolError):  # never known as a route
                envelope.parse(payload)
            return end
        try:
            whole = envelope.parse(payload)
        except RemoteProtocolError:
            return end  # its payload is broken: the receiver's to judge, and it blames the link
        assert addresses(prefix) == addresses(whole)
        assert prefix.WhichOneof("payload") is None
    return end


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_parse_or_are_blamed_on_the_peer(payload: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        message = envelope.parse(payload)
        assert envelope.parse(message.SerializeToString()) == message
    check(payload)


@pytest.mark.parametrize("golden", [*EXISTING, *OURS], ids=lambda golden: golden.name)
@given(data=st.data())
@settings(max_examples=15)
def test_messages_with_changed_bytes(golden: object, data: st.DataObject) -> None:
    payload = bytearray(unhex(golden.annotated))  # type: ignore[attr-defined]  # declared as an object
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(payload)))
        match data.draw(st.sampled_from(["set", "insert", "cut", "double"])):
            case "set":
                payload[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
            case "insert":
                payload[at:at] = data.draw(st.binary(max_size=4))
            case "cut":
                del payload[at : at + data.draw(st.integers(1, 6))]
            case _:
                payload[at:at] = payload[at : at + data.draw(st.integers(1, 12))]
    with contextlib.suppress(RemoteProtocolError):
        envelope.parse(bytes(payload))
    check(bytes(payload))


numbers = st.one_of(st.integers(1, 15), st.sampled_from([16, 20, 21, 31, 100, 112, 2047, 2**28 + 2, 2**29 - 1]))
strings = st.sampled_from([b"", b"c", b"a", b"server", "é中".encode(), b"x" * 127, b"y" * 128, b"z" * 200, b"\xff"])
longer = st.sampled_from([0, 0, 0, 0, 1, 4, 9])


@st.composite
def fields(draw: st.DrawFn, numbers: st.SearchStrategy[int] = numbers) -> bytes:
    """One field of any number and wire type, with varints that may be longer than they need be."""
    number = draw(numbers)
    wire_type = draw(st.sampled_from([0, 2, 2, 2, 1, 3, 4, 5]))
    tag = varint(number << 3 | wire_type | draw(st.sampled_from([0, 0, 0, 1 << 32])), draw(longer))
    match wire_type:
        case 0:
            return tag + varint(draw(st.integers(0, 2**64 - 1)), draw(longer))
        case 1:
            return tag + draw(st.binary(min_size=8, max_size=8))
        case 2:
            value = draw(st.one_of(strings, st.binary(max_size=20)))
            return (
                tag + varint(len(value) + draw(st.sampled_from([0, 0, 0, 1, -1 if value else 0])), draw(longer)) + value
            )
        case 5:
            return tag + draw(st.binary(min_size=4, max_size=4))
        case _:
            return tag


@st.composite
def nearly_canonical(draw: st.DrawFn) -> bytes:
    """The fields of a canonical envelope, with some doubled, left out, exchanged, or strange ones among them."""
    parts = [
        b"\x08" + varint(draw(st.sampled_from([0, 6, 11, 100, 2**31, 2**63])), draw(longer)),
        b"\x12" + _string(draw),
        b"\x18" + varint(draw(st.integers(0, 2**35)), draw(longer)),
        b"\x22" + _string(draw),
        b"\x28" + varint(draw(st.integers(0, 300)), draw(longer)),
        b"\x32" + _string(draw),
        draw(st.sampled_from([b"", b"\xaa\x01\x03\x0a\x01x", b"\x6a\x03\x0a\x01x", b"\xa2\x06\x00", b"\x6a\x80\x00"])),
    ]
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        at = draw(st.integers(0, len(parts) - 1))
        match draw(
            st.sampled_from(["leave out", "double at the end", "exchange", "strange", "strange at the end", "cut"])
        ):
            case "leave out":
                parts[at] = b""
            case "double at the end":
                parts.append(parts[at])
            case "exchange":
                parts[at], parts[at - 1] = parts[at - 1], parts[at]
            case "strange":
                parts.insert(at, draw(fields()))
            case "strange at the end":
                parts.append(draw(fields()))
            case _:
                parts[-1] = parts[-1][: draw(st.integers(0, 5))]
    return b"".join(parts)


def _string(draw: st.DrawFn) -> bytes:
    value = draw(strings)
    return varint(len(value), draw(longer)) + value


@given(nearly_canonical())
@example(unhex("08 06  12 01 'c'  22 01 'a'  32 01 'l'  6a 80 80 80 80 80"))  # the size of the payload never ends
@example(unhex("08 06  12 01 'c'  22 01 'a'  32 01 'l'  92 80 80 80 10 01 'x'"))  # tag 2**32 + 0x12: `from`, to some
@settings(max_examples=1500)
def test_a_canonical_prefix_says_what_the_message_says(payload: bytes) -> None:
    check(payload)


@given(st.lists(fields(), max_size=8).map(b"".join))
@settings(max_examples=500)
def test_any_fields_in_any_order(payload: bytes) -> None:
    check(payload)


@pytest.mark.parametrize(
    ("what", "annotated"),
    [
        ("a field before the type", "12 01 'c'  08 0b  22 01 'a'  32 02 'f0'"),
        ("no type", "12 01 'c'  22 01 'a'  32 02 'f0'"),
        ("no sender", "08 0b  22 01 'a'  32 02 'f0'"),
        ("no receiver", "08 0b  12 01 'c'  32 02 'f0'"),
        ("no link", "08 0b  12 01 'c'  22 01 'a'  aa 01 00"),
        ("two types", "08 0b  08 0b  12 01 'c'  22 01 'a'  32 02 'f0'"),
        ("a sender behind the payload", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  aa 01 00  12 01 'd'"),
        ("a sender within a second payload's place", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  12 01 'd'"),
        ("a receiver twice", "08 0b  12 01 'c'  22 01 'a'  22 01 'b'  32 02 'f0'"),
        ("two payloads", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  aa 01 00  aa 01 00"),
        ("a payload number below 10", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  4a 00"),
        ("a group as payload", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  ab 01 ac 01"),
        ("a varint as payload", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  50 01"),
        ("a payload that is too short", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  aa 01 01"),
        ("a payload that is too long", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  aa 01 00 00"),
        ("an id of 128 bytes", "08 0b  12 80 01" + "'x'" * 128 + "22 01 'a'  32 02 'f0'"),
        ("a tag over 32 bits", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  92 80 80 80 10 01 'x'"),
        ("a size without end", "08 0b  12 01 'c'  22 01 'a'  32 02 'f0'  6a 80 80 80 80 80"),
        ("nothing", ""),
    ],
)
def test_not_canonical(what: str, annotated: str) -> None:
    assert end_of(unhex(annotated)) == 0, what


@pytest.mark.parametrize("cut", range(1, len(CANONICAL)))
def test_truncated(cut: int) -> None:
    """A message that lacks bytes at its end is canonical only where it ends without a payload."""
    assert end_of(CANONICAL[:cut]) == (12 if cut == 12 else 0)


def test_canonical() -> None:
    assert end_of(CANONICAL) == 12
    assert end_of(unhex("08 05  12 01 'c'  22 01 'a'  32 02 'f0'")) == 12  # a disconnect has no payload
    assert end_of(unhex("08 06  12 01 'c'  18 01  22 01 'a'  28 ac 02  32 02 'f0'  6a 00")) == 17  # with indexes
    assert end_of(unhex("08 06  12 7f" + "'x'" * 127 + "22 01 'a'  32 02 'f0'  6a 00")) == 138


def test_what_we_send_on_links_is_canonical() -> None:
    """Otherwise the relay's fast path would never be taken."""
    for golden in (*EXISTING, *OURS):
        message = golden.message
        if message.type and message.from_id and message.to and message.link_id:
            payload = message.SerializeToString()
            assert end_of(payload), golden.name


def test_frames_of_messages() -> None:
    message = Msg(type=MsgType.forward, data=Data(data=b"x"))
    assert envelope.to_frame(message) == frame_of(message.SerializeToString())
    with pytest.raises(LocalProtocolError):
        envelope.to_frame(Msg())
    room = MAX_PAYLOAD_BYTES - 2 - 4 - 4  # type; tag and size of _data; tag and size of data
    assert envelope.fits(Msg(type=MsgType.forward, data=Data(data=bytes(room))))
    too_long = Msg(type=MsgType.forward, data=Data(data=bytes(room + 1)))
    assert not envelope.fits(too_long)
    assert not envelope.fits(Msg())
    with pytest.raises(LocalProtocolError):
        envelope.to_frame(too_long)


@given(st.binary(max_size=70_000), st.binary(max_size=8))
@settings(max_examples=60)
def test_a_record_is_written_and_read_by_hand_as_protobuf_does(record: bytes, behind: bytes) -> None:
    head = Msg(type=MsgType.record, from_id="c", to="a", link_id="f0").SerializeToString()
    message = Msg(type=MsgType.record, from_id="c", to="a", link_id="f0", record=Record(data=record))
    by_hand = head + envelope.record_head(len(record)) + record
    if record:  # protobuf leaves an empty field out; no record is empty
        assert by_hand == message.SerializeToString()
    assert envelope.parse(by_hand) == message
    assert envelope.record_in(by_hand, len(head)) == record
    if behind:
        assert envelope.record_in(by_hand + behind, len(head)) is None
    if record:
        assert envelope.record_in(by_hand[:-1], len(head)) is None


@given(st.binary(max_size=12))
def test_what_is_no_record_is_not_taken_for_one(payload: bytes) -> None:
    found = envelope.record_in(b"\xc2\x07" + payload, 0)
    if found is not None:
        assert envelope.parse(b"\xc2\x07" + payload).record.data == found
