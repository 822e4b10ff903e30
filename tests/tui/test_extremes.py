"""Whatever a relay or an agent tells, however extreme: the console lists it, shows it, and goes on."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natpass_tui.agents_list import as_json, as_table
from natpass_tui.links.desktop.decode import decode
from natpass_tui.links.desktop.screen import RemoteScreen
from natpass_tui.links.life import LinkGone, Live, TabEnded, TabOpening, step
from natpass_tui.links.outcome import outcome
from natpass_tui.links.shell.tab import ShellTab
from natpass_tui.links.words import Words
from natpass_tui.model.agents import Order
from natpass_tui.model.fleet import Fleet
from natpass_tui.widgets.fleet_columns import COLUMNS, Context
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.links import End
from natpass_wire.pb.desktop_pb2 import VncImage
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.roster_pb2 import Roster, RosterEntry
from tests.support.extremes import extreme, message
from tests.support.waiting import wait_for
from tests.tui.fakes import NOW, entry, make_console
from tests.tui.links.desktop.desk import opened

ENTRIES = st.lists(extreme(RosterEntry), max_size=4)
#: Clocks of relays, in ms: right, at the ends, and beyond the year 9999.
CLOCKS = st.sampled_from([0, 1, int(NOW * 1000), 253_402_300_800_000, (1 << 64) - 1])


def shown(fleet: Fleet, round_trip: float | None) -> None:
    """Show the fleet in all forms."""
    agents = fleet.window(0, len(fleet))
    for listed in json.loads(as_json(agents)):
        assert set(listed) >= {"id", "connected_since", "away_since"}
    as_table(agents, NOW)
    for agent in agents:
        agent.away_text(NOW)
        for column in COLUMNS:
            column.text(agent, Context(NOW, round_trip))
    for order in Order:
        fleet.set_order(order)
    fleet.set_filter("a 9")


@given(ENTRIES, ENTRIES, CLOCKS, st.lists(message(MsgType.rtt_report, "rtt_report"), max_size=2))
async def test_rosters(present: list[RosterEntry], away: list[RosterEntry], clock: int, reports: list[Msg]) -> None:
    console, client = make_console()
    client.log_in()
    for number, listed in enumerate([*present, *away]):
        listed.id = listed.id if number % 2 else f"agent{number}"
    snapshot = Roster(revision=1, snapshot_begin=True, snapshot_end=True, present=present, away=away, now_unix_ms=clock)
    client._on_message(Msg(type=MsgType.roster, roster=snapshot))
    ids = console.latencies.ask(console.fleet.ids)
    for report in reports:
        for number, rtt in enumerate(report.rtt_report.rtts):
            rtt.id = ids[number % len(ids)] if ids else rtt.id
        client._on_message(report)
    shown(console.fleet, max((console.latencies.get(name) or 0.0 for name in ids), default=None))


@given(st.lists(extreme(Msg), max_size=6))
async def test_what_a_relay_says(messages: list[Msg]) -> None:
    console, client = make_console()
    client.log_in()
    for each in messages:
        with suppress(RemoteProtocolError):
            client._on_message(each)
    shown(console.fleet, None)


@given(extreme(LinkEnd))
def test_ends(said: LinkEnd) -> None:
    end = End.from_end(said)
    assert 0 <= outcome(end).status <= 255
    state = step(Live(), LinkGone(end, relay_up=True), NOW, Words("shell", "on")).state
    if isinstance(state, TabEnded):
        assert state.status is None or 0 <= state.status <= 255


@given(st.lists(extreme(VncImage), max_size=4))
def test_pictures(images: list[VncImage]) -> None:
    screen = RemoteScreen()
    screen.fit(24, 80)
    for image in images:
        with suppress(RemoteProtocolError):
            screen.put(plan := screen.plan(image), decode(image, plan.factor))
    screen.picture()


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(extreme(Msg), max_size=6))
async def test_what_an_agent_sends_on_a_desktops_link(messages: list[Msg]) -> None:
    async with opened() as desk:
        for each in messages:
            desk.link.deliver(each)
        desk.link.finish(End(LinkEnd.FAILED, "over"))


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(extreme(Msg), max_size=6), extreme(LinkEnd))
async def test_what_an_agent_sends_on_a_shells_link(messages: list[Msg], end: LinkEnd) -> None:
    console, client = make_console()
    client.log_in()
    client.snapshot(entry("web"))
    tab = ShellTab(console, "web", clock=console.clock, monotonic=lambda: 1.0)
    console.tabs.add(tab)
    screen = Screen()
    tab.attach(screen, 24, 80)
    await wait_for(lambda: not isinstance(tab.state, TabOpening))
    link = client.links[0]
    for each in messages:
        link.deliver(each)
    link.finish(End.from_end(end))
    await wait_for(lambda: not isinstance(tab.state, Live) or len(client.links) > 1)
    if isinstance(tab.state, TabEnded):
        assert tab.state.status is None or 0 <= tab.state.status <= 255
    await console.close()


class Screen:
    """A terminal that takes everything."""

    fed = 0

    async def feed(self, data: bytes) -> None: ...

    def write_separator(self, text: str) -> None: ...
