"""The links of two clients, against each other and against anything else that may come."""

import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError
from natpass_wire.links import (
    MAX_LINKS,
    End,
    LinkAsked,
    LinkEnded,
    LinkHeld,
    LinkOpened,
    LinkPhase,
    LinkReceived,
    LinkState,
    LinkTable,
    Refuse,
)
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, ConnectShell, LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData

REQUEST = ConnectRequest(name="s", kind=ConnectRequest.shell, cshell=ConnectShell(exec="sh"))


def tables() -> tuple[LinkTable, LinkTable]:
    return LinkTable("c", accepts=False), LinkTable("a", accepts=True)


def open_link(opener: LinkTable, target: LinkTable, link_id: str = "f0") -> tuple[LinkState, LinkState]:
    ours, request = opener.open("a", link_id, REQUEST)
    asked = target.receive(request)
    assert isinstance(asked, LinkAsked)
    opened = opener.receive(target.accept(asked.link))
    assert opened == LinkOpened(ours)
    return ours, asked.link


def test_the_relay_holds_an_open_link_and_no_other() -> None:
    opener, target = tables()
    ours, _ = open_link(opener, target)
    hold = Msg(type=MsgType.link_hold, from_id="a", to="c", link_id="f0")
    hold.hold.on = True
    assert opener.receive(hold) == LinkHeld(ours, on=True)
    hold.hold.on = False
    assert opener.receive(hold) == LinkHeld(ours, on=False)
    opener.end(ours, End(LinkEnd.CLOSED))
    assert opener.receive(hold) is None
    assert opener.dropped == 1


def test_a_link_from_open_to_end() -> None:
    opener, target = tables()
    ours, request = opener.open("a", "f0", REQUEST)
    assert (request.type, request.from_id, request.to, request.link_id) == (MsgType.connect_req, "c", "a", "f0")
    assert request.creq == REQUEST
    asked = target.receive(request)
    assert isinstance(asked, LinkAsked)
    theirs = asked.link
    assert (theirs.peer, theirs.link_id, theirs.state) == ("c", "f0", LinkPhase.ASKED)
    reply = target.accept(theirs)
    assert (reply.type, reply.from_id, reply.to, reply.link_id, reply.crep.ok) == (
        MsgType.connect_rep,
        "a",
        "c",
        "f0",
        True,
    )
    assert opener.receive(reply) == LinkOpened(ours)
    data = Msg(type=MsgType.shell_data, sdata=ShellData(data=b"x"))
    assert target.receive(opener.message(ours, data)) == LinkReceived(theirs, data)
    assert opener.receive(target.message(theirs, data)) == LinkReceived(ours, data)
    last = target.end(theirs, End(LinkEnd.EXITED, "exit status 3", 3))
    assert last is not None
    assert target.end(theirs, End()) is None
    assert opener.receive(last) == LinkEnded(ours)
    assert ours.end == theirs.end == End(LinkEnd.EXITED, "exit status 3", 3)
    assert len(opener) == len(target) == 0


def test_a_refusal_has_its_reason() -> None:
    opener, target = tables()
    ours, request = opener.open("a", "f0", REQUEST)
    asked = target.receive(request)
    assert isinstance(asked, LinkAsked)
    refusal = target.refuse(asked.link, "no such program: foo", ConnectResponse.FAILED)
    assert opener.receive(refusal) == LinkEnded(ours)
    assert ours.end == End(LinkEnd.FAILED, "no such program: foo", reason=ConnectResponse.FAILED)
    assert len(opener) == len(target) == 0


def test_the_relay_answers_for_an_absent_target() -> None:
    opener, _ = tables()
    ours, _request = opener.open("a", "f0", REQUEST)
    crep = ConnectResponse(ok=False, msg="agent a is not connected", reason=ConnectResponse.ABSENT)
    reply = Msg(type=MsgType.connect_rep, from_id="server", to="c", link_id="f0", crep=crep)
    assert opener.receive(reply) == LinkEnded(ours)
    assert ours.end == End(LinkEnd.FAILED, "agent a is not connected", reason=ConnectResponse.ABSENT)


def test_an_existing_peer_says_why_or_nothing() -> None:
    opener, target = tables()
    ours, _ = opener.open("a", "f0", REQUEST)
    opener.receive(Msg(type=MsgType.connect_rep, from_id="a", link_id="f0"))
    assert ours.end is not None
    assert ours.end.text == "refused without a reason"
    ours, _theirs = open_link(opener, target)
    assert opener.receive(Msg(type=MsgType.disconnect, from_id="a", link_id="f0")) == LinkEnded(ours)
    assert ours.end == End()


def test_an_existing_relay_says_in_its_own_name_that_the_other_end_is_gone() -> None:
    opener, target = tables()
    ours, _ = open_link(opener, target)
    assert opener.receive(Msg(type=MsgType.disconnect, from_id="server", link_id="f0")) == LinkEnded(ours)
    assert ours.end == End(LinkEnd.PEER_GONE, "a is gone")
    ours, _ = opener.open("a", "f0", REQUEST)
    assert opener.receive(Msg(type=MsgType.disconnect, from_id="server", link_id="f0")) == LinkEnded(ours)
    assert ours.end == End(LinkEnd.PEER_GONE, "a is gone")


def test_who_serves_nothing_says_so() -> None:
    opener, other = LinkTable("c", accepts=False), LinkTable("d", accepts=False)
    _, request = opener.open("d", "f0", REQUEST)
    answer = other.receive(request)
    assert isinstance(answer, Refuse)
    assert (answer.reply.to, answer.reply.link_id) == ("c", "f0")
    assert answer.reply.crep == ConnectResponse(msg="d serves no links", reason=ConnectResponse.REFUSED)
    assert len(other) == 0


def test_an_id_in_use_is_refused_and_the_link_goes_on() -> None:
    opener, target = tables()
    ours, theirs = open_link(opener, target)
    again = opener.message(ours, Msg(type=MsgType.connect_req, creq=REQUEST))
    answer = target.receive(again)
    assert isinstance(answer, Refuse)
    assert "in use" in answer.reply.crep.msg
    assert theirs.state is LinkPhase.OPEN
    with pytest.raises(LocalProtocolError):
        opener.open("a", "f0", REQUEST)
    other, _ = opener.open("b", "f0", REQUEST)  # an id is unique with one peer only
    assert other is not ours


def test_a_late_clean_up_does_not_touch_the_successor() -> None:
    opener, target = tables()
    old, theirs = open_link(opener, target)
    disconnect = target.end(theirs, End(LinkEnd.EXITED))
    assert disconnect is not None
    opener.receive(disconnect)
    new, _ = open_link(opener, target)
    assert opener.end(old, End(LinkEnd.CLOSED)) is None
    assert new.state is LinkPhase.OPEN
    assert len(opener) == 1


def test_strangers_cannot_speak_on_a_link() -> None:
    opener, target = tables()
    _ours, theirs = open_link(opener, target)
    for kind in (MsgType.shell_data, MsgType.disconnect, MsgType.connect_rep):
        assert target.receive(Msg(type=kind, from_id="eve", link_id="f0")) is None
    assert target.dropped == 3
    assert theirs.state is LinkPhase.OPEN


def test_data_is_for_open_links_only() -> None:
    opener, target = tables()
    ours, request = opener.open("a", "f0", REQUEST)
    data = Msg(type=MsgType.shell_data, from_id="a", link_id="f0")
    assert opener.receive(data) is None
    asked = target.receive(request)
    assert isinstance(asked, LinkAsked)
    assert target.receive(opener.message(ours, Msg(type=MsgType.shell_data))) is None
    assert (opener.dropped, target.dropped) == (1, 1)
    reply = target.accept(asked.link)
    assert opener.receive(reply) == LinkOpened(ours)
    assert opener.receive(reply) is None  # a second yes says nothing
    with pytest.raises(LocalProtocolError):
        target.accept(asked.link)


def test_an_opener_may_give_up_before_the_answer() -> None:
    opener, target = tables()
    ours, request = opener.open("a", "f0", REQUEST)
    asked = target.receive(request)
    assert isinstance(asked, LinkAsked)
    gone = opener.end(ours, End(LinkEnd.CLOSED))
    assert gone is not None
    assert target.receive(gone) == LinkEnded(asked.link)
    with pytest.raises(LocalProtocolError):
        target.accept(asked.link)
    with pytest.raises(LocalProtocolError):
        target.refuse(asked.link, "x", ConnectResponse.FAILED)


def test_links_are_bounded() -> None:
    opener, target = tables()
    for number in range(MAX_LINKS):
        _, request = opener.open("a", f"{number:x}", REQUEST)
        assert isinstance(target.receive(request), LinkAsked)
    with pytest.raises(LocalProtocolError):
        opener.open("a", "more", REQUEST)
    answer = target.receive(Msg(type=MsgType.connect_req, from_id="c", link_id="more"))
    assert isinstance(answer, Refuse)
    assert "links already" in answer.reply.crep.msg
    ended = opener.end_all(End(LinkEnd.PEER_GONE, "gone"))
    assert len(ended) == MAX_LINKS
    assert len(opener) == 0
    assert {link.state for link in ended} == {LinkPhase.ENDED}


@pytest.mark.parametrize(
    ("from_id", "link_id"), [("server", "f0"), ("", "f0"), ("c", ""), ("c", "x" * 65), ("a\nb", "f0")]
)
def test_requests_from_nowhere_are_dropped(from_id: str, link_id: str) -> None:
    _, target = tables()
    assert target.receive(Msg(type=MsgType.connect_req, from_id=from_id, link_id=link_id)) is None
    assert target.dropped == 1
    assert len(target) == 0


def test_an_older_peer_is_answered_on_the_connection_it_asked_from() -> None:
    _, target = tables()
    asked = target.receive(Msg(type=MsgType.connect_req, from_id="c", from_idx=3, link_id="f0"))
    assert isinstance(asked, LinkAsked)
    assert target.accept(asked.link).to_idx == 3


def test_reasons_are_short_enough_and_safe_wherever_they_come_from() -> None:
    """What a peer sent may be part of our reason: it must not make a message that no frame carries."""
    opener, target = tables()
    _, request = opener.open("a", "f0", REQUEST)
    asked = target.receive(request)
    assert isinstance(asked, LinkAsked)
    refusal = target.refuse(asked.link, "cannot run \x1b[2J\udcff" + "x" * 70_000, ConnectResponse.FAILED)
    assert envelope.fits(refusal)
    assert refusal.crep.msg.isprintable()
    ours, _ = opener.open("a", "f1", REQUEST)
    last = opener.end(ours, End(LinkEnd.FAILED, "y" * 70_000))
    assert last is not None
    assert envelope.fits(last)


@given(st.text(max_size=300), st.sampled_from(LinkEnd.Cause.values()), st.none() | st.integers(-64, 255))
def test_an_end_survives_the_wire(text: str, cause: LinkEnd.Cause, status: int | None) -> None:
    end = End(cause, text, status)
    received = End.from_message(envelope.parse(Msg(type=MsgType.disconnect, end=end.to_message()).SerializeToString()))
    assert (received.cause, received.status) == (cause, status)
    assert len(received.text) <= 200
    if text.isprintable() and len(text) <= 200:
        assert received.text == text


class TwoClients(RuleBasedStateMachine):
    """A console and an agent, with a wire between them that delays but does not reorder or lose.

    Whenever the wire is empty, both agree about which links there are, and data arrived once and in order.
    """

    both = Bundle("both")

    def __init__(self) -> None:
        super().__init__()
        self.console, self.agent = LinkTable("c", accepts=False), LinkTable("a", accepts=True)
        self.to_agent: deque[bytes] = deque()
        self.to_console: deque[bytes] = deque()
        self.links: dict[str, LinkState] = {}
        self.asked: dict[str, LinkState] = {}
        self.sent: dict[tuple[str, str], list[bytes]] = {}
        self.received: dict[tuple[str, str], list[bytes]] = {}
        self.count = 0

    @rule(target=both)
    def open(self) -> str:
        self.count += 1
        link_id = f"{self.count:016x}"
        self.links[link_id], message = self.console.open("a", link_id, REQUEST)
        self.to_agent.append(message.SerializeToString())
        return link_id

    @rule(link_id=both, accept=st.booleans())
    def answer(self, link_id: str, accept: bool) -> None:
        link = self.asked.get(link_id)
        if link is not None and link.state is LinkPhase.ASKED:
            reply = self.agent.accept(link) if accept else self.agent.refuse(link, "no", ConnectResponse.FAILED)
            self.to_console.append(reply.SerializeToString())

    @rule(link_id=both, by_agent=st.booleans(), data=st.binary(min_size=1, max_size=3))
    def send(self, link_id: str, by_agent: bool, data: bytes) -> None:
        table, link, wire = self.side(by_agent, link_id)
        if link is not None and link.state is LinkPhase.OPEN:
            message = table.message(link, Msg(type=MsgType.shell_data, sdata=ShellData(data=data)))
            wire.append(message.SerializeToString())
            self.sent.setdefault((message.from_id, link_id), []).append(data)

    @rule(link_id=both, by_agent=st.booleans())
    def end(self, link_id: str, by_agent: bool) -> None:
        table, link, wire = self.side(by_agent, link_id)
        if link is not None and (last := table.end(link, End(LinkEnd.CLOSED, "done"))) is not None:
            wire.append(last.SerializeToString())

    @rule(steps=st.integers(1, 8), agent_first=st.booleans())
    def deliver(self, steps: int, agent_first: bool) -> None:
        for _ in range(steps):
            self.deliver_one(to_agent=agent_first)
            self.deliver_one(to_agent=not agent_first)

    def side(self, by_agent: bool, link_id: str) -> tuple[LinkTable, LinkState | None, deque[bytes]]:
        if by_agent:
            return self.agent, self.asked.get(link_id), self.to_console
        return self.console, self.links[link_id], self.to_agent

    def deliver_one(self, *, to_agent: bool) -> None:
        wire, table = (self.to_agent, self.agent) if to_agent else (self.to_console, self.console)
        if not wire:
            return
        match table.receive(envelope.parse(wire.popleft())):
            case LinkAsked(link, request):
                assert to_agent
                assert request == REQUEST
                self.asked[link.link_id] = link
            case LinkOpened(link):
                assert self.links[link.link_id] is link
                assert link.state is LinkPhase.OPEN
            case LinkEnded(link):
                assert link.end is not None
                assert link.state is LinkPhase.ENDED
            case LinkReceived(link, message):
                self.received.setdefault((message.from_id, link.link_id), []).append(message.sdata.data)
            case Refuse():
                raise AssertionError("no id is used twice here")

    @invariant()
    def nothing_is_made_up_or_reordered(self) -> None:
        for key, received in self.received.items():
            assert self.sent[key][: len(received)] == received

    @invariant()
    def both_agree_when_nothing_is_under_way(self) -> None:
        if self.to_agent or self.to_console:
            return
        for link_id, link in self.links.items():
            theirs = self.asked[link_id]
            both = {link.state, theirs.state}
            assert both in ({LinkPhase.OPENING, LinkPhase.ASKED}, {LinkPhase.OPEN}, {LinkPhase.ENDED})
        assert len(self.console) == len(self.agent)


TestTwoClients = TwoClients.TestCase


@given(st.integers(0, 2**32), st.booleans())
def test_anything_may_come(seed: int, accepts: bool) -> None:
    chance = random.Random(seed)
    table = LinkTable("me", accepts=accepts)
    ours = [table.open(peer, link_id, REQUEST)[0] for peer in "ab" for link_id in ("f0", "f1")]
    for _ in range(60):
        message = Msg(
            type=MsgType.Name(chance.choice(MsgType.values())),
            from_id=chance.choice(["a", "b", "c", "server", "", "me"]),
            link_id=chance.choice(["f0", "f1", "f2", ""]),
            crep=ConnectResponse(ok=chance.random() < 0.5),
        )
        event = table.receive(envelope.parse(message.SerializeToString()))
        match event:
            case LinkAsked(link) if chance.random() < 0.5:
                table.accept(link)
            case LinkEnded(link):
                assert table.end(link, End()) is None
            case Refuse(reply):
                assert reply.to == message.from_id
    assert all(link.end is not None for link in ours if link.state is LinkPhase.ENDED)
    assert all(link.end is None for link in ours if link.state is not LinkPhase.ENDED)
