"""Which bytes go in short TLS records."""

from natpass_wire.aio.short_records import SHORT_RECORDS_BYTES, ShortRecords


def test_the_first_bytes_of_each_second_do_and_no_others() -> None:
    records = ShortRecords()
    assert records.take(100_000, 50.0) == 100_000
    assert records.take(100_000, 50.5) == SHORT_RECORDS_BYTES - 100_000
    assert records.take(1, 50.9) == 0
    assert records.take(1_000_000, 51.0) == SHORT_RECORDS_BYTES
    assert records.take(1_000_000, 51.9) == 0


def test_a_slow_line_never_has_others() -> None:
    records = ShortRecords()
    assert all(records.take(2000, tenth / 10) == 2000 for tenth in range(1000))
