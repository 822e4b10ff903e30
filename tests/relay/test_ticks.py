"""The relay's clocks go on."""

import logging

import pytest

from natpass_relay.ticks import Ticks


def test_a_step_that_fails_is_logged_counted_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    ticks = Ticks()
    seen: list[int] = []

    def bad(text: str) -> None:
        raise KeyError(text)

    with caplog.at_level(logging.ERROR):
        for number in range(3):
            ticks.run(bad, "hostile\x1b[2J")
            ticks.run(seen.append, number)
    assert seen == [0, 1, 2]
    assert ticks.faults == 3
    (record,) = caplog.records  # the same thing once a minute
    assert record.exc_info is not None
    assert "bad failed: KeyError" in record.message
    assert "\x1b" not in record.message


def test_what_ends_a_program_is_no_fault() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Ticks().run(interrupt)
