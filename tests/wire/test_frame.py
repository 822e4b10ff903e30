"""Frames: the same ones come out however the stream is cut, and every fault is the peer's."""

import contextlib
import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.frame import HEADER_BYTES, MAX_DATA_BYTES, MAX_PAYLOAD_BYTES, FrameDecoder, encode_frame
from tests.support.hexes import frame_of

payloads = st.lists(st.binary(min_size=1, max_size=300), max_size=12)


@dataclass
class Outcome:
    """What a decoder made of a stream: the payloads, and the fault with the number of frames before it."""

    frames: list[bytes] = field(default_factory=list)
    fault: str = ""
    waiting: int = 0


def decode(stream: bytes, cuts: list[int]) -> Outcome:
    """Feed `stream`, cut at the given positions; each chunk lies in a buffer that is overwritten afterwards."""
    decoder, outcome = FrameDecoder(), Outcome()
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    try:
        for start, end in pairwise(bounds):
            buffer = bytearray(stream[start:end])
            for batch in decoder.feed(memoryview(buffer)):
                outcome.frames += batch.payloads()
                lengths = [b - a - HEADER_BYTES for a, b in pairwise(batch.bounds)]
                assert [len(payload) for payload in outcome.frames[-len(lengths) :]] == lengths
            buffer[:] = bytes(len(buffer))
        decoder.end_of_stream()
    except RemoteProtocolError as error:
        outcome.fault = str(error)
    outcome.waiting = decoder.waiting_bytes
    return outcome


@given(payloads, st.lists(st.integers(0, 4000), max_size=30))
def test_chunking_never_matters(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(frame_of, messages))
    assert decode(stream, cuts) == Outcome(messages)


@given(payloads, st.binary(max_size=40), st.lists(st.integers(0, 4000), max_size=30))
def test_a_fault_is_found_at_the_same_frame_however_the_stream_is_cut(
    messages: list[bytes], rest: bytes, cuts: list[int]
) -> None:
    stream = b"".join(map(frame_of, messages)) + rest
    whole = decode(stream, [])
    cut = decode(stream, cuts)
    by_bytes = decode(stream, list(range(len(stream))))
    assert cut.frames == by_bytes.frames == whole.frames
    assert cut.fault == by_bytes.fault == whole.fault
    assert whole.frames[: len(messages)] == messages


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_are_frames_or_blamed_on_the_peer(chunks: list[bytes]) -> None:
    decoder = FrameDecoder()
    with contextlib.suppress(RemoteProtocolError):
        for chunk in chunks:
            for batch in decoder.feed(chunk):
                assert all(batch.payloads())
        decoder.end_of_stream()


@given(payloads.filter(bool), st.data())
def test_any_change_of_a_byte_is_noticed(messages: list[bytes], data: st.DataObject) -> None:
    """crc32 finds every error of one byte in a payload; one in a size moves the next frames."""
    stream = bytearray(b"".join(map(frame_of, messages)))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    outcome = decode(bytes(stream), [])
    assert outcome.frames != messages or outcome.fault
    assert outcome.frames == messages[: len(outcome.frames)]


def test_what_is_wrong_is_said() -> None:
    good = frame_of(b"abc")
    assert "wrong crc32" in decode(good + good[:-1] + b"x", []).fault
    assert decode(good + bytes(6), []).fault == "an empty frame"
    assert "ended within a frame" in decode(good + good[:-1], []).fault
    assert "ended within a frame, 3 bytes" in decode(good + good[:3], []).fault
    assert decode(good + good, []).fault == ""


def test_the_largest_frame_fits_and_a_larger_one_is_our_fault() -> None:
    payload = random.Random(1).randbytes(MAX_PAYLOAD_BYTES)
    assert encode_frame(payload) == frame_of(payload)
    for cuts in ([], [1], [5, 6, 7], [65_540], list(range(0, 70_000, 997))):
        assert decode(frame_of(payload) * 2, cuts) == Outcome([payload] * 2)
    for wrong in (b"", payload + b"x"):
        with pytest.raises(LocalProtocolError):
            encode_frame(wrong)
    assert MAX_DATA_BYTES == 61_440


def test_only_an_incomplete_frame_is_held() -> None:
    decoder = FrameDecoder()
    stream = frame_of(b"x" * 1000) * 200
    for start in range(0, len(stream), 4096):
        for batch in decoder.feed(stream[start : start + 4096]):
            assert batch.bounds[0] == 0
        assert decoder.waiting_bytes < HEADER_BYTES + 1000
    decoder.end_of_stream()


def test_frames_of_a_chunk_come_in_one_batch() -> None:
    """A relay forwards runs of frames with one write: they have to lie behind one another."""
    stream = frame_of(b"x" * 10) * 100
    (batch,) = FrameDecoder().feed(stream)
    assert batch.bounds == list(range(0, len(stream) + 1, 16))
    assert bytes(batch.view[: batch.bounds[-1]]) == stream


def test_the_frames_after_some_are_a_copy() -> None:
    payloads = [bytes([number]) * number for number in range(1, 6)]
    buffer = bytearray(b"".join(map(encode_frame, payloads)))
    (batch,) = FrameDecoder().feed(memoryview(buffer))
    rest = batch.after(2)
    buffer[:] = bytes(len(buffer))
    assert list(rest.payloads()) == payloads[2:]
    assert list(rest.after(0).payloads()) == payloads[2:]
    assert list(rest.after(2).payloads()) == payloads[4:]
