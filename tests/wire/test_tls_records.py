from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.tls_records import MOST_BYTES_WITHOUT_DATA, MOST_WITHOUT_DATA, DataRecords, RecordCutter


def record(size: int) -> bytes:
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(size)


@given(st.lists(st.integers(0, 300), max_size=40), st.data(), st.integers(1, 9))
def test_records_are_counted_however_the_stream_is_cut(sizes: list[int], data: st.DataObject, most: int) -> None:
    stream = memoryview(b"".join(map(record, sizes)))
    ends = [sum(5 + size for size in sizes[: number + 1]) for number in range(len(sizes))]
    cutter, at, counted = RecordCutter(), 0, 0
    while at < len(stream):
        chunk = stream[at : at + data.draw(st.integers(1, 500))]
        while chunk:
            used, ended = cutter.take(chunk, most)
            assert 0 < used <= len(chunk)
            assert ended <= most
            at += used
            counted += ended
            assert counted == sum(end <= at for end in ends)
            assert ended < most or at in ends  # a full hand ends with a record
            chunk = chunk[used:]
    assert cutter.take(memoryview(b""), most) == (0, 0)


def test_key_updates_in_a_row_are_refused() -> None:
    judge = DataRecords()
    assert all(judge.note(27, 1, 0, 0) for _ in range(MOST_WITHOUT_DATA))
    assert not judge.note(27, 1, 0, 0)


def test_one_byte_of_data_between_key_updates_does_not_excuse_them() -> None:
    judge = DataRecords()
    fine = [judge.note(27 + 23, 2, 1, 1) for _ in range(100)]
    assert fine.index(False) < 2 * MOST_WITHOUT_DATA


def test_a_key_update_now_and_then_is_fine() -> None:
    judge = DataRecords()
    assert all(judge.note(27 + 20 * 1400, 21, 20, 20 * 1378) for _ in range(10_000))


def test_padding_and_session_tickets_are_counted_by_their_bytes() -> None:
    judge, size = DataRecords(), 16 * 1024
    assert judge.note(size, 1, 0, 0)
    assert judge.note(size, 1, 0, 0)
    assert not judge.note(size, 1, 0, 0)


@given(st.lists(st.tuples(st.integers(1, 16 * 1024), st.integers(22, 128)), max_size=200), st.data())
def test_data_is_never_refused(records: list[tuple[int, int]], data: st.DataObject) -> None:
    """Whatever the records' sizes, and however they are cut."""
    judge = DataRecords()
    for size, around in records:
        cut = data.draw(st.integers(0, size + around))
        assert judge.note(cut, 0, 0, 0)
        assert judge.note(size + around - cut, 1, 1, size)
    assert MOST_BYTES_WITHOUT_DATA > 16 * 1024 + 256
