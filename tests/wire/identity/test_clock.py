"""A clock can't be earlier than what has happened."""

from datetime import UTC, datetime, timedelta

from natpass_wire.identity.clock import RELEASE, SLACK, Witness, doubt

LATER = RELEASE.at + timedelta(days=10)


def test_a_clock_before_the_release_is_wrong() -> None:
    assert not doubt(RELEASE.at, [])
    assert not doubt(RELEASE.at - SLACK, [])  # set back by the network
    text = doubt(datetime(1970, 1, 1, tzinfo=UTC), [])
    assert text.startswith("the clock says 1970-01-01 00:00 UTC, but natpass ")
    assert text.endswith(f"was released on {RELEASE.at:%Y-%m-%d %H:%M}")


def test_the_latest_witness_is_named() -> None:
    witnesses = [Witness(LATER - timedelta(days=1), "a was written"), Witness(LATER, "b was written")]
    assert not doubt(LATER, witnesses)
    assert "but b was written on" in doubt(RELEASE.at, witnesses)
    assert "but b was written on" in doubt(LATER - 2 * SLACK, witnesses)
