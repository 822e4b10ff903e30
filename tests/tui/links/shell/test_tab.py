"""A shell tab over a link that the test holds the other end of."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from natpass_tui.links.shell import pasting
from natpass_tui.links.shell import tab as tabs
from natpass_tui.links.shell.state import Live, Lost, Reconnecting, TabEnded, TabOpening, TabRefused, Waiting
from natpass_tui.links.shell.tab import ShellTab
from natpass_tui.links.tab import TabOutcome
from natpass_tui.pastes import MOST_BYTES
from natpass_tui.terminal.source import InputSource
from natpass_tui.tty.request import TERMINAL_ENV, ShellRequest
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, ConnectShell, LinkEnd
from tests.support.waiting import wait_for
from tests.tui.fakes import NOW, FakeClient, absent, entry, make_console


class Screen:
    """A terminal that remembers; `room` is cleared to make it slow."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.fed = 0
        self.room = asyncio.Event()
        self.room.set()

    async def feed(self, data: bytes) -> None:
        self.fed += len(data)
        await self.room.wait()
        self.shown.append(data.decode())

    def write_separator(self, text: str) -> None:
        self.fed += 100
        self.shown.append(f"-- {text}")


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def opened(
    *,
    online: bool = True,
    attach: bool = True,
    request: ShellRequest | None = None,
    keeps_offline: bool = True,
    monotonic: Clock | None = None,
) -> AsyncIterator[tuple[ShellTab, FakeClient, Screen]]:
    console, client = make_console()
    if online:
        client.log_in()
        client.snapshot(entry("web"))
    tab = ShellTab(
        console, "web", request, keeps_offline=keeps_offline, clock=console.clock, monotonic=monotonic or Clock()
    )
    console.tabs.add(tab)
    screen = Screen()
    if attach:
        tab.attach(screen, 24, 80)
    if online and attach:
        await wait_for(lambda: not isinstance(tab.state, TabOpening))
    yield tab, client, screen
    await console.close()


async def test_the_request_names_size_terminal_and_a_rule_of_its_own() -> None:
    async with opened(request=ShellRequest("htop")) as (_, client, _screen):
        request = client.links[0].request
        assert request.kind == ConnectRequest.shell
        assert (request.cshell.exec, request.cshell.rows, request.cshell.cols) == ("htop", 24, 80)
        assert tuple(request.cshell.env) == TERMINAL_ENV
    names = {ShellRequest(*what).name for what in ((), ("htop",), ("top",), ("htop", ("A=1",)), ("htop", ("A=2",)))}
    assert len(names) == 5


async def test_bytes_go_both_ways_and_the_size_follows() -> None:
    async with opened() as (tab, client, screen):
        link = client.links[0]
        await wait_for(lambda: link.sizes == [(24, 80)])  # existing agents take the size from the message only
        assert tab.send(b"ls\r") == ""
        tab.resize(30, 100)
        tab.resize(30, 100)
        await wait_for(lambda: link.input == b"ls\r")
        await wait_for(lambda: link.sizes == [(24, 80), (30, 100)])
        link.output(b"file\r\n")
        await wait_for(lambda: screen.shown == ["file\r\n"])


async def test_what_is_typed_before_the_first_shell_is_there_is_its_first_input() -> None:
    async with opened(attach=False) as (tab, client, screen):
        tab.attach(screen, 24, 80)
        assert tab.state == TabOpening()
        assert tab.send(b"ls\r") == ""
        assert "not sent" in tab.send(b"x" * tabs.MOST_TYPED_AHEAD)
        await wait_for(lambda: tab.is_live and client.links[0].input == b"ls\r")


async def test_what_is_typed_ahead_is_not_for_the_shell_after_a_refusal() -> None:
    async with opened(attach=False) as (tab, client, screen):
        client.answer = absent
        tab.attach(screen, 24, 80)
        assert tab.send(b"rm -r x\r") == ""
        await wait_for(lambda: isinstance(tab.state, TabRefused))
        client.answer = lambda peer: None
        tab.retry()
        await wait_for(lambda: tab.is_live and client.links[0].sizes == [(24, 80)])
        assert client.links[0].input == b""


async def test_a_large_paste_travels_in_frames_and_what_is_too_much_is_refused() -> None:
    async with opened() as (tab, client, _):
        client.links[0].most = 50_000  # a slow line takes less at a time
        paste = bytes(range(256)) * 1000
        assert tab.send(paste) == ""
        assert tab.banner("ctrl+]") == "pasting 0.0 of 0.3 MB — ctrl+c stops it"
        assert tab.send(b"x" * MOST_BYTES) == "not sent: 67.1 MB while 0.3 MB wait; at most 67 MB can be pasted"
        tab.send(b"typed behind it")
        await wait_for(lambda: client.links[0].input == paste + b"typed behind it")
        assert tab.banner("ctrl+]") == ""
        assert 49_000 < max(m.ByteSize() for m in client.links[0].sent) < 51_000


async def test_output_waits_for_a_slow_screen_and_comes_before_the_end() -> None:
    async with opened() as (tab, client, screen):
        screen.room.clear()
        client.links[0].output(b"last words")
        client.links[0].finish(End(LinkEnd.EXITED, "", 3))
        await asyncio.sleep(0)
        assert tab.is_live
        screen.room.set()
        await wait_for(lambda: isinstance(tab.state, TabEnded))
        assert screen.shown == ["last words"]
        assert tab.outcome == TabOutcome(3)


async def test_an_end_without_a_status_is_no_success() -> None:
    async with opened() as (tab, client, _):
        client.links[0].finish(End())  # as existing agents end a link
        await wait_for(lambda: isinstance(tab.state, TabEnded))
        assert tab.outcome == TabOutcome(255, "web: the link ended without a status")
        assert tab.banner("ctrl+]").startswith("the link ended without a status — Enter: new shell")


async def test_a_shell_that_ended_is_followed_by_another_when_the_user_wants_it() -> None:
    async with opened() as (tab, client, screen):
        client.links[0].finish(End(LinkEnd.EXITED, "", 0))
        await wait_for(lambda: isinstance(tab.state, TabEnded))
        assert "not sent" in tab.send(b"x")
        tab.retry()
        await wait_for(lambda: tab.is_live)
        assert screen.shown[0].startswith("-- shell ended (status 0) ")
        assert len(client.links) == 2
        assert client.links[1].input == b""


async def test_when_relay_and_agent_are_back_a_new_shell_opens_by_itself() -> None:
    async with opened() as (tab, client, screen):
        client.lose()
        await wait_for(lambda: isinstance(tab.state, Lost))
        assert "not sent" in tab.send(b"x")
        client.answer = absent
        client.log_in()  # the relay is back before the agent
        await wait_for(lambda: isinstance(tab.state, Lost) and not tab.state.by_relay)
        client.answer = lambda peer: None
        client.snapshot(entry("web", up=1))
        await wait_for(lambda: tab.is_live)
        assert screen.shown[0].startswith("-- relay connection lost ")


async def test_an_agent_that_is_replaced_gets_a_new_shell_though_no_roster_says_so() -> None:
    async with opened() as (tab, client, screen):
        client.links[0].finish(End(LinkEnd.PEER_GONE, "agent web is gone"))
        await wait_for(lambda: isinstance(tab.state, Lost))
        await wait_for(lambda: tab.is_live)  # after FIRST_RETRY
        assert screen.shown[0].startswith("-- agent web is gone ")


async def test_a_shell_that_is_refused_says_why_and_tries_again_on_enter() -> None:
    async with opened(attach=False) as (tab, client, screen):
        client.answer = lambda peer: End(LinkEnd.FAILED, "no such program: zsh", reason=ConnectResponse.FAILED)
        tab.attach(screen, 24, 80)
        await wait_for(lambda: isinstance(tab.state, TabRefused))
        assert tab.outcome == TabOutcome(255, "no shell on web: no such program: zsh")
        client.answer = lambda peer: None
        tab.retry()
        await wait_for(lambda: tab.is_live)
        assert tab.outcome is None


async def test_a_long_command_goes_before_the_size_and_what_is_typed() -> None:
    request = ShellRequest(argv=(b"printf", b"x" * 200_000))
    async with opened(attach=False, request=request) as (tab, client, screen):
        tab.send(b"typed ahead")
        tab.attach(screen, 24, 80)
        await wait_for(lambda: client.links and client.links[0].input)
        (link,) = client.links
        kinds = [message.type for message in link.sent]
        assert kinds == [MsgType.exec_request] * 4 + [MsgType.shell_resize, MsgType.shell_data]
        sent = b"".join(message.exec_request.data for message in link.sent)
        assert tuple(ConnectShell.FromString(sent).argv) == request.argv
        assert len(sent) == link.request.cshell.follows


async def test_an_older_agent_that_takes_no_long_command_is_named() -> None:
    async with opened(attach=False, request=ShellRequest(argv=(b"printf", b"x" * 200_000))) as (tab, client, screen):
        client.answer = lambda peer: End(LinkEnd.FAILED, "which command?", reason=ConnectResponse.FAILED)
        tab.attach(screen, 24, 80)
        await wait_for(lambda: isinstance(tab.state, TabRefused))
        assert tab.outcome is not None
        assert (
            "the natpass-agent there is older, and takes commands of at most 61440 bytes, not 2000" in tab.outcome.text
        )


async def test_a_tab_without_a_relay_waits_for_it() -> None:
    async with opened(online=False) as (tab, client, _):
        assert isinstance(tab.state, Waiting)
        assert tab.waits
        client.log_in()
        await wait_for(lambda: isinstance(tab.state, Live))


async def test_closing_ends_the_link_and_nothing_opens_again() -> None:
    async with opened() as (tab, client, _):
        await tab.closed()
        assert client.links[0].closed
        client.lose()
        client.log_in()
        await asyncio.sleep(0)
        assert len(client.links) == 1


async def test_closing_while_it_opens_ends_the_link_too() -> None:
    async with opened(attach=False) as (tab, client, screen):
        tab.attach(screen, 24, 80)
        assert isinstance(tab.state, TabOpening)
        await tab.closed()
        assert all(link.closed for link in client.links)


# while there is no way through


async def test_what_is_typed_while_there_is_no_way_waits_and_arrives_in_order() -> None:
    async with opened() as (tab, client, screen):
        link = client.links[0]
        await wait_for(lambda: link.sizes == [(24, 80)])
        link.detach("relay connection lost", ago=12.5)
        state = tab.state
        assert isinstance(state, Reconnecting)
        assert NOW - 13 < state.at < NOW - 12
        assert tab.banner("ctrl+]") == "reconnecting to web · 12 s (relay connection lost) — what you type is kept"
        assert (tab.is_live, tab.takes_keys, tab.has_work, tab.waits) == (True, True, True, True)
        assert (tab.mark, tab.outcome) == ("~", None)
        assert tab.send(b"sleep 9\r") == ""
        await asyncio.sleep(0)  # the sender has its turn, and must not hide what it holds
        assert tab.banner("ctrl+]").endswith(" — 8 keys wait")
        tab.send(b"\x03")
        tab.resize(30, 90)
        tab.resize(31, 91)
        assert tab.banner("ctrl+]").endswith(" — 9 keys wait")
        tab.send(b"x" * 2000)
        assert tab.banner("ctrl+]").endswith(" — 2 KB wait")
        assert link.input == b""
        link.attach()
        await wait_for(lambda: len(link.input) == 2009)
        assert link.input.startswith(b"sleep 9\r\x03x")
        assert link.sizes == [(24, 80), (31, 91)]  # the last one only
        assert (tab.state, tab.banner("ctrl+]")) == (Live(), "")
        link.output(b"here again")
        await wait_for(lambda: screen.shown == ["here again"])
        assert len(client.links) == 1


async def test_what_waits_is_bounded() -> None:
    async with opened() as (tab, client, _):
        client.links[0].detach()
        for _ in range(tabs.MOST_WAITING_INPUT // pasting.LARGE_BYTES):
            assert tab.send(b"x" * pasting.LARGE_BYTES) == ""
        assert tab.send(b"x") == "not sent: 4.2 MB of input wait for the network already"
        assert tab.banner("ctrl+]").endswith(" — 4.2 MB wait")


async def test_nothing_that_nobody_typed_gets_into_a_paste() -> None:
    """A program takes what comes between the marks for pasted text: also a report of the mouse or the focus."""
    async with opened() as (tab, client, _):
        paste = b"\x1b[200~" + bytes(200_000) + b"\x1b[201~"
        assert tab.send(paste) == ""
        for source in (InputSource.ANSWER, InputSource.SCREEN, InputSource.PRESS):
            assert tab.send(b"\x1b[O", source, 1, button=2) == ""
        assert tab.send(b"\x1b[<0;1;1m", InputSource.RELEASE, 1, button=0) == ""
        await wait_for(lambda: client.links[0].input == paste + b"\x1b[<0;1;1m")


async def test_ctrl_c_stops_a_paste_that_waits() -> None:
    async with opened() as (tab, client, _):
        link = client.links[0]
        await wait_for(lambda: link.sizes)
        link.detach()
        tab.send(b"x" * 200_000)
        assert tab.banner("ctrl+]").endswith(" — 200 KB wait")
        tab.send(b"\x03")
        link.attach()
        await wait_for(lambda: link.input.endswith(b"\x03"))
        assert len(link.input) < 200_000


async def test_a_piece_that_the_link_has_not_taken_still_waits() -> None:
    async with opened() as (tab, client, _):
        link = client.links[0]
        await wait_for(lambda: link.sizes)
        link.most = 3
        tab.send(b"abcdef")
        room = link.room

        async def lost_between() -> int:
            most = await room()
            link.detach()
            return most

        link.room = lost_between  # type: ignore[method-assign]  # detaches when it has said that there is room
        await wait_for(lambda: tab.is_reconnecting)
        assert tab.banner("ctrl+]").endswith(" — 6 keys wait")


async def test_input_can_be_discarded_instead_but_not_the_terminals_own_answers() -> None:
    async with opened(keeps_offline=False) as (tab, client, screen):
        link = client.links[0]
        link.output(b"\x1b[c")
        await wait_for(lambda: bool(screen.shown))
        link.detach()
        assert tab.banner("ctrl+]").endswith(" — what you type is not sent")
        assert tab.send(b"rm x\r") == "not sent: reconnecting (offline-input is discard)"
        assert tab.send(b"\x1b[?62c", InputSource.ANSWER, screen.fed) == ""
        link.attach()
        assert tab.send(b"ls\r") == ""
        await wait_for(lambda: link.input == b"\x1b[?62cls\r")


@pytest.mark.parametrize("keeps_offline", [True, False])
async def test_a_shell_that_is_gone_when_there_is_a_way_again_says_why_and_what_was_not_sent(
    keeps_offline: bool,
) -> None:
    async with opened(keeps_offline=keeps_offline) as (tab, client, screen):
        link = client.links[0]
        await wait_for(lambda: link.sizes)
        if not keeps_offline:
            link.detach()
            tab.send(b"rm")  # told when it was typed, and of no interest once the shell goes on
            link.attach()
        link.detach()
        tab.send(b"make\r")
        link.finish(End(LinkEnd.PEER_GONE, "the agent was restarted: what ran there is gone"))
        await wait_for(lambda: isinstance(tab.state, Lost))
        assert tab.banner("ctrl+]").startswith("the agent was restarted: what ran there is gone ")
        tab.agent_there()
        await wait_for(lambda: tab.is_live)
        assert screen.shown[0].startswith("-- the agent was restarted: what ran there is gone ")
        assert screen.shown[0].endswith(" · not sent: 5 keys")
        await wait_for(lambda: client.links[1].sizes)
        assert client.links[1].input == b""


async def test_a_way_that_is_lost_while_the_shell_opens_is_noticed() -> None:
    async with opened(attach=False) as (tab, client, screen):
        opens = client.open_link

        async def then_lost(peer: str, request: ConnectRequest, **how: bool) -> Any:
            link = await opens(peer, request, **how)
            link.detach("agent web is not connected")
            return link

        client.open_link = then_lost  # type: ignore[method-assign]  # detaches at once
        tab.attach(screen, 24, 80)
        await wait_for(lambda: tab.is_reconnecting)
        assert "(agent web is not connected)" in tab.banner("ctrl+]")


async def test_closing_while_there_is_no_way_is_immediate() -> None:
    async with opened() as (tab, client, _):
        client.links[0].detach()
        tab.send(b"x" * 100_000)
        async with asyncio.timeout(1):
            await tab.closed()
        assert client.links[0].closed
        assert client.links[0].input == b""


async def test_credit_is_given_when_the_terminal_has_parsed() -> None:
    async with opened() as (_, client, screen):
        link = client.links[0]
        await wait_for(lambda: link.asked == 1)
        screen.room.clear()
        link.output(b"one")
        link.output(b"two")
        await wait_for(lambda: len(link._messages) == 1)
        for _ in range(10):
            await asyncio.sleep(0)
        assert link.asked == 1  # the first is not done with
        screen.room.set()
        await wait_for(lambda: link.asked == 3)
        assert screen.shown == ["one", "two"]


async def test_the_relay_is_dialled_eagerly_for_a_shell_that_waits_for_a_way() -> None:
    async with opened() as (tab, client, _):
        client.keeps_links = True
        client.lose()
        await wait_for(lambda: tab.is_reconnecting)
        assert tab.waits
        client.log_in()  # the relay alone does not bring the agent back
        assert tab.is_reconnecting
        client.links[0].attach()
        assert tab.state == Live()
        assert len(client.links) == 1
