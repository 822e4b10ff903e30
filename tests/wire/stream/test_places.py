"""Places: nobody gets what belongs to another's share, whatever they ask for."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.stream.places import EvictionClass, Owner, PlaceAnswer, Places, Rank, listed, unlisted

ADMIN = listed(b"admin")
#: What attackers may be: two listed keys, and any number of ids in two networks.
OTHERS = st.one_of(
    st.sampled_from([listed(b"one"), listed(b"two")]),
    st.builds(unlisted, st.sampled_from([b"a", b"b"]), st.integers(0, 40).map(str)),
)
CLASSES = st.sampled_from(list(EvictionClass))


@dataclass
class Host:
    """Obeys the places, as a program does, and notes who lost what."""

    most: int
    places: Places[int] = field(init=False)
    ranks: dict[int, Rank] = field(default_factory=dict)
    owners: dict[int, Owner] = field(default_factory=dict)
    evicted: list[Owner] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        self.places = Places(self.most)

    def ask(self, owner: Owner, eviction_class: EvictionClass = EvictionClass.ACTIVE) -> bool:
        room = self.places.room(owner, self.ranks.__getitem__)
        if room.victim is not None:
            self.evicted.append(self.owners[room.victim])
            self.places.give_back(room.victim)
        if room.granted:
            self.number += 1
            self.places.take(self.number, owner)
            self.ranks[self.number], self.owners[self.number] = Rank(eviction_class, self.number), owner
        assert len(self.places) <= self.most
        return room.granted


def rank_of(eviction_class: EvictionClass) -> Callable[[int], Rank]:
    return lambda number: Rank(eviction_class, number)


def test_free_places_are_for_everybody() -> None:
    host = Host(4)
    assert [host.ask(ADMIN) for _ in range(5)] == [True] * 4 + [False]
    assert not host.evicted


@given(st.integers(4, 24), st.integers(1, 3), CLASSES, st.lists(st.tuples(OTHERS, CLASSES), min_size=1, max_size=200))
def test_a_listed_key_gets_its_share_and_keeps_it(
    most: int, held: int, eviction_class: EvictionClass, asks: list[tuple[Owner, EvictionClass]]
) -> None:
    """There are at most four buckets here: the admin's, two more keys, and one for all the ids."""
    share = most // 4
    host = Host(most)
    kept = min(held, share)
    assert all(host.ask(ADMIN, eviction_class) for _ in range(kept))
    for owner, theirs in asks:
        host.ask(owner, theirs)
        assert host.places.held(ADMIN) == kept
    assert all(host.ask(ADMIN) for _ in range(share - kept)), "the admin always gets in"
    assert ADMIN not in host.evicted


@given(st.integers(1, 24), st.lists(st.tuples(OTHERS, CLASSES), max_size=200))
def test_who_loses_a_place_had_more_than_its_share(most: int, asks: list[tuple[Owner, EvictionClass]]) -> None:
    host = Host(most)
    for owner, eviction_class in asks:
        before = {who: host.places.held(who) for who in {*host.owners.values(), owner}}
        buckets = {name for who, count in before.items() if count for name in [_bucket(who)]} | {_bucket(owner)}
        held = {name: sum(count for who, count in before.items() if _bucket(who) == name) for name in buckets}
        seen = len(host.evicted)
        host.ask(owner, eviction_class)
        for loser in host.evicted[seen:]:
            if _bucket(loser) != _bucket(owner):
                share = most // len(buckets)
                assert held[_bucket(loser)] > share
                assert held[_bucket(owner)] < share or not share
            elif loser[:2] != owner[:2]:  # of another network: these have equal shares, whatever their ids hold
                network = {
                    each[:2]: sum(count for who, count in before.items() if who[:2] == each[:2]) for each in before
                }
                assert network[loser[:2]] > network[owner[:2]] or not before[owner]
            elif loser != owner:
                assert before[loser] >= max(before[owner], 1)
                assert host.places.held(loser) >= before[owner] or not before[owner]


def _bucket(owner: Owner) -> Owner:
    return owner[:1]


@given(st.integers(2, 24), st.lists(st.tuples(st.integers(0, 40), CLASSES), max_size=200))
def test_ids_of_one_network_do_not_take_the_share_of_another(most: int, asks: list[tuple[int, EvictionClass]]) -> None:
    """So whoever logs in under a thousand ids takes at most half, if somebody else is there, too."""
    host = Host(most)
    neighbour = unlisted(b"elsewhere", "neighbour")
    assert all(host.ask(neighbour, EvictionClass.AWAY) for _ in range(most // 2))
    for number, eviction_class in asks:
        host.ask(unlisted(b"here", str(number)), eviction_class)
    assert host.places.held(neighbour) == most // 2
    assert neighbour not in host.evicted


def test_what_is_worth_least_goes_first() -> None:
    places: Places[int] = Places(4)
    for number in range(4):
        places.take(number, listed(b"one"))
    ranks = {
        0: Rank(EvictionClass.ACTIVE, -1),
        1: Rank(EvictionClass.AWAY, 7),
        2: Rank(EvictionClass.AWAY, 5),
        3: Rank(EvictionClass.CLOSING),
    }
    for expected in (3, 2, 1, 0):
        assert places.room(ADMIN, ranks.__getitem__) == PlaceAnswer(granted=True, victim=expected)
        places.give_back(expected)
        places.take(10 + expected, listed(str(expected).encode()))
        ranks[10 + expected] = Rank(EvictionClass.ACTIVE, -100)
        if places.held(listed(b"one")) <= 1:
            break


@pytest.mark.parametrize("eviction_class", list(EvictionClass))
def test_who_has_its_share_gets_only_its_own_that_are_away(eviction_class: EvictionClass) -> None:
    """What is closing is not given up for more of the same: its result may still be on its way."""
    places: Places[int] = Places(2)
    places.take(1, ADMIN)
    places.take(2, ADMIN)
    room = places.room(ADMIN, rank_of(eviction_class))
    assert room == (
        PlaceAnswer(granted=True, victim=1) if eviction_class is EvictionClass.AWAY else PlaceAnswer(granted=False)
    )


@pytest.mark.parametrize("eviction_class", list(EvictionClass))
def test_where_owners_outnumber_places_only_what_nobody_uses_is_taken(eviction_class: EvictionClass) -> None:
    places: Places[int] = Places(2)
    places.take(1, unlisted(b"", "1"))
    places.take(2, unlisted(b"", "2"))
    room = places.room(unlisted(b"", "3"), rank_of(eviction_class))
    assert room == (
        PlaceAnswer(granted=False) if eviction_class is EvictionClass.ACTIVE else PlaceAnswer(granted=True, victim=1)
    )


def test_places_are_given_back_once() -> None:
    places: Places[int] = Places(2)
    places.take(1, ADMIN)
    assert 1 in places
    places.give_back(1)
    places.give_back(1)
    assert 1 not in places
    assert (len(places), places.held(ADMIN), places.held(())) == (0, 0, 0)
    assert places.room(ADMIN, rank_of(EvictionClass.ACTIVE)) == PlaceAnswer(granted=True)
