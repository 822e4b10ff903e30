"""When a connection is in doubt."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.roaming import LOOK_SECONDS, UNKNOWN, Roaming, Sign, answer_seconds

A, B = "192.0.2.1", "198.51.100.1"


def roaming(here: str | None = A, ours: str | None = A) -> Roaming:
    found = Roaming()
    assert found.look(100.0, 1000.0, here, ours) is None
    return found


@given(st.lists(st.floats(0.0, LOOK_SECONDS + 1.9), max_size=30))
def test_nothing_happens_while_nothing_happens(steps: list[float]) -> None:
    watched, now = roaming(), 100.0
    for step in steps:
        now += step
        assert watched.look(now, now + 900.0, A, A) is None


def test_a_late_look_says_that_we_stood_still() -> None:
    watched = roaming()
    assert watched.look(103.5, 1003.5, A, A) is Sign.STOOD_STILL
    assert watched.look(104.5, 1004.5, A, A) is None


def test_two_clocks_that_part_say_that_the_machine_slept() -> None:
    watched = roaming()
    assert watched.look(101.0, 1200.0, A, A) is Sign.SLEPT
    assert watched.look(102.0, 1201.0, A, A) is None
    assert watched.look(103.0, 1002.0, A, A) is None  # a time of day that is set back


def test_another_address_is_said_once_and_none_is_waited_for() -> None:
    watched = roaming()
    assert watched.look(101.0, 1001.0, B, A) is Sign.MOVED
    assert watched.look(102.0, 1002.0, B, A) is None  # the old connection lives on, as one does with two networks
    assert watched.look(103.0, 1003.0, None, A) is None
    assert watched.look(104.0, 1004.0, None, A) is None
    assert watched.look(105.0, 1005.0, B, A) is Sign.BACK


def test_a_connection_from_the_new_address_is_not_doubted() -> None:
    watched = roaming()
    assert watched.look(101.0, 1001.0, B, B) is None


def test_without_a_connection_a_new_address_is_a_sign_as_well() -> None:
    watched = roaming(A, None)
    assert watched.look(101.0, 1001.0, B, None) is Sign.MOVED
    assert roaming(None, None).look(101.0, 1001.0, B, None) is Sign.BACK


def test_a_relay_whose_place_becomes_known_is_no_sign() -> None:
    watched = roaming(UNKNOWN, None)
    assert watched.look(101.0, 1001.0, A, A) is None
    assert watched.look(102.0, 1002.0, UNKNOWN, None) is None
    assert roaming(UNKNOWN, None).look(101.0, 1001.0, A, None) is None
    assert roaming(UNKNOWN, None).look(101.0, 1001.0, B, A) is Sign.MOVED  # in the first second
    assert roaming(UNKNOWN, None).look(104.0, 1004.0, A, A) is Sign.STOOD_STILL


def test_who_is_far_away_may_take_longer_to_answer() -> None:
    assert [answer_seconds(trip) for trip in (None, 0.01, 0.3, 5.0)] == [1.0, 1.0, 1.2, 2.0]
