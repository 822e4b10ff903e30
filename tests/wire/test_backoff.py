"""Delays: at once, then jittered within their bounds, 30 s only after a refusal."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.backoff import Backoff

uniform = st.floats(0, 1, exclude_max=True)


@given(uniform, st.booleans())
def test_the_first_attempt_after_a_loss_is_at_once(random: float, links_wait: bool) -> None:
    backoff = Backoff()
    assert backoff.delay(links_wait=links_wait, refused=False, random=random) == 0
    for _ in range(7):
        backoff.failed()
    backoff.succeeded()
    backoff.failed()
    assert backoff.delay(links_wait=links_wait, refused=False, random=random) == 0


@given(st.integers(2, 5000), uniform, st.booleans())
def test_delays_stay_within_their_bounds(failures: int, random: float, links_wait: bool) -> None:
    backoff = Backoff()
    for _ in range(failures):
        backoff.failed()
    delay = backoff.delay(links_wait=links_wait, refused=False, random=random)
    assert 0.25 <= delay <= (2.0 if links_wait else 8.0)


@given(st.integers(0, 50), uniform, st.booleans())
def test_a_refusal_asks_for_patience(failures: int, random: float, links_wait: bool) -> None:
    backoff = Backoff()
    for _ in range(failures):
        backoff.failed()
    assert 27.0 <= backoff.delay(links_wait=links_wait, refused=True, random=random) <= 33.0


def test_delays_grow_and_are_spread() -> None:
    backoff = Backoff()
    longest = []
    for _ in range(9):
        backoff.failed()
        longest.append(backoff.delay(links_wait=False, refused=False, random=0.999999))
    assert longest == sorted(longest)
    assert [round(delay, 2) for delay in longest] == [0, 0.5, 1, 2, 4, 8, 8, 8, 8]
    assert backoff.delay(links_wait=False, refused=False, random=0.0) == 0.25
    assert round(backoff.delay(links_wait=True, refused=False, random=0.5), 3) == 0.625
