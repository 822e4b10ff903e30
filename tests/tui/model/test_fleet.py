"""The fleet is right after any changes, and quick with 10 000 agents."""

import time

from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.model.agents import FleetAgent, Order, Presence, haystack, sort_key
from natpass_tui.model.fleet import MOST_AWAY, Fleet


def online(agent_id: str, host: str = "", os: str = "") -> FleetAgent:
    return FleetAgent(agent_id, Presence.ONLINE, 100.0, host=host, os=os)


def shown(fleet: Fleet) -> list[str]:
    return [agent.id for agent in fleet.window(0, fleet.shown)]


def test_agents_are_sorted_and_found_by_their_row() -> None:
    fleet = Fleet()
    fleet.update([online("web-10"), online("web-2"), online("db")], [], now=0)
    assert shown(fleet) == ["db", "web-2", "web-10"]
    assert fleet.index("web-10") == 2
    assert fleet.at(1).id == "web-2"
    assert fleet.index("nobody") is None
    assert fleet.online == 3


def test_an_agent_that_leaves_stays_in_sight_behind_those_that_are_there() -> None:
    fleet = Fleet()
    fleet.update([online("a"), online("b")], [], now=0)
    fleet.update([], ["a"], now=50)
    gone = fleet.get("a")
    assert gone is not None
    assert (gone.presence, gone.since) == (Presence.AWAY, 50)
    assert fleet.online == 1
    assert shown(fleet) == ["b", "a"]
    fleet.update([online("c"), online("a")], [], now=10**9)
    assert shown(fleet) == ["a", "b", "c"]
    fleet.set_filter("away")
    fleet.update([FleetAgent("d", Presence.AWAY, 7.0)], ["c"], now=10**9)
    assert shown(fleet) == ["c", "d"]


def test_agents_that_earlier_consoles_met_are_away_unless_the_relay_says_otherwise() -> None:
    fleet = Fleet()
    fleet.list_ids(["listed"], Presence.ABSENT)
    fleet.update([online("there"), FleetAgent("left", Presence.AWAY, 50.0)], [])
    fleet.list_known({"there": 10.0, "left": 10.0, "listed": 10.0, "met": 20.0})
    found = {agent.id: (agent.presence, agent.since, agent.first_met) for agent in fleet.window(0, 9)}
    assert found == {
        "there": (Presence.ONLINE, 100.0, 0.0),
        "left": (Presence.AWAY, 50.0, 0.0),
        "listed": (Presence.AWAY, 0.0, 10.0),
        "met": (Presence.AWAY, 0.0, 20.0),
    }
    fleet.update([online("met")], [])
    fleet.update([], ["met"], now=70)
    for number in range(MOST_AWAY + 1):
        fleet.update([online(f"a{number}")], [f"a{number - 1}"], now=80)
    assert fleet.get("met") == FleetAgent("met", Presence.AWAY, 70)  # what is known is not forgotten
    assert fleet.get("left") is not None


def test_configured_ids_stay_whatever_happens() -> None:
    fleet = Fleet()
    fleet.list_ids(["a", "b"], Presence.ABSENT)
    fleet.update([online("a")], [], now=0)
    fleet.update([], ["a"], now=1)
    assert [(agent.id, agent.presence) for agent in fleet.window(0, 9)] == [
        ("a", Presence.AWAY),
        ("b", Presence.ABSENT),
    ]


def test_a_fleet_that_changes_its_names_costs_no_memory() -> None:
    fleet = Fleet()
    for number in range(MOST_AWAY + 50):
        fleet.update([online(f"a{number}")], [f"a{number - 1}"], now=0)
    assert len(fleet) == MOST_AWAY + 1
    names = [f"b{number}" for number in range(2 * MOST_AWAY)]
    fleet.update([online(name) for name in names], [], now=0)
    fleet.update([], names, now=1)  # many at once
    assert len(fleet) == fleet.shown == MOST_AWAY + 1
    assert (fleet.index("b0"), fleet.at(fleet.shown - 1).id) == (None, names[-1])


def test_the_filter_wants_every_word_somewhere() -> None:
    fleet = Fleet()
    fleet.update([online("web-1", os="Debian"), online("web-2", os="Alpine"), online("db", host="web-host")], [], now=0)
    fleet.set_filter("WEB deb")
    assert shown(fleet) == ["web-1"]
    fleet.update([online("web-9", os="debian"), online("x")], [], now=0)
    assert shown(fleet) == ["web-1", "web-9"]
    fleet.update([online("web-1", os="FreeBSD")], [], now=0)
    assert shown(fleet) == ["web-9"]
    fleet.set_filter("")
    assert fleet.shown == len(fleet) == 5


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "leave", "filter", "order"]), st.integers(0, 12), st.sampled_from(["", "a", "1"])
        ),
        max_size=60,
    )
)
def test_the_rows_are_what_sorting_everything_again_would_give(steps: list[tuple[str, int, str]]) -> None:
    fleet = Fleet()
    for now, (what, number, text) in enumerate(steps):
        match what:
            case "join":
                fleet.update(
                    [FleetAgent(f"a{number}", Presence.ONLINE, float(now), host=f"h{text}{number % 3}")], [], now
                )
            case "leave":
                fleet.update([], [f"a{number}"], now)
            case "filter":
                fleet.set_filter(text)
            case _:
                fleet.set_order(list(Order)[number % len(Order)])
        agents = [agent for agent_id in fleet.ids if (agent := fleet.get(agent_id)) is not None]
        expected = sorted(
            (a for a in agents if fleet.filter in haystack(a)), key=lambda agent: sort_key(agent, fleet.order)
        )
        assert fleet.window(0, fleet.shown) == expected
        assert [fleet.index(agent.id) for agent in expected] == list(range(len(expected)))
        assert fleet.online == sum(agent.presence is Presence.ONLINE for agent in agents)


def test_a_change_among_ten_thousand_costs_next_to_nothing() -> None:
    fleet = Fleet()
    agents = [online(f"agent-{number}") for number in range(10_000)]
    began = time.perf_counter()
    fleet.update(agents, [], now=0)
    whole = time.perf_counter() - began
    began = time.perf_counter()
    for number in range(100):
        fleet.update([online(f"agent-{number * 97}", os="new")], [f"agent-{number * 89 + 1}"], now=1)
    one = (time.perf_counter() - began) / 100
    assert one < whole / 20, f"{one * 1e6:.0f} µs for a change, {whole * 1e3:.0f} ms for all"
