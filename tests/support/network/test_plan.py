"""Plans of cuts."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.support.network.plan import LOGIN_BYTES, SILENT, Cut, CutPlan, Kind


def cuts(plan: CutPlan) -> list[Cut]:
    found = []
    while (cut := plan.take()) is not None:
        found.append(cut)
    return found


@given(st.integers(0, 2**32), st.integers(0, 50), st.integers(1, 10_000_000))
def test_a_seed_decides_everything(seed: int, count: int, mean: int) -> None:
    plan = cuts(CutPlan(seed, count, mean))
    assert plan == cuts(CutPlan(seed, count, mean))
    assert [cut.number for cut in plan] == list(range(count))
    assert all(1 <= cut.after_bytes <= LOGIN_BYTES + 2 * mean for cut in plan)


def test_seeds_differ() -> None:
    assert cuts(CutPlan(1, 10, 1000)) != cuts(CutPlan(2, 10, 1000))


def test_a_longer_plan_begins_like_a_short_one() -> None:
    assert cuts(CutPlan(1, 100, 1000))[:10] == cuts(CutPlan(1, 10, 1000))


def test_the_silent_ones_are_the_part_that_was_asked_for() -> None:
    count = Counter(cut.kind in SILENT for cut in cuts(CutPlan(1, 10_000, 1000, silent=0.05)))
    assert 400 < count[True] < 600
    assert not any(cut.kind in SILENT for cut in cuts(CutPlan(1, 1000, 1000, silent=0)))
    assert {cut.kind for cut in cuts(CutPlan(1, 1000, 1000))} == set(Kind)


def test_connections_are_cut_where_the_mean_says_and_some_in_their_login() -> None:
    plan = cuts(CutPlan(1, 10_000, 1_000_000))
    assert 0.9e6 < sum(cut.after_bytes for cut in plan) / len(plan) < 1.1e6
    assert 300 < sum(cut.after_bytes <= LOGIN_BYTES for cut in plan) < 500
    assert 900 < sum(cut.after_seconds is not None for cut in plan) < 1100


def test_a_cut_that_was_not_reached_is_the_next_connections() -> None:
    plan = CutPlan(1, 2, 1000)
    first = plan.take()
    assert first is not None
    plan.give_back(first)
    assert plan.left == 2
    assert plan.take() == first
    plan.stop()
    assert plan.take() is None
