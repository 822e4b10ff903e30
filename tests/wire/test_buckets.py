"""Token buckets: a rate for each key, in a table that nobody can fill to get a new bucket."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.buckets import TokenBuckets

#: Keys, and the seconds that pass before each is used.
USES = st.lists(st.tuples(st.integers(0, 50), st.floats(0, 2)), max_size=200)


def test_a_bucket_is_full_at_first_and_fills_again() -> None:
    buckets: TokenBuckets[str] = TokenBuckets(rate=2, burst=3, most=10)
    assert [buckets.take("a", 10.0) for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b", 10.0), "others have buckets of their own"
    assert [buckets.take("a", 10.5) for _ in range(2)] == [True, False]
    assert [buckets.take("a", 100.0) for _ in range(4)] == [True, True, True, False]
    assert buckets.level("a", 101.0) == 2
    assert buckets.level("c", 101.0) == 3


def test_a_clock_that_goes_back_gives_nothing() -> None:
    buckets: TokenBuckets[str] = TokenBuckets(rate=1, burst=1, most=10)
    assert buckets.take("a", 10.0)
    assert not buckets.take("a", 5.0)


@given(USES, st.integers(1, 5))
def test_the_table_is_bounded_and_no_key_gets_more_than_its_rate(uses: list[tuple[int, float]], most: int) -> None:
    """Filling the table gives nobody a new bucket: what is forgotten was full."""
    buckets: TokenBuckets[int] = TokenBuckets(rate=1, burst=4, most=most)
    now, taken = 0.0, dict[int, int]()
    for key, passed in uses:
        now += passed
        taken[key] = taken.get(key, 0) + buckets.take(key, now)
        assert len(buckets) <= most
        assert taken[key] <= 4 + now + 4  # its own bucket, and the one that late keys share
    assert sum(taken.values()) <= (most + 1) * (4 + now) + 4 * now * most
    assert all(0 <= buckets.level(key, now) <= 4 for key in range(51))


def test_late_keys_share_a_bucket_while_the_table_is_in_use() -> None:
    buckets: TokenBuckets[int] = TokenBuckets(rate=1, burst=1, most=2)
    assert buckets.take(1, 10.0)
    assert buckets.take(2, 10.0)
    assert [buckets.take(key, 10.0) for key in range(3, 100)] == [True] + [False] * 96
    assert not buckets.take(1, 10.0), "it was not forgotten"
    assert buckets.take(3, 20.0), "the first is full again, and makes room"
