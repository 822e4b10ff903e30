"""Agents that are away stay listed over a restart of the relay."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.agents_file import FILE
from natpass_relay.remembered_agents import DAYS, KeptAgent, read, to_text
from natpass_relay.roster import LEGACY_VERSION, MOST_AWAY, Publisher
from natpass_relay.sources import source_of
from natpass_wire.ids import client_id_fault
from natpass_wire.pb.roster_pb2 import About, RosterEntry
from natpass_wire.program.platform import HAS_FILE_MODES
from natpass_wire.program.state import StateDir
from tests.support.relay import CONSOLE, TestRelay, running_relay
from tests.support.waiting import wait_for

HERE = source_of("192.0.2.7")
NOW = 1_800_000_000_000
DAY = 24 * 60 * 60 * 1000
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
AGENTS = st.builds(
    KeptAgent,
    TEXT.filter(lambda name: not client_id_fault(name)),
    st.integers(NOW - DAYS * DAY, NOW),
    TEXT,
    st.none() | st.builds(About, host=TEXT, os=TEXT, version=TEXT, serves=st.lists(TEXT, max_size=3)),
)


@given(st.lists(AGENTS, unique_by=lambda agent: agent.client_id))
def test_what_is_kept_is_read(agents: list[KeptAgent]) -> None:
    assert read(to_text(agents), NOW) == agents


@given(st.lists(st.text() | st.recursive(st.none() | st.integers() | TEXT, st.lists).map(json.dumps)))
def test_whatever_a_file_holds_is_no_agent_and_no_error(lines: list[str]) -> None:
    good = KeptAgent("good", NOW - 1, "n", None)
    text = to_text([good])
    assert read(text + "\n".join(lines), NOW) == [good]
    assert read("\n".join(lines), NOW) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "\ud800"},
        {"id": "x" * 100},
        {"id": 7},
        {"since": "1"},
        {"network": None},
        {"about": 7},
        {"about": {"host": 7}},
        {"about": {"streams": -1}},
        {"about": {"colour": "red"}},
        {"since": NOW - DAYS * DAY - 1},
    ],
)
def test_a_line_that_is_invalid_or_too_old_is_left_out(changed: dict[str, object]) -> None:
    line = json.dumps({"id": "a", "since": NOW, "network": ""} | changed)
    assert read(f"natpass-agents 1\n{line}\n", NOW) == []


def test_who_was_connected_when_a_relay_was_killed_is_away_since_it_is_back() -> None:
    publisher = Publisher()
    publisher.joined("a", 1)
    publisher.joined("b", 1)
    publisher.left("b", HERE, NOW - DAY)
    publisher.joined("legacy", 1, LEGACY_VERSION)
    publisher.acted("legacy", HERE, serves=False)
    kept = read(to_text(publisher.kept(0)), NOW)
    assert [(agent.client_id, agent.away_since_unix_ms) for agent in kept] == [("b", NOW - DAY), ("a", NOW)]
    assert [agent.away_since_unix_ms for agent in publisher.kept(NOW - 5)] == [NOW - DAY, NOW - 5]


def test_no_more_are_kept_than_are_remembered_and_who_is_away_goes_first() -> None:
    publisher = Publisher(most_away=3)
    for number in range(5):
        publisher.joined(f"a{number}", 1)
    publisher.left("a4", HERE, NOW)
    assert [agent.client_id for agent in publisher.kept(0)] == ["a4", "a0", "a1"]


def test_one_network_does_not_push_out_the_agents_of_others() -> None:
    publisher = Publisher()
    for name, host in (("x", "198.51.100.1"), ("y", "2001:db8::1")):
        publisher.joined(name, 1)
        publisher.left(name, source_of(host), NOW)
    for number in range(3 * MOST_AWAY):
        publisher.joined(f"a{number}", 1)
        publisher.left(f"a{number}", HERE, NOW)
    kept = [agent.client_id for agent in publisher.kept(NOW)]
    assert (len(kept), kept[:3]) == (MOST_AWAY, ["x", "y", f"a{2 * MOST_AWAY + 2}"])
    later = Publisher()
    later.restore(publisher.kept(NOW))
    later.joined("a0", 1)
    later.left("a0", HERE, NOW)
    assert [agent.client_id for agent in later.kept(NOW)][:2] == ["x", "y"]
    for client_id in kept:  # nothing is left of those that are back, or forgotten
        later.joined(client_id, 1)
    assert [agent.away_since_unix_ms for agent in later.kept(7)].count(NOW) == 1


@pytest.mark.both_loops
async def test_an_agent_that_is_away_is_listed_after_a_restart_of_the_relay(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path / "state")
    async with running_relay(state=state) as relay:
        agent = await relay.join("a")
        agent.about("host-a")
        console = await relay.join("c", CONSOLE)
        console.watch()
        await wait_for(lambda: console.present() == {"a": "host-a"})
    assert b'"a"' in (state.read(FILE) or b"")
    if HAS_FILE_MODES:
        assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o600
    async with running_relay(state=state) as relay:
        (entry,) = (await listed(relay)).values()
        assert (entry.about.host, time.time() - entry.away_since_unix_ms / 1000 < 60) == ("host-a", True)
        await relay.join("a")
        assert not (await listed(relay, "d"))["a"].away_since_unix_ms
    (tmp_path / "state" / FILE).write_bytes(b"\xff\xfe\n")
    async with running_relay(state=state) as relay:
        assert not await listed(relay)


async def listed(relay: TestRelay, name: str = "new") -> Mapping[str, RosterEntry]:
    """Return the roster as a console gets it that begins now."""
    console = await relay.join(name, CONSOLE)
    console.watch()
    await wait_for(lambda: console.mirror.is_complete)
    return console.mirror.entries
