"""What is sealed opens at the other end, once and in order, and nothing else does."""

from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natpass_wire.aio.stream import MAX_MESSAGE_BYTES
from natpass_wire.envelope import parse, record_head
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.frame import HEADER_BYTES, MAX_DATA_BYTES, MAX_PAYLOAD_BYTES, encode_frame_of
from natpass_wire.ids import MAX_ID_CHARACTERS, MAX_LINK_ID_BYTES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.stream_pb2 import StreamAck, StreamHello, StreamRecord
from natpass_wire.sealed.noise import CipherState, NoiseError
from natpass_wire.sealed.transport import MAX_RECORD_BYTES, REKEY_BYTES, REKEY_SECONDS, SEAL_BYTES, SealedTransport
from natpass_wire.stream.receiver import MAX_WINDOW
from natpass_wire.stream.records import MAX_POSITION
from natpass_wire.stream.transport import Transport
from tests.wire.sealed.pair import Clock, Watched, transports

SIZES = st.one_of(st.integers(0, 300), st.integers(900, 1200), st.integers(0, MAX_RECORD_BYTES))
SECONDS = st.sampled_from([0.0, 0.0, 0.1, REKEY_SECONDS / 2, REKEY_SECONDS, 10 * REKEY_SECONDS])


def numbered(sizes: list[int]) -> list[bytes]:
    """Return records that differ, of about these sizes."""
    return [number.to_bytes(4, "big") + bytes(max(size - 4, 0)) for number, size in enumerate(sizes)]


@settings(deadline=None)
@given(
    steps=st.lists(st.tuples(st.booleans(), st.booleans(), st.binary(max_size=10), SIZES, SECONDS), max_size=40),
)
def test_records_arrive_as_they_were_in_order(steps: list[tuple[bool, bool, bytes, int, float]]) -> None:
    """Both ways at once, with new keys now and then, and with records on their way meanwhile."""
    clock = Clock()
    ends: tuple[Transport, Transport] = transports(clock)
    ways: tuple[deque[tuple[bytes, bytes]], ...] = (deque(), deque())
    for is_target, delivers, start, size, seconds in steps:
        record = start.ljust(size, b"x")
        ways[is_target].append((record, ends[is_target].seal(record)))
        clock.now += seconds
        while delivers and ways[is_target]:
            wanted, data = ways[is_target].popleft()
            assert ends[not is_target].open(data) == wanted
    for number in (0, 1):
        for wanted, data in ways[number]:
            assert ends[1 - number].open(data) == wanted


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_nothing_opens_but_what_was_sealed_next(data: Any) -> None:
    """Whatever is done to what travels: what was sealed before it opens, it does not, and nothing does afterwards."""
    clock = Clock()
    (sender, receiver), (stranger, _) = transports(clock), transports(clock)
    records = numbered(data.draw(st.lists(st.integers(4, 2000), min_size=2, max_size=6)))
    sent = []
    for record in records:
        sent.append(sender.seal(record))
        clock.now += data.draw(SECONDS)
    at = data.draw(st.integers(0, len(sent) - 1))
    arriving = sent.copy()
    match data.draw(st.sampled_from(["flip", "cut", "more", "drop", "repeat", "reorder", "swap", "reflect", "made"])):
        case "flip":
            bit = data.draw(st.integers(0, 8 * len(sent[at]) - 1))
            changed = bytearray(sent[at])
            changed[bit // 8] ^= 1 << bit % 8
            arriving[at] = bytes(changed)
        case "cut":
            arriving[at] = sent[at][: data.draw(st.integers(0, len(sent[at]) - 1))]
        case "more":
            arriving[at] = sent[at] + data.draw(st.binary(min_size=1, max_size=20))
        case "drop":
            at = data.draw(st.integers(0, len(sent) - 2))  # a last one that is missing shows in what comes after it
            del arriving[at]
        case "repeat":
            arriving.insert(at + 1, sent[at])
            at += 1
        case "reorder":
            at = data.draw(st.integers(0, len(sent) - 2))
            other = data.draw(st.integers(at + 1, len(sent) - 1))
            arriving[at], arriving[other] = sent[other], sent[at]
        case "swap":
            arriving[at] = [stranger.seal(record) for record in records][at]
        case "reflect":
            arriving[at] = [receiver.seal(record) for record in records][at]
        case "made":
            arriving[at] = data.draw(st.binary(max_size=200))
    for record, came in zip(records[:at], arriving[:at], strict=True):
        assert receiver.open(came) == record
    with pytest.raises(NoiseError) as caught:
        receiver.open(arriving[at])
    assert str(caught.value) == "the sealed link was tampered with"
    assert isinstance(caught.value, RemoteProtocolError)
    for came in [*sent[at:], *arriving]:  # even the right one
        with pytest.raises(NoiseError):
            receiver.open(came)
    with pytest.raises(NoiseError):
        receiver.seal(b"")


def test_a_key_is_used_for_so_many_bytes() -> None:
    way, size = Watched(), 64_000
    count = -(-REKEY_BYTES // size)  # its last record is the one that goes beyond
    for number in range(1, 2 * count + 2):
        data = way.seal(bytes(size))
        way.plaintexts = way.plaintexts[-1:]
        assert way.rekeyed is (number % count == 0)
        assert way.receiver.open(data) == bytes(size)


def test_a_key_is_used_for_so_long() -> None:
    way = Watched()
    for seconds, rekeys in [(0.0, 0), (REKEY_SECONDS - 1, 0), (1.0, 1), (0.0, 0), (REKEY_SECONDS, 1), (5.0, 0)]:
        way.clock.now += seconds
        assert way.receiver.open(way.seal(b"record")) == b"record"
        assert way.rekeyed is bool(rekeys)


def test_each_direction_has_its_own_age() -> None:
    """The bytes that one end sends do not make the other one change keys, nor does its first record after a pause."""
    clock = Clock()
    opener, target = transports(clock)
    clock.now += REKEY_SECONDS
    for _ in range(2):
        assert target.open(opener.seal(b"there")) == b"there"
    clock.now += REKEY_SECONDS
    for _ in range(2):
        assert opener.open(target.seal(b"back")) == b"back"


def test_a_key_does_not_open_what_is_sealed_with_the_next() -> None:
    way = Watched()
    stays = CipherState(bytes(range(32)))
    way.clock.now += REKEY_SECONDS
    stays.decrypt(way.seal(b"the last with this key"))
    with pytest.raises(NoiseError):
        stays.decrypt(way.seal(b"the first with the next"))


def test_small_records_have_eight_sizes() -> None:
    sizes = {size: len(transports()[0].seal(bytes(size))) for size in (1, 127, 128, 129, 1023, 1024)}
    assert [size - SEAL_BYTES for size in sizes.values()] == [128, 128, 128, 256, 1024, 1024]
    way = Watched()
    seen = {len(way.seal(bytes([255]) * size)) - SEAL_BYTES for size in range(1, 1025)}
    assert seen == {128, 256, 384, 512, 640, 768, 896, 1024}
    for size, plaintext in enumerate(way.plaintexts, 1):
        assert plaintext == bytes([2 * (-size % 128)]) + bytes([255]) * size + bytes(-size % 128)


@given(size=st.integers(1025, MAX_RECORD_BYTES))
def test_large_records_are_not_padded(size: int) -> None:
    way = Watched()
    assert len(way.seal(bytes(size))) == size + SEAL_BYTES
    assert way.plaintexts == [bytes(1 + size)]


@pytest.mark.parametrize(
    "plaintext",
    [b"", b"\x02", b"\x04\0", b"\xff", b"\x02a", b"\x04a\x01\0", b"\x04a\0\x01", b"\xfe" + bytes(126)],
    ids=bytes.hex,
)
def test_what_is_sealed_but_no_record_is_refused(plaintext: bytes) -> None:
    """Of an end that has the key: padding that is not there, or no zeros, or nothing at all."""
    receiver = SealedTransport(CipherState(bytes(32)), CipherState(bytes(32)), Clock())
    data = CipherState(bytes(32)).encrypt(plaintext)
    for _ in range(2):
        with pytest.raises(NoiseError):
            receiver.open(data)


def envelope_of_the_longest_ids() -> bytes:
    widest = "\N{CUNEIFORM SIGN A}" * MAX_ID_CHARACTERS
    message = Msg(type=MsgType.record, from_id=widest, to=widest, link_id="0" * MAX_LINK_ID_BYTES)
    return message.SerializeToString()


def frame_of(data: bytes) -> bytes:
    """Return the frame of a record, as a link makes it."""
    return encode_frame_of(envelope_of_the_longest_ids(), record_head(len(data)), data)


def test_the_largest_record_fits_into_a_frame() -> None:
    """And is the largest one that does, within the three bytes of sizes that ids and records need not have."""
    sender, receiver = transports()
    record = b"x" * MAX_RECORD_BYTES
    data = sender.seal(record)
    frame = frame_of(data)
    assert parse(frame[HEADER_BYTES:]).record.data == data
    assert receiver.open(data) == record
    assert MAX_PAYLOAD_BYTES - 3 <= len(frame) - HEADER_BYTES <= MAX_PAYLOAD_BYTES
    with pytest.raises(LocalProtocolError):
        sender.seal(bytes(MAX_RECORD_BYTES + 1))
    assert receiver.open(sender.seal(b"goes on")) == b"goes on"


def test_the_largest_records_of_a_stream_are_not_too_large() -> None:
    ack = StreamAck(consumed=MAX_POSITION, window=MAX_WINDOW)
    message = StreamRecord(message=bytes(MAX_MESSAGE_BYTES), position=MAX_POSITION, ack=ack, want=MAX_WINDOW)
    request = ConnectRequest()
    request.cexec.argv.append(bytes(MAX_DATA_BYTES - 16))  # what an `exec` may ask for, see its `request`
    hello = StreamRecord(hello=StreamHello(stream_id=bytes(16), request=request, received=MAX_POSITION, ack=ack))
    for record in (message.SerializeToString(), hello.SerializeToString()):
        assert len(record) <= MAX_RECORD_BYTES
        assert frame_of(transports()[0].seal(record))


@given(record=st.binary(min_size=8, max_size=300))
def test_nothing_of_a_record_shows(record: bytes) -> None:
    sender, receiver = transports()
    data = sender.seal(record)
    assert record not in data
    assert receiver.open(data) == record
    shown = repr([sender, receiver])
    with pytest.raises(NoiseError) as caught:
        receiver.open(data)
    for text in (shown, repr(caught.value)):
        assert repr(record)[2:-1] not in text
        assert record.hex() not in text
