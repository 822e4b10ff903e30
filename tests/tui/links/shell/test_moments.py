"""What nobody typed, and what was typed and is not acknowledged, in a shell tab."""

import tracemalloc

import pytest

from natpass_tui.links.shell import tab as tabs
from natpass_tui.links.shell.state import Live, Lost, TabEnded
from natpass_tui.model import liveness
from natpass_tui.terminal.source import InputSource
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for
from tests.tui.fakes import FakeClient, FakeLink
from tests.tui.links.shell.test_tab import Clock, opened


def sent(link: FakeLink) -> list[tuple[bytes, ShellData.Source, int]]:
    messages = [m.sdata for m in link.sent if m.type == MsgType.shell_data]
    return [(m.data, m.source, m.seen) for m in messages]


async def test_what_nobody_typed_says_so_and_to_which_output_of_this_shell_it_reacts() -> None:
    async with opened() as (tab, client, screen):
        first = client.links[0]
        first.output(b"12345")
        await wait_for(lambda: screen.fed == 5)
        tab.send(b"ls")
        tab.send(b"answer", InputSource.ANSWER, 3)
        tab.send(b"press", InputSource.PRESS, 5)
        tab.send(b"release", InputSource.RELEASE, 5)
        tab.send(b"focus", InputSource.SCREEN, 5)
        tab.send(b"\r")
        await wait_for(lambda: first.input.endswith(b"\r"))
        assert sent(first) == [
            (b"ls", ShellData.TYPED, 0),
            (b"answer", ShellData.ANSWER, 3),
            (b"press", ShellData.PRESS, 5),
            (b"release", ShellData.RELEASE, 5),
            (b"focus", ShellData.SCREEN, 5),
            (b"\r", ShellData.TYPED, 0),
        ]
        first.finish(End(LinkEnd.EXITED, status=0))
        await wait_for(lambda: isinstance(tab.state, TabEnded))
        tab.retry()
        await wait_for(lambda: tab.is_live)
        before = screen.fed  # the first shell's output, and the separator
        client.links[1].output(b"67")
        await wait_for(lambda: screen.fed == before + 2)
        tab.send(b"late", InputSource.ANSWER, 5)  # the first shell had asked
        tab.send(b"answer", InputSource.ANSWER, before + 2)
        await wait_for(lambda: bool(client.links[1].input))
        assert sent(client.links[1]) == [(b"answer", ShellData.ANSWER, 2)]


async def test_a_button_that_went_down_before_a_paste_goes_up_behind_it_and_one_within_does_neither() -> None:
    async with opened() as (tab, client, screen):
        link = client.links[0]
        link.output(b"12345")
        await wait_for(lambda: screen.fed == 5)
        tab.send(b"left down", InputSource.PRESS, 5, 0)
        await wait_for(lambda: link.input == b"left down")
        tab.send(bytes(200_000))
        tab.send(b"right down", InputSource.PRESS, 5, 2)
        tab.send(b"right up", InputSource.RELEASE, 5, 2)
        tab.send(b"middle down", InputSource.PRESS, 5, 1)
        tab.send(b"left up", InputSource.RELEASE, 5, 0)
        await wait_for(lambda: link.input.endswith(b"left up"))
        assert sent(link)[-1] == (b"left up", ShellData.RELEASE, 5)
        assert len(link.input) == 200_000 + len(b"left downleft up")
        tab.send(b"middle up", InputSource.RELEASE, 5, 1)
        tab.send(b"x")
        await wait_for(lambda: link.input.endswith(b"x"))
        assert link.input.endswith(b"left upx")


async def test_what_nobody_typed_is_not_kept_for_later() -> None:
    clock = Clock()
    async with opened(monotonic=clock) as (tab, client, screen):
        link = client.links[0]
        link.output(b"\x1b[c")
        await wait_for(lambda: screen.fed == 3)
        link.detach()
        tab.send(b"\x1b[?62c", InputSource.ANSWER, 3)
        tab.send(b"make\r")
        assert tab.banner("ctrl+]").endswith(" — 5 keys wait")  # of answers nobody needs to hear
        clock.now += 2.1
        link.attach()
        await wait_for(lambda: link.input == b"make\r")


async def test_what_nobody_typed_does_not_queue_up_behind_what_is_not_acknowledged() -> None:
    clock = Clock()
    async with opened(monotonic=clock) as (tab, client, screen):
        link = client.links[0]
        link.output(b"\x1b[c")
        await wait_for(lambda: screen.fed == 3 and bool(link.sizes))
        link.unacknowledged = 1
        tab.send(b"a")
        await wait_for(lambda: link.input == b"a")
        clock.now += 2.1
        tab.send(b"answer", InputSource.ANSWER, 3)
        tab.send(b"b")
        await wait_for(lambda: link.input == b"ab")
        link.unacknowledged = 0
        tab.send(b"answer", InputSource.ANSWER, 3)
        await wait_for(lambda: link.input == b"abanswer")


# what is on its way


async def test_what_is_typed_and_not_acknowledged_is_told_after_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabs, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(tabs, "UNANSWERED_SECONDS", 0.01)
    clock = Clock()
    async with opened(monotonic=clock) as (tab, client, _):
        changes: list[str] = []
        tab._on_change = lambda: changes.append(tab.banner("ctrl+]"))
        link = client.links[0]
        await wait_for(lambda: bool(link.sizes))
        link.unacknowledged = 1
        tab.send(b"l")
        await wait_for(lambda: link.input == b"l")
        link.unacknowledged = 2
        tab.send(b"s\x1b[A")
        await wait_for(lambda: link.input == b"ls\x1b[A")
        assert (changes, tab.banner("ctrl+]"), tab.mark, tab.is_in_trouble) == ([], "", "", False)
        clock.now += 3.2
        await wait_for(lambda: bool(changes))
        assert changes == ["no answer for 3 s — 3 keys are on their way"]
        assert (tab.mark, tab.is_in_trouble, tab.state) == ("~", True, Live())
        link.unacknowledged = 0
        await wait_for(lambda: len(changes) == 2)
        assert (changes[1], tab.mark, tab.is_in_trouble) == ("", "", False)
        assert tab._look_timer is None


async def test_a_program_that_reads_nothing_and_an_agent_that_is_silent_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tabs, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(tabs, "UNANSWERED_SECONDS", 0.01)
    monkeypatch.setattr(liveness, "ASK_SECONDS", 0.0)
    clock = Clock()
    async with opened(monotonic=clock) as (tab, client, _):
        link = client.links[0]
        await wait_for(lambda: bool(link.sizes))
        link.unacknowledged = 1
        tab.send(b"x")
        await wait_for(lambda: link.input == b"x")
        link.detach()  # it has no credit any more,
        tab.state = Live()  # which is no loss of the way
        tab.send(bytes(6_000_000))
        clock.now += 12

        async def answers(micros: int) -> None:
            await wait_for(lambda: asked(client) > 0)
            assert client.connection is not None
            client.connection.sent.clear()
            client.report(web=micros)

        await answers(20_000)
        assert tab.banner("ctrl+]").startswith("no answer for 12 s — ")
        await answers(20_000)
        busy = "the remote program takes no input for 12 s — 6.0 MB wait; ctrl+c stops the paste"
        await wait_for(lambda: tab.banner("ctrl+]") == busy)
        assert (tab.mark, tab.is_in_trouble) == ("", False)
        await answers(0)
        await wait_for(lambda: tab.banner("ctrl+]").startswith("no answer from web for 12 s — "))
        assert (tab.mark, tab.is_in_trouble) == ("~", True)


def asked(client: FakeClient) -> int:
    assert client.connection is not None
    return sum(message.type == MsgType.rtt_request for message in client.connection.sent)


async def test_looking_after_a_paste_copies_none_of_it() -> None:
    async with opened() as (tab, client, _):
        link = client.links[0]
        await wait_for(lambda: bool(link.sizes))
        link.detach()
        tab.send(bytes(50_000_000))
        tab.send(b"typed behind it")
        tracemalloc.start()
        try:
            tab._look()
            assert tab.banner("ctrl+]").endswith(" — 50.0 MB wait")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1_000_000


async def test_existing_agents_acknowledge_nothing_and_nothing_is_said_of_that() -> None:
    clock = Clock()
    async with opened(monotonic=clock) as (tab, client, _):
        link = client.links[0]
        link.unacknowledged = None
        tab.send(b"ls\r")
        await wait_for(lambda: link.input == b"ls\r")
        clock.now += 60
        assert tab.banner("ctrl+]") == ""


@pytest.mark.parametrize("is_planned", [True, False])
async def test_what_a_lost_shell_is_not_known_to_have_taken_is_told(is_planned: bool) -> None:
    """With or without a word of its agent."""
    async with opened() as (tab, client, screen):
        link = client.links[0]
        await wait_for(lambda: bool(link.sizes))
        tab.send(b"ls\r")
        await wait_for(lambda: link.input == b"ls\r")
        link.unacknowledged = 1
        tab.send(b"rm x")
        await wait_for(lambda: link.input == b"ls\rrm x")
        if not is_planned:
            link.detach()
            tab.send(b"\r")
            assert tab.banner("ctrl+]").endswith(" — 5 keys wait")
        link.finish(End(LinkEnd.PEER_GONE, "the agent is shutting down"))
        await wait_for(lambda: isinstance(tab.state, Lost))
        if is_planned:
            tab.key_refused()
        tab.agent_there()
        await wait_for(lambda: tab.is_live)
        assert screen.shown[0].endswith(" · not sent: 5 keys")
        client.links[1].finish(End(LinkEnd.EXITED, status=0))
        await wait_for(lambda: isinstance(tab.state, TabEnded))
        tab.key_refused()  # told at once, and the next shell comes when the user wants it
        tab.retry()
        await wait_for(lambda: tab.is_live)
        assert "not sent" not in screen.shown[1]
