"""What the agent does with the links that it is asked for; without a network."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from natpass_agent.agent import Agent
from natpass_agent.authorized import FILE, AuthorizedConsolesFile
from natpass_agent.links.kind import Kind, Limits
from natpass_agent.links.running import Running
from natpass_agent.platform.host import HostFacts
from natpass_wire.aio.dial import LegacyLogin, RelayAddress, RelayTarget
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.identity.keys import PublicKey
from natpass_wire.links import End
from natpass_wire.login.keys import LoginKey
from natpass_wire.login.legacy import Dialect
from natpass_wire.login.v2 import Claims
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program.state import StateDir
from natpass_wire.stream.places import listed
from natpass_wire.version import __version__
from tests.agent.fake_link import FakeOpener
from tests.support.waiting import patience, wait_for

pytestmark = pytest.mark.both_loops

CLAIMS = Claims("agent", Role.ROLE_AGENT, (), "test", bytes(16))
TARGET = RelayTarget(RelayAddress("127.0.0.1", 1), tls=False, claims=CLAIMS, login=LoginKey(bytes(32)))
Serve = Callable[[IncomingLink, ConnectRequest], object]


class Server:
    """A kind that does what the link's name says."""

    kind = Kind(
        number=ConnectRequest.bench,
        wire_name="bench",
        name="bench",
        make_server=lambda _: Server(),
        limits=Limits(answer_seconds=0.1),
    )

    def __init__(self) -> None:
        self.ended = 0
        self.rights: Rights | None = None

    def running(self, link: Link) -> Running | None:
        return None

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        self.rights = rights
        try:
            await self._serve(link, request.name)
        finally:
            self.ended += 1

    async def _serve(self, link: IncomingLink, what: str) -> None:
        match what:
            case "fail at once":
                raise RuntimeError(what)
            case "return at once":
                return
            case "never answer":
                await asyncio.Event().wait()
        link.accept()
        match what:
            case "fail":
                raise RuntimeError(what)
            case "return":
                return
        await link.ended()


@pytest.fixture
def kind() -> Server:
    return Server()


@pytest.fixture
async def agent(kind: Server) -> AsyncIterator[Agent]:
    """An agent whose relay is never there."""
    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"), max_links=3)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(agent.run())
        yield agent
        run.cancel()


def ask(agent: Agent, what: str, kind: ConnectRequest.Kind = ConnectRequest.bench) -> FakeOpener:
    opener = FakeOpener(ConnectRequest(name=what, kind=kind))
    agent._asked(opener.link, opener.request)
    return opener


async def answer(opener: FakeOpener) -> ConnectResponse:
    found = await wait_for(lambda: opener.answer)
    assert found is not None
    return found


async def test_a_link_is_served_until_it_ends(agent: Agent, kind: Server) -> None:
    opener = ask(agent, "serve")
    assert (await answer(opener)).ok
    assert len(list(agent.links)) == 1
    opener.hang_up()
    await wait_for(lambda: len(list(agent.links)) == 0)
    assert kind.ended == 1


async def test_a_kind_that_is_not_served_is_refused_with_the_reason(agent: Agent) -> None:
    refused = await answer(ask(agent, "serve", ConnectRequest.vnc))
    assert not refused.ok
    assert refused.msg == "this agent does not serve vnc links (it serves: bench)"
    assert refused.reason == ConnectResponse.REFUSED


async def test_more_links_than_the_limit_are_refused_until_one_ends(agent: Agent) -> None:
    openers = [ask(agent, "serve") for _ in range(4)]
    assert [(await answer(opener)).ok for opener in openers] == [True, True, True, False]
    openers[0].hang_up()
    await wait_for(lambda: len(list(agent.links)) == 2)
    assert (await answer(ask(agent, "serve"))).ok


@pytest.mark.parametrize("what", ["fail at once", "return at once"])
async def test_a_server_that_ends_without_an_answer_refuses(agent: Agent, what: str, quiet_loop: list[str]) -> None:
    refused = await answer(ask(agent, what))
    assert not refused.ok
    assert refused.msg
    assert len(quiet_loop) == ("fail" in what)


@pytest.mark.parametrize(("what", "cause"), [("fail", LinkEnd.FAILED), ("return", LinkEnd.CLOSED)])
async def test_a_server_that_ends_ends_its_link_and_no_other(
    agent: Agent, what: str, cause: LinkEnd.Cause, quiet_loop: list[str]
) -> None:
    other = ask(agent, "serve")
    opener = ask(agent, what)
    end = await wait_for(lambda: opener.end)
    assert end is not None
    assert end.cause == cause
    assert len(list(agent.links)) == 1
    assert other.end is None
    assert len(quiet_loop) == (what == "fail")


async def test_every_link_is_answered_in_time(agent: Agent, kind: Server) -> None:
    opener = ask(agent, "never answer")
    refused = await answer(opener)
    assert not refused.ok
    assert "too busy" in refused.msg
    with pytest.raises(LinkEndedError):
        opener.link.accept()


async def test_a_stopping_agent_says_so_on_every_link(kind: Server) -> None:
    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"))
    async with asyncio.timeout(patience()), asyncio.TaskGroup() as group:
        run = group.create_task(agent.run())
        opener, waiting = ask(agent, "serve"), ask(agent, "never answer")
        await answer(opener)
        run.cancel()
        await wait_for(lambda: opener.end)
        late = ask(agent, "serve")
    assert opener.end is not None
    assert opener.end.text == "the agent is shutting down"
    assert (await answer(waiting)).msg == "the agent is shutting down"
    assert (await answer(late)).msg == "the agent is shutting down"
    assert kind.ended == 2


async def test_a_console_without_rights_is_refused_with_the_reason(kind: Server) -> None:
    keys: list[bytes | None] = []

    def rights_of(key: bytes | None) -> Rights | str:
        keys.append(key)
        return "not you"

    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"), rights_of=rights_of)
    refused = await answer(ask(agent, "serve"))
    assert (refused.ok, refused.msg, refused.reason) == (False, "not you", ConnectResponse.REFUSED)
    assert keys == [None]
    assert kind.rights is None


@pytest.mark.parametrize("rights", [Rights(frozenset({"shell"})), Rights(read_only=True)])
async def test_a_console_does_what_its_key_may_do_and_no_more(kind: Server, rights: Rights) -> None:
    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"), rights_of=lambda _: rights)
    refused = await answer(ask(agent, "serve"))
    assert refused.msg.startswith("your console's key may")
    assert kind.rights is None


async def test_a_kind_is_told_what_its_opener_may_do(kind: Server) -> None:
    rights = Rights(frozenset({"bench"}))
    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"), rights_of=lambda _: rights)
    opener = ask(agent, "return")
    assert (await answer(opener)).ok
    await wait_for(lambda: opener.end)
    assert kind.rights is rights


async def test_what_a_console_may_no_longer_do_is_ended_at_the_second_look(kind: Server) -> None:
    """At the first one an editor may be writing the file."""
    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"))
    opener = ask(agent, "serve")
    await answer(opener)
    agent.review(lambda _: "you have left")
    agent.review(lambda _: ALL)
    agent.review(lambda _: "you have left")
    assert opener.end is None
    agent.review(lambda _: "you have left")
    end = await wait_for(lambda: kind.ended and opener.end)
    assert isinstance(end, End)
    assert (end.cause, end.text) == (LinkEnd.FAILED, "you have left")


@pytest.mark.parametrize("options", ["", 'expiry-time="2999-01-01" '])
async def test_one_look_at_the_file_is_for_all_links(
    kind: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    """Looks are counted: a network's file system may need a while for each."""
    state = StateDir(tmp_path)
    state.replace(FILE, f"{options}{PublicKey(bytes(32))} one\n".encode())
    consoles = AuthorizedConsolesFile.at(None, state, "box")
    consoles.begin()
    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"))
    openers = [ask(agent, "serve") for _ in range(20)]
    for opener in openers:
        assert (await answer(opener)).ok
    looks = 0
    lstat = Path.lstat

    def count(self: Path) -> os.stat_result:
        nonlocal looks
        looks += 1
        return lstat(self)

    monkeypatch.setattr(Path, "lstat", count)
    agent.review(consoles.look())
    assert looks == 1
    agent.review(consoles.look())
    assert looks == 2
    await wait_for(lambda: all(opener.end for opener in openers), "links that are not sealed, as the file wants")


@pytest.mark.parametrize(
    ("then", "now", "says"),
    [
        (ALL, Rights(frozenset({"shell"})), "your console's key may not do this here"),
        (ALL, Rights(read_only=True), "may only look at the desktop"),
        (Rights(read_only=True), Rights(read_only=True), ""),
        (Rights(read_only=True), ALL, ""),
        (Rights(frozenset({"bench"})), Rights(frozenset({"bench", "shell"})), ""),
        (ALL, ALL, ""),
    ],
)
async def test_rights_that_grow_end_nothing_and_rights_that_shrink_do(
    kind: Server, monkeypatch: pytest.MonkeyPatch, then: Rights, now: Rights, says: str
) -> None:
    monkeypatch.setattr(Server, "kind", replace(Server.kind, read_only=None))
    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"), rights_of=lambda _: then)
    opener = ask(agent, "serve")
    await answer(opener)
    agent.review(lambda _: now)
    agent.review(lambda _: now)
    if says:
        end = await wait_for(lambda: opener.end)
        assert end is not None
        assert says in end.text
    else:
        assert opener.end is None
        opener.hang_up()
    await wait_for(lambda: not list(agent.links))


def test_the_roster_is_told_what_this_machine_is_and_serves(kind: Server) -> None:
    about = Agent(TARGET, kinds=[kind], facts=HostFacts("box", "Debian 12 x86_64", "root")).about()
    assert (about.host, about.os, about.user) == ("box", "Debian 12 x86_64", "root")
    assert about.version == __version__
    assert about.serves == ["bench"]


class SentOnly:
    client_id = "agent"

    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, message: object) -> None:
        self.sent.append(message)


def test_an_existing_relay_gets_no_message_that_it_does_not_know(kind: Server) -> None:
    session = SentOnly()
    legacy = RelayTarget(TARGET.address, tls=False, claims=CLAIMS, login=LegacyLogin(Dialect.MD5, "secret"))
    Agent(legacy, kinds=[kind])._introduce(session)  # type: ignore[arg-type]  # all that `_introduce` uses of a connection
    assert session.sent == []
    Agent(TARGET, kinds=[kind])._introduce(session)  # type: ignore[arg-type]  # all that `_introduce` uses of a connection
    assert len(session.sent) == 1


@pytest.fixture
async def quiet_loop() -> list[str]:
    """Return what the loop's exception handler is told, instead of having it logged."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
    return told


async def test_refusals_that_repeat_are_counted_not_written(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(100):
        await answer(ask(agent, "serve", ConnectRequest.vnc))
    for _ in range(100):
        opener = FakeOpener(ConnectRequest(kind=ConnectRequest.shell))
        agent._asked_plainly(opener.link, opener.request)
    assert [line.partition(":")[0] for line in caplog.messages if "refused" in line] == [
        "refused a link",
        "refused an unsealed shell link; the last one was of opener",
    ]


async def test_a_link_goes_for_another_owners(kind: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain link, too: what runs for it ends, and its opener is told why."""
    agent = Agent(TARGET, kinds=[kind], facts=HostFacts("h", "o", "u"), max_links=2)
    openers = [ask(agent, "serve") for _ in range(2)]
    assert all([(await answer(opener)).ok for opener in openers])
    monkeypatch.setattr(agent.client.streams, "owner_of", lambda _link: listed(b"admin"))  # as of a stream
    assert (await answer(ask(agent, "serve"))).ok
    end = await wait_for(lambda: openers[1].end)
    assert end is not None
    assert (end.cause, end.text) == (LinkEnd.PEER_GONE, "its place was needed for somebody else")
    assert openers[0].end is None
    for link in agent.links:
        agent.end(link, "")
    await wait_for(lambda: not list(agent.links))
