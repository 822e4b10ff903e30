"""Routing: which message goes where, by the links between clients.

A `connect_req` registers a link as (opener, target, link id), which is unique. Only its two ends may send on it. The
router compares them by identity, never by id, so that leftovers of a replaced client can't touch its successor. A link
ends once: with a `disconnect`, a refusing `connect_rep`, or the end of a client.

    message in -> `Router.receive` -> commands out (`Send`, `Forward`)
"""

# Why: docs/decisions/004-links-are-objects.md
# Why: docs/decisions/067-links-are-made-cheaply.md

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from natpass_relay.clients import Client, Role
from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError
from natpass_wire.ids import RELAY_ID, link_id_fault
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.text import printable

#: Links of one client at most, as opener and target together; bounds our memory.
MAX_LINKS = 4096

#: Bytes that wait for one end of a stream's link at most: what that end has told, and this if it told nothing. Before
#: the answer no honest opener sends more than its hello. The largest credit of our streams is 8 MiB, a record has 1 KiB
#: of content or more (`natpass_wire.stream`), and a frame around it less than a quarter of that.
MOST_WINDOW = 10 * 1024 * 1024
EARLY_WINDOW = 64 * 1024

#: Read once: a lookup in a protobuf enum costs as much as a small parse.
_CONNECT_REQ, _CONNECT_REP, _DISCONNECT = MsgType.connect_req, MsgType.connect_rep, MsgType.disconnect
_STREAM, _REFUSED = ConnectRequest.stream, ConnectResponse.REFUSED

#: Types that are for a client and its relay only: on a link they are dropped.
_NOT_ON_LINKS = frozenset(
    {
        MsgType.unknown,
        MsgType.handshake,
        MsgType.keepalive,
        MsgType.ping,
        MsgType.pong,
        MsgType.notice,
        MsgType.about,
        MsgType.roster_watch,
        MsgType.roster,
        MsgType.rtt_request,
        MsgType.rtt_report,
        MsgType.invite,
        MsgType.link_hold,
    }
)

#: The two client ids of a link, sorted, and the link id.
_Key = tuple[str, str, str]


@dataclass(eq=False, slots=True)
class Route:
    """A registered link, compared by identity.

    Attributes:
        opener: the client that asked for it.
        target: the client that was asked.
        link_id: its id, unique between these two clients' ids.
        key: these three, as the router finds it.
        is_stream: whether it carries a stream, which has credit of its own and outlives this link.
        windows: for a stream: bytes that may wait for the opener, and for the target.
        answered: whether the target has accepted.
        ended: whether it has ended; it never comes back.
    """

    opener: Client
    target: Client
    link_id: str
    key: _Key
    is_stream: bool = False
    windows: tuple[int, int] = (0, 0)
    answered: bool = False
    ended: bool = False

    def other(self, client: Client) -> Client:
        """Return the end that is not `client`."""
        return self.target if client is self.opener else self.opener

    def window_of(self, client: Client) -> int:
        """Return how many bytes of a stream's data may wait for `client`, which it has told when the link was made."""
        return self.windows[client is self.target]


class Send(NamedTuple):
    """Send `client` a message that the relay has made, or one that changes a link.

    Attributes:
        client: who gets it.
        message: the message.
        route: the link that it is about: it follows what the other end has sent. None if there is none.
    """

    client: Client
    message: Msg
    route: Route | None = None


class Forward(NamedTuple):
    """Forward a message from one end of a link to the other.

    Attributes:
        route: the link.
        client: the end that gets it.
        message: with `from` and `from_idx` stamped.
        as_it_came: whether stamping changed nothing.
    """

    route: Route
    client: Client
    message: Msg
    as_it_came: bool


Command = Send | Forward


class Router:
    """All clients of one relay and the links between them.

    Args:
        max_links: links of one client at most.
        is_full: tells whether so much of an opener waits for a target that the opener gets no new links with it.
        admit: called with an opener, a target and the `connect_req`, which it may change; returns why it is not
            forwarded now, empty if it is.
        on_role: called with a client that logged in with an older dialect, and the role in which it has just acted:
            a console asked for a link, an agent accepted one.
    """

    def __init__(
        self,
        max_links: int = MAX_LINKS,
        is_full: Callable[[Client, Client], bool] = lambda _opener, _target: False,
        on_role: Callable[[Client, Role], None] = lambda _client, _role: None,
        admit: Callable[[Client, Client, Msg], str] = lambda _opener, _target, _request: "",
    ) -> None:
        self._max_links = max_links
        self._is_full = is_full
        self._on_role = on_role
        self._admit = admit
        self._clients: dict[str, dict[int, Client]] = {}
        self._routes: dict[_Key, Route] = {}
        self._routes_of: dict[Client, set[Route]] = {}
        #: Messages that were dropped: on unknown or ended links, or of types that links do not have.
        self.dropped = 0

    def __len__(self) -> int:
        """Return how many links there are."""
        return len(self._routes)

    def add(self, client: Client) -> None:
        """Register a client.

        Raises:
            LocalProtocolError: its id and index are taken: remove the older client first.
        """
        clients = self._clients.setdefault(client.client_id, {})
        if client.idx in clients:
            raise LocalProtocolError(f"client {client.client_id!r} is registered already")
        clients[client.idx] = client
        self._routes_of[client] = set()

    def remove(self, client: Client) -> list[Send]:
        """Remove a client and end its links; return the messages for their other ends.

        No-op if this very client is not registered (any more).
        """
        routes = self._routes_of.pop(client, None)
        if routes is None:
            return []
        clients = self._clients[client.client_id]
        del clients[client.idx]
        if not clients:
            del self._clients[client.client_id]
        sends = []
        for route in routes:
            self._end(route)
            sends.append(self._disconnect(route, route.other(client), LinkEnd.PEER_GONE, f"{client.client_id} is gone"))
        return sends

    def part(self, client: Client, other: Client, text: str) -> list[Send] | None:
        """End the links between two clients so that others can go on; return the messages for both.

        Returns None, and ends nothing, if `client` has no other links.

        Args:
            client: the client that has waited for `other`.
            other: the client that does not keep up.
            text: the reason, for a person.
        """
        routes = self._routes_of.get(client, set())
        between = [route for route in routes if route.other(client) is other]
        if between and len(between) == len(routes):
            return None
        sends = []
        for route in between:
            sends += self.cut(route, text)
        return sends

    def cut(self, route: Route, text: str) -> list[Send]:
        """End a link; return the messages for both ends. A stream goes on over another one. No-op if it has ended.

        Args:
            route: the link.
            text: the reason, for a person.
        """
        if route.ended:
            return []
        self._end(route)
        return [self._disconnect(route, end, LinkEnd.FAILED, text) for end in (route.opener, route.target)]

    def client(self, client_id: str) -> Client | None:
        """Return the client with an id, of several the one with the lowest index; None if there is none."""
        return self._target(client_id, 0)

    def routes_of(self, client: Client) -> int:
        """Return how many links a client has."""
        return len(self._routes_of.get(client, ()))

    def receive(self, client: Client, message: Msg) -> list[Command]:
        """Take a message of a registered client that is not for the relay itself. Changes `message`."""
        kind = message.type
        if client not in self._routes_of or kind in _NOT_ON_LINKS:
            self.dropped += 1
            return []
        as_it_came = message.from_id == client.client_id and message.from_idx == client.idx
        if not as_it_came:
            message.from_id, message.from_idx = client.client_id, client.idx
        if kind == _CONNECT_REQ:
            return self._open(client, message)
        route = self._routes.get(_key(client.client_id, message.to, message.link_id))
        if route is None or (client is not route.opener and client is not route.target):
            self.dropped += 1
            return []
        if not as_it_came and not envelope.fits(message):
            return list(self.cut(route, "a message was too long to be forwarded with its sender's id"))
        if kind == _DISCONNECT:
            self._end(route)
            return [Send(route.other(client), message, route)]
        if kind == _CONNECT_REP:
            return self._answer(route, client, message)
        return [Forward(route, route.other(client), message, as_it_came)]

    def _open(self, client: Client, message: Msg) -> list[Command]:
        to, link_id = message.to, message.link_id
        if link_id_fault(link_id):
            self.dropped += 1
            return []
        if client.role is Role.LEGACY:
            self._on_role(client, Role.CONSOLE)
        target = self._target(to, message.to_idx)
        key = _key(client.client_id, to, link_id)
        refusal = self._refusal(client, target, key, message)
        if refusal is not None or target is None:
            reply = Msg(type=MsgType.connect_rep, from_id=to, to=client.client_id, to_idx=client.idx, link_id=link_id)
            reply.crep.CopyFrom(refusal or ConnectResponse())
            if envelope.fits(reply):
                return [Send(client, reply)]
            self.dropped += 1  # its id fills a frame, so that an answer would not fit
            return []
        creq = message.creq
        is_stream = creq.kind == _STREAM
        windows = (_window(creq.offer.window), EARLY_WINDOW) if is_stream else (0, 0)
        route = self._routes[key] = Route(client, target, link_id, key, is_stream, windows)
        self._routes_of[client].add(route)
        self._routes_of[target].add(route)
        return [Send(target, message, route)]

    def _target(self, client_id: str, idx: int) -> Client | None:
        """Return the client that `to` and `to_idx` choose; without an index, the one with the lowest."""
        clients = self._clients.get(client_id)
        if not clients:
            return None
        return clients.get(idx) or (clients[min(clients)] if idx == 0 else None)

    def _refusal(self, client: Client, target: Client | None, key: _Key, message: Msg) -> ConnectResponse | None:
        """Return why a `connect_req` can't be forwarded, None if it can."""
        text, reason = "", _REFUSED
        if client.role is Role.AGENT:
            text = "an agent opens no links"
        elif target is None and message.to == RELAY_ID:
            text = "the relay serves no links"
        elif target is None:
            text, reason = f"agent {printable(message.to)} is not connected", ConnectResponse.ABSENT
        elif target.role is Role.CONSOLE:
            text = f"{target.client_id} is a console: it serves no links"
        elif target is client:
            text = "a link needs two ends"
        elif key in self._routes:
            text, reason = "this link id is in use", ConnectResponse.IN_USE
        elif self.routes_of(client) >= self._max_links:
            text = f"{client.client_id} has {self._max_links} links already"
        elif self.routes_of(target) >= self._max_links:
            text = f"{target.client_id} has {self._max_links} links already"
        elif self._is_full(client, target):
            text, reason = f"{target.client_id} does not keep up with what it is sent", ConnectResponse.FAILED
        elif later := self._admit(client, target, message):
            text, reason = later, ConnectResponse.RETRY
        elif not envelope.fits(message):
            text = "the request is too long for a frame"
        return ConnectResponse(ok=False, msg=text, reason=reason) if text else None

    def _answer(self, route: Route, client: Client, message: Msg) -> list[Command]:
        """Take a target's first answer; drop later ones, and those of other clients."""
        if client is not route.target or route.answered:
            self.dropped += 1
            return []
        crep = message.crep
        route.answered = True
        if not crep.ok:
            self._end(route)
        elif route.is_stream:
            route.windows = (route.windows[0], _window(crep.answer.window))
        if crep.ok and client.role is Role.LEGACY:
            self._on_role(client, Role.AGENT)
        return [Send(route.opener, message, route)]

    def _disconnect(self, route: Route, to: Client, cause: LinkEnd.Cause, text: str) -> Send:
        gone = route.other(to)
        message = Msg(
            type=MsgType.disconnect,
            from_id=gone.client_id,
            from_idx=gone.idx,
            to=to.client_id,
            to_idx=to.idx,
            link_id=route.link_id,
            end=LinkEnd(cause=cause, text=text),
        )
        return Send(to, message, route)

    def _end(self, route: Route) -> None:
        route.ended = True
        del self._routes[route.key]
        for client in (route.opener, route.target):
            if (routes := self._routes_of.get(client)) is not None:
                routes.discard(route)


def _window(told: int) -> int:
    return told if 0 < told < MOST_WINDOW else MOST_WINDOW


def _key(one: str, other: str, link_id: str) -> _Key:
    return (one, other, link_id) if one <= other else (other, one, link_id)
