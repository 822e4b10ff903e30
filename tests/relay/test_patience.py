"""How long one client is held up by another."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.patience import PATIENCE_SECONDS, Patience

TICKS = st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.floats(0, 2)), max_size=120)


def test_it_ends_after_twenty_seconds() -> None:
    patience: Patience[str] = Patience()
    found = [patience.tick({"a"}, 1.0) for _ in range(22)]
    assert found == [[]] * 19 + [["a"]] * 3


def test_who_is_held_again_after_that_is_held_for_little() -> None:
    patience: Patience[str] = Patience()
    for _ in range(100):
        patience.tick({"a"}, 1.0)
    patience.tick((), 1.0)
    assert patience.tick({"a"}, 1.0) == ["a"]


def test_a_pulse_now_and_then_does_not_win_it_back() -> None:
    patience: Patience[str] = Patience()
    assert any(patience.tick({"a"} if second % 10 else (), 1.0) for second in range(30))


def test_held_half_of_the_time_is_borne() -> None:
    patience: Patience[str] = Patience()
    assert not any(patience.tick({"a"} if second % 2 else (), 1.0) for second in range(1000))


@given(TICKS)
def test_the_seconds_are_never_more_than_those_held(ticks: list[tuple[set[str], float]]) -> None:
    patience: Patience[str] = Patience()
    held = dict.fromkeys("abc", 0.0)
    for holders, passed in ticks:
        for who in holders:
            held[who] += passed
        over = patience.tick(holders, passed)
        assert set(over) <= holders
        assert all(held[who] >= PATIENCE_SECONDS - 1e-6 for who in over)


@given(TICKS)
def test_others_make_no_difference(ticks: list[tuple[set[str], float]]) -> None:
    together: Patience[str] = Patience()
    alone = {who: Patience[str]() for who in "abc"}
    for holders, passed in ticks:
        over = set(together.tick(holders, passed))
        assert over == {who for who in "abc" if alone[who].tick(holders & {who}, passed)}


@given(TICKS)
def test_all_is_forgotten_after_as_long_without_a_hold(ticks: list[tuple[set[str], float]]) -> None:
    patience: Patience[str] = Patience()
    for holders, passed in ticks:
        patience.tick(holders, passed)
    for _ in range(int(PATIENCE_SECONDS) + 1):
        assert patience.tick((), 1.0) == []
    assert len(patience) == 0


@given(TICKS)
def test_whoever_is_held_long_enough_gets_away(ticks: list[tuple[set[str], float]]) -> None:
    patience: Patience[str] = Patience()
    for holders, passed in ticks:
        patience.tick(holders, passed)
    assert any(patience.tick({"a"}, 1.0) for _ in range(int(PATIENCE_SECONDS) + 1))
