"""What the model makes of what the relay says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from natpass_tui.model import times
from natpass_tui.model.agents import Presence
from natpass_tui.model.console import Console
from natpass_tui.tty.request import ShellRequest
from natpass_wire.aio.client import Phase, RelayStatus
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.errors import UserError
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse
from natpass_wire.pb.roster_pb2 import About, RosterEntry
from tests.support.waiting import wait_for
from tests.tui.fakes import NOW, FakeClient, absent, away, entry, make_console


@contextlib.asynccontextmanager
async def running(console: Console) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(console.run())
        try:
            yield
        finally:
            task.cancel()


def sent(client: FakeClient, kind: MsgType) -> int:
    assert client.connection is not None
    return sum(message.type == kind for message in client.connection.sent)


async def test_at_login_the_roster_is_watched_and_the_fleet_follows_it() -> None:
    console, client = make_console()
    client.log_in()
    assert sent(client, MsgType.roster_watch) == 1
    assert not console.has_fleet.is_set()
    client.snapshot(entry("a", up=5), entry("b"))
    assert console.has_fleet.is_set()
    agent = console.fleet.get("a")
    assert agent is not None
    assert (agent.presence, agent.since, agent.serves) == (Presence.ONLINE, NOW - 5, ("shell",))
    client.change(entry("c"), left=("a",))
    assert [(a.id, a.presence) for a in console.fleet.window(0, 9)] == [
        ("b", Presence.ONLINE),
        ("c", Presence.ONLINE),
        ("a", Presence.AWAY),
    ]


async def test_a_gap_in_the_roster_asks_for_a_new_one() -> None:
    console, client = make_console()
    client.log_in()
    client.snapshot(entry("a"))
    client.skip_a_revision()
    client.change(entry("b"))
    assert sent(client, MsgType.roster_watch) == 2
    client.snapshot(entry("b"), entry("c"))
    assert [a.id for a in console.fleet.window(0, 9) if a.presence is Presence.ONLINE] == ["b", "c"]


async def test_after_a_new_login_agents_that_are_not_there_are_gone() -> None:
    console, client = make_console()
    client.log_in()
    client.snapshot(entry("a"), entry("b"))
    client.lose()
    assert not console.is_online
    client.log_in()
    client.snapshot(entry("b"))
    assert [(a.id, a.presence) for a in console.fleet.window(0, 9)] == [("b", Presence.ONLINE), ("a", Presence.AWAY)]


async def test_the_relay_says_since_when_an_agent_is_away_and_a_link_to_it_says_so_too() -> None:
    console, client = make_console()
    client.log_in()
    client.clock_offset = -3600.0
    client.snapshot(entry("there"), away=[away("a", ago=3600 + 130)])
    agent = console.fleet.get("a")
    assert agent is not None
    assert (agent.presence, agent.host) == (Presence.AWAY, "a.lan")
    assert NOW - agent.since == pytest.approx(130)
    assert console.fleet.online == 1
    client.answer = absent
    with pytest.raises(LinkEndedError, match=r"^a is away since [0-9:]{8} \(2 min\)$") as refused:
        await console.open_link("a", ConnectRequest(kind=ConnectRequest.shell))
    assert refused.value.end.reason == ConnectResponse.ABSENT
    with pytest.raises(LinkEndedError, match=r"^agent there is not connected$"):
        await console.open_link("there", ConnectRequest(kind=ConnectRequest.shell))


async def test_a_tab_whose_agent_is_away_is_told_when_it_is_there() -> None:
    """And not when it is listed as away."""

    class Tab:
        agent, there, waits = "a", 0, False

        def agent_there(self) -> None:
            self.there += 1

        def relay_changed(self) -> None: ...

    console, client = make_console()
    client.log_in()
    console.tabs.add(tab := Tab())  # type: ignore[arg-type]  # all that is asked of a tab here
    client.snapshot(away=[away("a", ago=10)])
    assert tab.there == 0
    client.change(entry("a"))
    assert tab.there == 1


async def test_times_of_no_calendar_are_bounded() -> None:
    console, client = make_console()
    client.log_in()
    client.snapshot(RosterEntry(id="a", connected_unix_ms=2**64 - 1), away=[RosterEntry(id="b", away_since_unix_ms=1)])
    client.clock_offset = 1e16
    client.change(away=[RosterEntry(id="c", away_since_unix_ms=2**64 - 1)])
    for agent in console.fleet.window(0, 9):
        assert times.since(agent.since, NOW)
        assert agent.away_text(NOW)


async def test_hostile_words_of_an_agent_are_made_harmless() -> None:
    console, client = make_console()
    client.log_in()
    client.snapshot(entry("a", host="\x1b[2J\u202eevil", system="[bold]x[/bold]\n"), entry("\x1b]0;x\x07"))
    agent = console.fleet.get("a")
    assert agent is not None
    assert agent.host == "\ufffd[2J\ufffdevil"
    assert agent.os == "[bold]x[/bold] "
    assert len(console.fleet) == 1  # what is no id is no agent


async def test_clocks_that_differ_do_not_change_how_long_an_agent_is_up() -> None:
    console, client = make_console()
    client.log_in()
    client.clock_offset = -3600.0
    late = entry("a", up=60 + 3600)
    client.snapshot(late)
    agent = console.fleet.get("a")
    assert agent is not None
    assert NOW - agent.since == pytest.approx(60)


async def test_round_trips_are_asked_for_rows_in_sight_that_are_online() -> None:
    console, client = make_console(listed=("absent",))
    async with running(console):
        client.log_in()
        client.snapshot(*(entry(f"a{number}") for number in range(300)))
        console.show_rows(["absent", *(f"a{number}" for number in range(250))])
        await wait_for(lambda: sent(client, MsgType.rtt_request))
        assert client.connection is not None
        request = next(m.rtt_request for m in client.connection.sent if m.type == MsgType.rtt_request)
        assert list(request.ids) == [f"a{number}" for number in range(200)]
        client.report(a0=1500, a1=0, a299=7)
        assert console.latencies.get("a0") == 0.0015
        assert console.latencies.get("a1") is None
        assert console.latencies.get("a299") is None
        client.lose()
        assert console.latencies.get("a0") is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ConnectRequest.shell, "are not sealed, and need --allow-unsealed"),
        (ConnectRequest.exec, "have shells, and no commands: natpass-tui shell old --allow-unsealed"),
    ],
)
async def test_of_an_existing_program_it_is_said_what_helps(kind: ConnectRequest.Kind, text: str) -> None:
    """No option makes it run commands: to name one would send somebody round in circles."""
    console, client = make_console()
    async with running(console):
        client.log_in()
        client.snapshot(RosterEntry(id="old", about=About(version="legacy")))
        with pytest.raises(LinkEndedError, match=rf"^links to old, which logged in as an existing .* program, {text}$"):
            await console.open_link("old", ConnectRequest(kind=kind))


async def test_a_command_to_paste_is_that_command_whatever_the_id_of_an_existing_program() -> None:
    console, client = make_console()
    async with running(console):
        client.log_in()
        hostile = "old; touch x"
        client.snapshot(RosterEntry(id=hostile, about=About(version="legacy")))
        with pytest.raises(LinkEndedError, match=r"natpass-tui shell 'old; touch x' --allow-unsealed$"):
            await console.open_link(hostile, ConnectRequest(kind=ConnectRequest.exec))


async def test_of_an_agent_behind_an_existing_relay_nothing_is_said_that_nobody_knows() -> None:
    """It may be one of ours."""
    console, client = make_console(legacy=True, allow_unsealed=False)
    async with running(console):
        client.log_in(roster=False)
        text = r"^links to web through an existing relay \(--legacy\) are not sealed, and need --allow-unsealed$"
        with pytest.raises(LinkEndedError, match=text):
            await console.open_link("web", ConnectRequest(kind=ConnectRequest.shell))


async def test_a_program_that_seems_to_be_a_console_can_be_asked_for_links_all_the_same() -> None:
    console, client = make_console(allow_unsealed=True)
    async with running(console):
        client.log_in()
        client.snapshot(RosterEntry(id="old", about=About(version="legacy"), console=True))
        await console.open_link("old", ConnectRequest(kind=ConnectRequest.shell))
        assert client.plain == [True]


async def test_an_existing_program_is_asked_for_what_it_knows_only() -> None:
    """It would open its default shell where it does not know of arguments."""
    console, client = make_console(allow_unsealed=True)
    async with running(console):
        client.log_in()
        client.snapshot(RosterEntry(id="old", about=About(version="legacy")))
        for request in (ShellRequest(argv=(b"ls", b"/")), ShellRequest(argv=(b"\xff",)), ShellRequest(timeout=1.0)):
            with pytest.raises(LinkEndedError, match="runs only without arguments"):
                await console.open_link("old", request.message(24, 80))
        assert client.plain == []
        await console.open_link("old", ShellRequest(argv=(b"htop",)).message(24, 80))
        assert client.plain == [True]


@pytest.mark.parametrize("allow_unsealed", [False, True])
async def test_an_agent_that_has_not_described_itself_yet_is_spoken_to_sealed(allow_unsealed: bool) -> None:
    """The relay lists it from its login on; what it says of itself comes a moment later."""
    console, client = make_console(allow_unsealed=allow_unsealed)
    async with running(console):
        client.log_in()
        client.snapshot(RosterEntry(id="new"))
        await console.open_link("new", ConnectRequest(kind=ConnectRequest.shell))
        client.snapshot(RosterEntry(id="new", about=About(version="legacy")))
        if allow_unsealed:
            await console.open_link("new", ConnectRequest(kind=ConnectRequest.shell))
        assert client.plain == ([False, True] if allow_unsealed else [False])


async def test_a_relay_without_a_roster_is_asked_for_nothing() -> None:
    console, client = make_console(legacy=True, listed=("web", "\x1b"))
    async with running(console):
        client.log_in(roster=False)
        console.show_rows(["web"])
        console.list_ids(["typed"])
        await console.first_login()
        assert client.connection is not None
        assert client.connection.sent == []
        assert [(a.id, a.presence) for a in console.fleet.window(0, 9)] == [
            ("typed", Presence.UNTOLD),
            ("web", Presence.UNTOLD),
        ]


async def test_a_refused_first_login_says_why_at_once() -> None:
    console, client = make_console()
    async with running(console):
        waiter = asyncio.get_running_loop().create_task(console.first_login())
        await asyncio.sleep(0)
        client.tell(RelayStatus(Phase.CONNECTING, "the relay refuses the login: wrong secret", refused=True))
        with pytest.raises(UserError, match="wrong secret"):
            await waiter


async def test_a_first_login_that_does_not_come_says_the_last_reason() -> None:
    console, client = make_console()
    async with running(console):
        client.tell(RelayStatus(Phase.CONNECTING, "cannot reach relay.test:6154: Connection refused"))
        with pytest.raises(UserError, match=r"no login within 0 s: cannot reach .* Connection refused"):
            await console.first_login(seconds=0.01)
        assert client.waited  # the relay is dialled more often while somebody waits for the first login


async def test_a_roster_that_does_not_come_is_said_too() -> None:
    console, client = make_console()
    async with running(console):
        client.log_in()
        with pytest.raises(UserError, match="sends no roster"):
            await console.first_login(seconds=0.01)
