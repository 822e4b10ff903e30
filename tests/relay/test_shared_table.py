"""What the relay remembers of clients: ever new ids of one network push out nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.roster import LEGACY_VERSION, Publisher
from natpass_relay.shared_table import SharedTable
from natpass_relay.sources import source_of
from tests.relay.test_roster import HERE, Watching

HOSTS = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1::1")


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(HOSTS), st.booleans())), st.integers(1, 8))
def test_a_table_is_bounded_and_forgets_of_the_network_with_most(steps: list[tuple[int, str, bool]], most: int) -> None:
    table: SharedTable[int] = SharedTable(most)
    model: dict[int, str] = {}  # the oldest first
    for key, host, is_put in steps:
        model.pop(key, None)
        if not is_put:
            table.remove(key)
            continue
        model[key] = host
        forgotten = table.put(key, source_of(host))
        assert (forgotten is not None) == (len(model) > most)
        if forgotten is not None:
            wide = [source_of(each).wide for each in model.values()]
            assert wide.count(source_of(model[forgotten]).wide) == max(map(wide.count, wide))
            same = [each for each in model if source_of(model[each]) == source_of(model[forgotten])]
            assert forgotten == same[0], "the oldest"
            del model[forgotten]
    assert len(table) == len(model) <= most


@pytest.mark.parametrize("there", ["192.0.2.{0}", "2001:db8:0:{0}::1", "2001:db8::{0}:1"])
def test_ever_new_ids_of_one_network_push_out_no_other_network_s_agents(there: str) -> None:
    publisher = Publisher(most_away=100)
    console = Watching(publisher)
    for number in range(30):
        publisher.joined(f"honest-{number}", 1)
        publisher.left(f"honest-{number}", source_of(f"198.51.100.{number}"), 1)
    for number in range(5_000):
        publisher.joined(f"flood-{number}", 1)
        publisher.left(f"flood-{number}", source_of(there.format(7 if "192" in there else number)), 1)
        publisher.acted(f"flood-{number}", source_of(there.format(7 if "192" in there else number)), serves=True)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    assert {f"honest-{number}" for number in range(30)} <= set(console.shown)
    assert len(console.shown) == 100
    assert {f"flood-{number}" for number in range(4_930, 5_000)} <= set(console.shown), "the newest are remembered"


def test_of_many_networks_with_an_agent_each_the_one_that_left_first_is_forgotten() -> None:
    publisher = Publisher(most_away=50)
    console = Watching(publisher)
    for number in range(120):
        publisher.joined(f"agent-{number}", 1)
        publisher.left(f"agent-{number}", source_of(f"198.51.100.{number}"), 1)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    assert set(console.shown) == {f"agent-{number}" for number in range(70, 120)}


def test_ever_new_ids_of_one_network_push_out_no_other_network_s_existing_programs() -> None:
    publisher = Publisher(most_away=100)
    publisher.acted("a browser", source_of("198.51.100.1"), serves=False)
    for number in range(1_000):
        publisher.acted(f"flood-{number}", HERE, serves=True)
    publisher.joined("a browser", 1, LEGACY_VERSION)
    assert publisher._entries["a browser"].console
    assert len(publisher._serves) == 100
