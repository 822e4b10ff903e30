"""The router: links, their ends, and what the other end is told."""

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from natpass_relay.clients import Client, Role
from natpass_relay.routing import EARLY_WINDOW, MOST_WINDOW, Command, Forward, Router, Send
from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, Data, LinkEnd, StreamAnswer, StreamOffer

AGENT, CONSOLE, LEGACY = Role.AGENT, Role.CONSOLE, Role.LEGACY


def request(to: str, link_id: str = "l1", **fields: object) -> Msg:
    return Msg(type=MsgType.connect_req, to=to, link_id=link_id, creq=ConnectRequest(name="r"), **fields)  # type: ignore[arg-type]


def answer(to: str, link_id: str = "l1", ok: bool = True) -> Msg:
    return Msg(type=MsgType.connect_rep, to=to, link_id=link_id, crep=ConnectResponse(ok=ok, msg="" if ok else "no"))


def data(to: str, link_id: str = "l1", content: bytes = b"x", from_id: str = "") -> Msg:
    return Msg(type=MsgType.forward, from_id=from_id, to=to, link_id=link_id, data=Data(data=content))


def disconnect(to: str, link_id: str = "l1") -> Msg:
    return Msg(type=MsgType.disconnect, to=to, link_id=link_id)


class Net:
    """A router with an agent `a`, a console `c`, and an open link `l1` between them."""

    def __init__(self, *, linked: bool = True, max_links: int = 16) -> None:
        self.router = Router(max_links)
        self.agent, self.console = Client("a", AGENT), Client("c", CONSOLE)
        self.router.add(self.agent)
        self.router.add(self.console)
        if linked:
            self.router.receive(self.console, request("a"))
            self.router.receive(self.agent, answer("c"))

    def add(self, client_id: str, role: Role, idx: int = 0) -> Client:
        client = Client(client_id, role, idx)
        self.router.add(client)
        return client


def only(commands: list[Command]) -> Command:
    assert len(commands) == 1, commands
    return commands[0]


def refusal(commands: list[Command]) -> tuple[Client, str, str, ConnectResponse.Reason]:
    command = only(commands)
    assert isinstance(command, Send)
    message = command.message
    assert message.type == MsgType.connect_rep
    assert not message.crep.ok
    return command.client, message.from_id, message.crep.msg, message.crep.reason


def test_a_link_carries_messages_both_ways_with_the_sender_stamped() -> None:
    net = Net()
    there = only(net.router.receive(net.console, data("a", from_id="somebody else")))
    back = only(net.router.receive(net.agent, data("c", from_id="a")))
    assert isinstance(there, Forward)
    assert isinstance(back, Forward)
    assert (there.client, there.message.from_id, there.as_it_came) == (net.agent, "c", False)
    assert (back.client, back.message.from_id, back.as_it_came) == (net.console, "a", True)


def test_unknown_fields_and_unknown_types_survive() -> None:
    net = Net()
    raw = data("a").SerializeToString() + b"\xfa\x3f\x03abc"  # field 1023
    command = only(net.router.receive(net.console, envelope.parse(raw)))
    assert b"\xfa\x3f\x03abc" in command.message.SerializeToString()
    unknown = Msg(type=77, to="a", link_id="l1")  # type: ignore[arg-type]  # a type that nobody has defined
    command = only(net.router.receive(net.console, unknown))
    assert isinstance(command, Forward)
    assert command.message.type == 77


@pytest.mark.parametrize(
    ("who", "message", "says", "reason"),
    [
        ("console", request("nobody", "l2"), "agent nobody is not connected", ConnectResponse.ABSENT),
        ("console", request("a"), "this link id is in use", ConnectResponse.IN_USE),
        ("agent", request("c", "l2"), "an agent opens no links", ConnectResponse.REFUSED),
        ("legacy", request("c", "l2"), "c is a console: it serves no links", ConnectResponse.REFUSED),
        ("console", request("c", "l2"), "c is a console: it serves no links", ConnectResponse.REFUSED),
        ("legacy", request("old", "l2"), "a link needs two ends", ConnectResponse.REFUSED),
        ("console", request("server", "l2"), "the relay serves no links", ConnectResponse.REFUSED),
        ("console", request("a\nb", "l2"), "agent a b is not connected", ConnectResponse.ABSENT),
    ],
)
def test_a_refusal_comes_at_once_in_the_target_s_name(
    who: str, message: Msg, says: str, reason: ConnectResponse.Reason
) -> None:
    net = Net()
    clients = {"console": net.console, "agent": net.agent, "legacy": net.add("old", LEGACY)}
    to = message.to
    assert refusal(net.router.receive(clients[who], message)) == (clients[who], to, says, reason)
    assert len(net.router) == 1


def test_a_link_id_is_in_use_in_both_directions() -> None:
    net = Net(linked=False)
    one, two = net.add("one", LEGACY), net.add("two", LEGACY)
    net.router.receive(one, request("two"))
    assert refusal(net.router.receive(two, request("one")))[3] == ConnectResponse.IN_USE


def test_a_refused_link_id_may_be_used_again() -> None:
    net = Net(linked=False)
    net.router.receive(net.console, request("a"))
    sent = only(net.router.receive(net.agent, answer("c", ok=False)))
    assert sent.client is net.console
    assert isinstance(only(net.router.receive(net.console, request("a"))), Send)


def test_links_of_one_port_are_bounded() -> None:
    net = Net(linked=False, max_links=2)
    for link_id in ("l1", "l2"):
        net.router.receive(net.console, request("a", link_id))
    assert refusal(net.router.receive(net.console, request("a", "l3")))[2] == "c has 2 links already"
    other = net.add("c2", CONSOLE)
    assert refusal(net.router.receive(other, request("a", "l3")))[2] == "a has 2 links already"


def test_a_third_party_can_t_speak_on_a_link() -> None:
    net = Net()
    thief = net.add("thief", LEGACY)
    for message in (data("a"), data("c"), disconnect("a"), answer("c", ok=False)):
        assert net.router.receive(thief, message) == []
    assert net.router.dropped == 4
    assert len(net.router) == 1


def test_only_the_target_answers_and_only_once() -> None:
    net = Net(linked=False)
    net.router.receive(net.console, request("a"))
    assert net.router.receive(net.console, answer("a", ok=False)) == []
    assert len(net.router.receive(net.agent, answer("c"))) == 1
    assert net.router.receive(net.agent, answer("c", ok=False)) == []
    assert len(net.router) == 1


@pytest.mark.parametrize(
    "kind", [MsgType.handshake, MsgType.keepalive, MsgType.notice, MsgType.roster, MsgType.invite, 0]
)
def test_what_belongs_between_client_and_relay_does_not_pass_a_link(kind: MsgType) -> None:
    net = Net()
    assert net.router.receive(net.console, Msg(type=kind, to="a", link_id="l1")) == []
    assert net.router.dropped == 1


def test_a_late_clean_up_leaves_the_successor_alone() -> None:
    net = Net()
    old = net.agent
    assert [send.message.end.cause for send in net.router.remove(old)] == [LinkEnd.PEER_GONE]
    new = net.add("a", AGENT)
    net.router.receive(net.console, request("a"))
    assert net.router.remove(old) == []
    assert net.router.receive(old, data("c")) == []
    assert only(net.router.receive(net.console, data("a"))).client is new


def test_the_end_of_a_port_is_told_once_in_its_name() -> None:
    net = Net()
    send = net.router.remove(net.console)[0]
    assert (send.client, send.message.from_id, send.message.link_id) == (net.agent, "c", "l1")
    assert send.message.end.text == "c is gone"
    assert net.router.receive(net.agent, disconnect("c")) == []


def test_one_id_and_index_is_one_port() -> None:
    net = Net()
    with pytest.raises(LocalProtocolError):
        net.add("a", AGENT)


def test_older_peers_are_told_apart_by_their_index() -> None:
    net = Net(linked=False)
    first, second = net.add("old", LEGACY, 1), net.add("old", LEGACY, 2)
    assert only(net.router.receive(net.console, request("old", "l1", to_idx=2))).client is second
    assert only(net.router.receive(net.console, request("old", "l2"))).client is first  # none is named: the lowest
    assert refusal(net.router.receive(net.console, request("old", "l3", to_idx=3)))[3] == ConnectResponse.ABSENT
    reply = only(net.router.receive(second, answer("c")))
    assert (reply.message.from_id, reply.message.from_idx) == ("old", 2)
    assert net.router.receive(first, data("c", "l1")) == []  # not its link
    net.router.remove(first)
    assert only(net.router.receive(net.console, data("old", "l1"))).client is second


def test_a_message_that_grows_too_long_ends_the_link_on_both_sides() -> None:
    net = Net(linked=False)
    long_id = "L" * 64
    opener = net.add(long_id, CONSOLE)
    net.router.receive(opener, request("a"))
    net.router.receive(net.agent, answer(long_id))
    message = data("a")
    while envelope.fits(message):
        message.data.data += bytes(1)
        if message.ByteSize() < 65_000:
            message.data.data += bytes(65_000 - message.ByteSize())
    message.data.data = message.data.data[:-1]
    assert envelope.fits(message)
    commands = net.router.receive(opener, message)
    assert {command.client for command in commands} == {opener, net.agent}
    assert all(c.message.type == MsgType.disconnect and c.message.end.cause == LinkEnd.FAILED for c in commands)
    assert len(net.router) == 0


def test_an_answer_that_would_not_fit_a_frame_is_not_sent() -> None:
    net = Net()
    assert net.router.receive(net.console, request("n" * 65_450, "l2")) == []
    assert net.router.dropped == 1


@pytest.mark.parametrize("link_id", ["", "x" * 65])
def test_a_bad_link_id_is_dropped(link_id: str) -> None:
    net = Net(linked=False)
    assert net.router.receive(net.console, request("a", link_id)) == []


@dataclass(eq=False)
class ModelLink:
    opener: Client
    target: Client
    link_id: str
    answered: bool = False
    told: dict[Client, int] = field(default_factory=dict)  # disconnects and refusals that each end has got

    @property
    def ends(self) -> set[Client]:
        return {self.opener, self.target}


IDS = ["a", "b", "c", "d"]
ROLES = {"a": AGENT, "b": AGENT, "c": CONSOLE, "d": LEGACY}


class RouterModel(RuleBasedStateMachine):
    """Ports come, go and are replaced; links open and end; anybody says anything."""

    def __init__(self) -> None:
        super().__init__()
        self.router = Router(max_links=3)
        self.clients: dict[str, Client] = {}
        self.gone: list[Client] = []
        self.routes: list[ModelLink] = []

    def find(self, one: str, other: str, link_id: str) -> ModelLink | None:
        return next(
            (k for k in self.routes if {p.client_id for p in k.ends} == {one, other} and k.link_id == link_id), None
        )

    @rule(client_id=st.sampled_from(IDS))
    def join_or_replace(self, client_id: str) -> None:
        if client_id in self.clients:
            self.leave(client_id)
        client = self.clients[client_id] = Client(client_id, ROLES[client_id])
        self.router.add(client)

    @rule(client_id=st.sampled_from(IDS))
    def leave(self, client_id: str) -> None:
        client = self.clients.pop(client_id, None)
        if client is None:
            return
        mine = [route for route in self.routes if client in route.ends]
        sends = self.router.remove(client)
        told = sorted((send.client.client_id, send.message.link_id) for send in sends)
        assert told == sorted(((route.ends - {client}).pop().client_id, route.link_id) for route in mine)
        assert all(send.message.from_id == client_id and send.client in self.clients.values() for send in sends)
        self.routes = [route for route in self.routes if route not in mine]
        self.gone.append(client)

    @rule(late=st.data())
    def late_clean_up(self, late: st.DataObject) -> None:
        if self.gone:
            client = late.draw(st.sampled_from(self.gone))
            assert self.router.remove(client) == []
            assert self.router.receive(client, data("a", from_id=client.client_id)) == []

    @rule(
        speaker=st.sampled_from(IDS),
        to=st.sampled_from([*IDS, "nobody"]),
        link_id=st.sampled_from(["l1", "l2"]),
        what=st.sampled_from(["open", "accept", "refuse", "data", "end"]),
    )
    def speak(self, speaker: str, to: str, link_id: str, what: str) -> None:
        client = self.clients.get(speaker)
        if client is None:
            return
        route = self.find(speaker, to, link_id)
        if route is not None and client not in route.ends:
            route = None
        messages = {
            "open": request(to, link_id),
            "accept": answer(to, link_id),
            "refuse": answer(to, link_id, ok=False),
            "data": data(to, link_id),
            "end": disconnect(to, link_id),
        }
        message = messages[what]
        commands = self.router.receive(client, message)
        assert all(c.message.from_id == (to if c.client is client else speaker) for c in commands)
        if what == "open":
            self.check_opening(client, to, link_id, commands)
            return
        may_answer = route is not None and client is route.target and not route.answered
        if route is None or (what in {"accept", "refuse"} and not may_answer):
            assert commands == []
            return
        assert [c.client for c in commands] == [(route.ends - {client}).pop()]
        route.answered |= what == "accept"
        if what in {"refuse", "end"}:
            self.routes.remove(route)

    def check_opening(self, client: Client, to: str, link_id: str, commands: list[Command]) -> None:
        target = self.clients.get(to)
        full = any(sum(p in route.ends for route in self.routes) >= 3 for p in (client, target) if p is not None)
        allowed = (
            target is not None
            and target is not client
            and client.role is not AGENT
            and target.role is not CONSOLE
            and self.find(client.client_id, to, link_id) is None
            and not full
        )
        command = only(commands)
        if allowed and target is not None:
            assert command.client is target
            assert command.message.type == MsgType.connect_req
            self.routes.append(ModelLink(client, target, link_id))
        else:
            assert refusal(commands)[0] is client

    @invariant()
    def agrees(self) -> None:
        assert len(self.router) == len(self.routes)
        for client in self.clients.values():
            assert self.router.routes_of(client) == sum(client in route.ends for route in self.routes)


TestRouterModel = RouterModel.TestCase


# parting two ends


def test_links_between_two_are_ended_for_the_sake_of_others() -> None:
    net = Net()
    other = net.add("c2", CONSOLE)
    net.router.receive(net.console, request("a", "l2"))
    net.router.receive(other, request("a", "l3"))
    sends = net.router.part(net.agent, net.console, "too slow")
    assert sends is not None
    told = {(send.client, send.message.link_id, send.message.from_id) for send in sends}
    assert told == {
        (client, link_id, sender)
        for link_id in ("l1", "l2")
        for client, sender in ((net.agent, "c"), (net.console, "a"))
    }
    assert {(s.message.type, s.message.end.cause, s.message.end.text) for s in sends} == {
        (MsgType.disconnect, LinkEnd.FAILED, "too slow")
    }
    assert [net.router.routes_of(client) for client in (net.agent, net.console, other)] == [1, 0, 1]
    assert net.router.receive(net.agent, data("c")) == []


def test_who_has_no_other_links_is_not_parted() -> None:
    net = Net()
    assert net.router.part(net.agent, net.console, "too slow") is None
    assert len(net.router) == 1


def test_who_waits_for_one_without_a_link_loses_none() -> None:
    net = Net()
    other = net.add("c2", CONSOLE)
    assert net.router.part(net.agent, other, "too slow") == []
    assert len(net.router) == 1
    assert net.router.part(other, net.console, "too slow") == []


def test_who_has_too_much_to_take_gets_no_new_links() -> None:
    full: set[Client] = set()
    router = Router(is_full=lambda _opener, target: target in full)
    agent, console = Client("a", AGENT), Client("c", CONSOLE)
    router.add(agent)
    router.add(console)
    router.receive(console, request("a", "l1"))
    full.add(agent)
    client, sender, text, reason = refusal(router.receive(console, request("a", "l2")))
    assert (client, sender, reason) == (console, "a", ConnectResponse.FAILED)
    assert text == "a does not keep up with what it is sent"
    assert len(router) == 1
    full.clear()
    assert isinstance(only(router.receive(console, request("a", "l2"))), Send)


def test_whatever_the_relay_says_of_links_fits_into_a_frame() -> None:
    widest, link_id = "\N{GRINNING FACE}" * 63, "l" * 64
    router = Router()
    agent, console, other = Client(widest + "a", AGENT), Client(widest + "c", CONSOLE), Client(widest + "d", CONSOLE)
    for client in (agent, console, other):
        router.add(client)
    router.receive(other, request(agent.client_id, link_id))
    router.receive(console, request(agent.client_id, link_id))
    told: list[Command] = [*(router.part(agent, console, f"{console.client_id} does not keep up") or [])]
    router.receive(console, request(agent.client_id, link_id))
    told += router.remove(console)
    assert len(told) == 3
    told += router.receive(other, request("\N{GRINNING FACE}" * 16_000, link_id))
    told += router.receive(other, request("\N{GRINNING FACE}" * 16_380, link_id))  # an answer in its name does not fit
    assert all(envelope.fits(command.message) for command in told)


def test_a_request_that_comes_too_often_is_not_forwarded_and_may_come_again() -> None:
    asked: list[tuple[Client, Client]] = []

    def admit(opener: Client, target: Client, message: Msg) -> str:
        asked.append((opener, target))
        message.creq.origin = b"here"
        return "" if message.link_id == "l1" else "not now"

    router, agent, console = Router(admit=admit), Client("a", AGENT), Client("c", CONSOLE)
    router.add(agent)
    router.add(console)
    sent = only(router.receive(console, request("a")))
    assert isinstance(sent, Send)
    assert (sent.client, sent.message.creq.origin) == (agent, b"here")
    refused = refusal(router.receive(console, request("a", "l2")))
    assert refused == (console, "a", "not now", ConnectResponse.RETRY)
    assert len(router) == 1
    router.receive(console, request("nobody", "l3"))
    assert asked == [(console, agent)] * 2


# windows, and links that are cut


@pytest.mark.parametrize(
    ("told", "window"), [(0, MOST_WINDOW), (1, 1), (MOST_WINDOW, MOST_WINDOW), (2**32 - 1, MOST_WINDOW)]
)
def test_each_end_tells_what_may_wait_for_it(told: int, window: int) -> None:
    net = Net(linked=False)
    offer = ConnectRequest(kind=ConnectRequest.stream, offer=StreamOffer(version=1, window=told))
    asked = only(net.router.receive(net.console, Msg(type=MsgType.connect_req, to="a", link_id="s", creq=offer)))
    route = asked.route
    assert route is not None
    assert (route.is_stream, route.window_of(net.console), route.window_of(net.agent)) == (True, window, EARLY_WINDOW)
    accepted = ConnectResponse(ok=True, answer=StreamAnswer(version=1, window=told))
    net.router.receive(net.agent, Msg(type=MsgType.connect_rep, to="c", link_id="s", crep=accepted))
    assert (route.window_of(net.console), route.window_of(net.agent)) == (window, window)


def test_a_link_is_cut_once_and_both_ends_are_told() -> None:
    net = Net()
    route = only(net.router.receive(net.agent, data("c"))).route
    assert route is not None
    sends = net.router.cut(route, "too much")
    told = [(send.client, send.message.from_id, send.message.end.text, send.route) for send in sends]
    assert told == [(net.console, "a", "too much", route), (net.agent, "c", "too much", route)]
    assert net.router.cut(route, "too much") == []
    assert net.router.receive(net.console, data("a")) == []


def test_no_client_sends_link_hold() -> None:
    net = Net()
    assert net.router.receive(net.console, Msg(type=MsgType.link_hold, to="a", link_id="l1")) == []
