"""The places for an agent's links: by kind, and by whose they are."""

from dataclasses import dataclass, field

import pytest

from natpass_agent.links import KINDS as ALL_KINDS
from natpass_agent.links.kind import Kind, Limits
from natpass_agent.places import LinkPlaces
from natpass_agent.policy import Refusal
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse
from natpass_wire.stream.places import EvictionClass, Owner, Rank, listed, unlisted

KINDS = SHELL, EXEC, DESKTOP = ALL_KINDS[:3]
ADMIN, OTHER, STRANGER = listed(b"admin"), listed(b"other"), unlisted(b"net", "id")


def made_up(limits: Limits) -> Kind:
    return Kind(
        number=ConnectRequest.bench,
        wire_name="bench",
        name="made-up",
        make_server=lambda _: pytest.fail("nobody asked for it"),
        limits=limits,
    )


LIGHT = made_up(Limits(holds_process=False, places=4))
RARE = made_up(Limits(places=1))


@dataclass
class Held:
    """Links by number, and what the places said."""

    places: LinkPlaces[int]
    ranks: dict[int, Rank] = field(default_factory=dict)
    number: int = 0

    def ask(self, kind: Kind, owner: Owner, eviction_class: EvictionClass = EvictionClass.ACTIVE) -> list[int] | str:
        """Return who has to go, or why there is no place."""
        found = self.places.ask(kind, owner, self.ranks.__getitem__)
        if isinstance(found, Refusal):
            assert found.reason == ConnectResponse.REFUSED
            return found.text
        for victim in found:
            self.places.give_back(victim)
        self.number += 1
        self.ranks[self.number] = Rank(eviction_class, self.number)
        self.places.take(self.number, kind, owner)
        return found


def held(kinds: list[Kind], most: int = 256) -> Held:
    return Held(LinkPlaces(kinds, most))


def test_links_with_a_process_share_their_places() -> None:
    links = held([*KINDS], 3)
    assert [links.ask(kind, ADMIN) for kind in (SHELL, EXEC, DESKTOP)] == [[], [], []]
    assert links.ask(EXEC, ADMIN) == "this agent has 3 links already, 3 of them yours, and takes no more"
    assert links.ask(EXEC, OTHER) == [1]
    assert "1 of them yours" in str(links.ask(EXEC, OTHER))


def test_one_key_takes_nobody_elses_place_by_a_thousand_commands() -> None:
    links = held([*KINDS], 16)
    assert links.ask(SHELL, ADMIN, EvictionClass.AWAY) == []
    for _ in range(1000):
        links.ask(EXEC, OTHER, EvictionClass.ENDING)
    assert links.ask(SHELL, ADMIN) != [1]
    assert isinstance(links.ask(SHELL, ADMIN), list), "the admin always gets in"


def test_a_kind_without_processes_takes_no_place_of_those_with_one() -> None:
    """Nor does one of its links have to go for another kind's."""
    links = held([SHELL, LIGHT], 2)
    assert [links.ask(LIGHT, OTHER, EvictionClass.AWAY) for _ in range(4)] == [[]] * 4
    assert [links.ask(SHELL, ADMIN) for _ in range(2)] == [[], []]
    assert isinstance(links.ask(SHELL, ADMIN), str), "those that are away are of another kind"
    assert links.ask(SHELL, OTHER) == [5]
    assert links.ask(LIGHT, ADMIN) == [1]
    assert links.ask(LIGHT, ADMIN) == [2]
    assert "4 bench links already, 2 of them yours" in str(links.ask(LIGHT, ADMIN))
    with pytest.raises(ValueError, match="number of places"):
        Limits(holds_process=False)


def test_a_kind_with_processes_can_have_fewer_places() -> None:
    links = held([SHELL, RARE], 2)
    assert links.ask(RARE, ADMIN) == []
    assert links.ask(RARE, OTHER) == "this agent has 1 bench links already, 0 of them yours, and takes no more"
    assert links.ask(SHELL, ADMIN) == []
    assert links.ask(SHELL, OTHER) == [1], "the two kinds share the places for processes"


def test_a_place_of_a_kind_is_also_one_for_a_process() -> None:
    links = held([SHELL, RARE], 2)
    links.ask(RARE, ADMIN, EvictionClass.AWAY)
    links.ask(SHELL, ADMIN)
    assert links.ask(RARE, ADMIN) == [1], "one goes, not two"


@pytest.mark.parametrize("owner", [ADMIN, STRANGER])
def test_a_key_has_few_desktops_since_each_starts_a_worker(owner: Owner) -> None:
    links = held([*KINDS])
    assert DESKTOP.limits.places_of_key == 4
    assert [links.ask(DESKTOP, owner) for _ in range(4)] == [[]] * 4
    assert links.ask(DESKTOP, owner) == "you have 4 vnc links to this agent already"
    assert links.ask(SHELL, owner) == []
    assert links.ask(DESKTOP, OTHER) == []


def test_who_closes_a_desktop_may_open_another_at_once_but_not_for_ever() -> None:
    links = held([*KINDS])
    for _ in range(4):
        assert links.ask(DESKTOP, ADMIN, EvictionClass.ENDING) == []
    assert links.ask(DESKTOP, ADMIN) == "you have 4 vnc links to this agent already"
    links.places.give_back(1)
    assert [links.ask(DESKTOP, ADMIN) for _ in range(4)] == [[]] * 4
    assert links.ask(DESKTOP, ADMIN) == "you have 7 vnc links to this agent already"


def test_desktops_of_many_ids_leave_room_for_a_listed_key() -> None:
    links = held([*KINDS])
    most = DESKTOP.limits.places
    assert most is not None
    for number in range(most):
        assert links.ask(DESKTOP, unlisted(b"", str(number))) == []
    assert [len(links.ask(DESKTOP, ADMIN)) for _ in range(4)] == [1] * 4


def test_places_are_given_back() -> None:
    links = held([SHELL, RARE], 2)
    links.ask(RARE, ADMIN)
    links.places.give_back(1)
    links.places.give_back(1)
    assert links.ask(RARE, OTHER) == []
