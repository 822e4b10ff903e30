"""Which message goes where: the links between ports.

A link is registered by its `connect_req` as (opener, target, link id), and unique among the two ids and the link id;
only its two ends may speak on it, and they are told by identity, never by id: what a replaced client leaves behind
can't touch its successor. A link ends once: with a `disconnect`, a refusing `connect_rep`, or the end of a port.

    message in -> `Router.receive` -> commands out (`Send`, `Forward`)
"""

from collections.abc import Callable
from dataclasses import dataclass

from natpass_relay.ports import Port, Role
from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError
from natpass_wire.ids import RELAY_ID, link_id_fault
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from natpass_wire.text import printable

#: Links that one port has at most, as opener and target together, so that nobody fills our memory with them.
MAX_LINKS = 4096

#: Types that pass between a client and its relay only: on a link they are dropped.
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
    }
)

#: The two ids of a link in their order, and its own.
_Key = tuple[str, str, str]


@dataclass(eq=False, slots=True)
class Link:
    """A registered link, by identity.

    Attributes:
        opener: who asked for it.
        target: who was asked.
        link_id: its id, unique between these two ids.
        answered: whether the target has accepted.
        ended: whether it is gone; then it never comes back.
    """

    opener: Port
    target: Port
    link_id: str
    answered: bool = False
    ended: bool = False

    def other(self, port: Port) -> Port:
        """Return the end that is not `port`."""
        return self.target if port is self.opener else self.opener


@dataclass(frozen=True, slots=True)
class Send:
    """A message of the relay's own making, or one that changes a link: send it to `port`."""

    port: Port
    message: Msg


@dataclass(frozen=True, slots=True)
class Forward:
    """A message that one end of a link has for the other: hand it on.

    Attributes:
        link: the link.
        port: the end that gets it.
        message: with `from` and `from_idx` stamped.
        as_it_came: stamping changed nothing.
    """

    link: Link
    port: Port
    message: Msg
    as_it_came: bool


Command = Send | Forward


class Router:
    """All ports of one relay and the links between them.

    Args:
        max_links: links that one port has at most.
        is_full: tells whether so much waits for a port that it gets no new links.
        on_role: called with a port that logged in with an older dialect, and the role in which it has just acted:
            as a console, it asked for a link, or as an agent, it accepted one.
    """

    def __init__(
        self,
        max_links: int = MAX_LINKS,
        is_full: Callable[[Port], bool] = lambda _port: False,
        on_role: Callable[[Port, Role], None] = lambda _port, _role: None,
    ) -> None:
        self._max_links = max_links
        self._is_full = is_full
        self._on_role = on_role
        self._ports: dict[str, dict[int, Port]] = {}
        self._links: dict[_Key, Link] = {}
        self._links_of: dict[Port, set[Link]] = {}
        #: Messages on unknown or ended links, or that say nothing there.
        self.dropped = 0

    def __len__(self) -> int:
        """Return how many links there are."""
        return len(self._links)

    def add(self, port: Port) -> None:
        """Register a port.

        Raises:
            LocalProtocolError: its id and index are taken: remove the older port first.
        """
        ports = self._ports.setdefault(port.client_id, {})
        if port.idx in ports:
            raise LocalProtocolError(f"port {port.client_id!r} is registered already")
        ports[port.idx] = port
        self._links_of[port] = set()

    def remove(self, port: Port) -> list[Send]:
        """Take a port away and end its links; return what their other ends are told.

        Nothing happens if this very port is not registered (any more).
        """
        links = self._links_of.pop(port, None)
        if links is None:
            return []
        ports = self._ports[port.client_id]
        del ports[port.idx]
        if not ports:
            del self._ports[port.client_id]
        sends = []
        for link in links:
            self._end(link)
            sends.append(self._disconnect(link, link.other(port), LinkEnd.PEER_GONE, f"{port.client_id} is gone"))
        return sends

    def part(self, port: Port, other: Port, text: str) -> list[Send] | None:
        """End the links between two ports for the sake of others; return what both are told.

        Returns None, and ends nothing, if `port` has no links but these.

        Args:
            port: who has waited for `other`.
            other: who does not keep up.
            text: why, for a person.
        """
        links = self._links_of.get(port, set())
        between = [link for link in links if link.other(port) is other]
        if between and len(between) == len(links):
            return None
        sends = []
        for link in between:
            self._end(link)
            sends += [self._disconnect(link, end, LinkEnd.FAILED, text) for end in (port, other)]
        return sends

    def port(self, client_id: str) -> Port | None:
        """Return the port of an id, the one with the lowest index if there are several; None if there is none."""
        return self._target(client_id, 0)

    def links_of(self, port: Port) -> int:
        """Return how many links a port has."""
        return len(self._links_of.get(port, ()))

    def receive(self, port: Port, message: Msg) -> list[Command]:
        """Take a message of a registered port that is not for the relay itself. Changes `message`."""
        if port not in self._links_of or message.type in _NOT_ON_LINKS:
            self.dropped += 1
            return []
        as_it_came = message.from_id == port.client_id and message.from_idx == port.idx
        message.from_id = port.client_id
        message.from_idx = port.idx
        if message.type == MsgType.connect_req:
            return self._open(port, message)
        link = self._links.get(_key(port.client_id, message.to, message.link_id))
        if link is None or (port is not link.opener and port is not link.target):
            self.dropped += 1
            return []
        if not envelope.fits(message):
            return list(self._overflow(link))
        other = link.other(port)
        match message.type:
            case MsgType.disconnect:
                self._end(link)
                return [Send(other, message)]
            case MsgType.connect_rep:
                return self._answer(link, port, message)
        return [Forward(link, other, message, as_it_came)]

    def _open(self, port: Port, message: Msg) -> list[Command]:
        if link_id_fault(message.link_id):
            self.dropped += 1
            return []
        if port.role is Role.LEGACY:
            self._on_role(port, Role.CONSOLE)
        target = self._target(message.to, message.to_idx)
        refusal = self._refusal(port, target, message)
        if refusal is not None or target is None:
            reply = Msg(type=MsgType.connect_rep, from_id=message.to, to=port.client_id, to_idx=port.idx)
            reply.link_id = message.link_id
            reply.crep.CopyFrom(refusal or ConnectResponse())
            if envelope.fits(reply):
                return [Send(port, reply)]
            self.dropped += 1  # an id that fills a frame, so that an answer in its name does not fit
            return []
        link = Link(port, target, message.link_id)
        self._links[_key(port.client_id, target.client_id, link.link_id)] = link
        self._links_of[port].add(link)
        self._links_of[target].add(link)
        return [Send(target, message)]

    def _target(self, client_id: str, idx: int) -> Port | None:
        """Return the port that `to` and `to_idx` choose; who names no index gets the lowest one."""
        ports = self._ports.get(client_id)
        if not ports:
            return None
        return ports.get(idx) or (ports[min(ports)] if idx == 0 else None)

    def _refusal(self, port: Port, target: Port | None, message: Msg) -> ConnectResponse | None:
        """Return why a `connect_req` can't be handed on, None if it can."""
        text, reason = "", ConnectResponse.REFUSED
        if port.role is Role.AGENT:
            text = "an agent opens no links"
        elif message.to == RELAY_ID:
            text = "the relay serves no links"
        elif target is None:
            text, reason = f"agent {printable(message.to)} is not connected", ConnectResponse.ABSENT
        elif target.role is Role.CONSOLE:
            text = f"{target.client_id} is a console: it serves no links"
        elif target is port:
            text = "a link needs two ends"
        elif _key(port.client_id, message.to, message.link_id) in self._links:
            text, reason = "this link id is in use", ConnectResponse.IN_USE
        elif full := next((p for p in (port, target) if len(self._links_of[p]) >= self._max_links), None):
            text = f"{full.client_id} has {self._max_links} links already"
        elif self._is_full(target):
            text, reason = f"{target.client_id} does not keep up with what it is sent", ConnectResponse.FAILED
        elif not envelope.fits(message):
            text = "the request is too long for a frame"
        return ConnectResponse(ok=False, msg=text, reason=reason) if text else None

    def _answer(self, link: Link, port: Port, message: Msg) -> list[Command]:
        """Take a target's first answer; anybody else's, and a second one, is dropped."""
        if port is not link.target or link.answered:
            self.dropped += 1
            return []
        link.answered = True
        if not message.crep.ok:
            self._end(link)
        elif port.role is Role.LEGACY:
            self._on_role(port, Role.AGENT)
        return [Send(link.opener, message)]

    def _overflow(self, link: Link) -> tuple[Send, Send]:
        self._end(link)
        text = "a message was too long to be handed on with its sender's id"
        return (
            self._disconnect(link, link.opener, LinkEnd.FAILED, text),
            self._disconnect(link, link.target, LinkEnd.FAILED, text),
        )

    def _disconnect(self, link: Link, to: Port, cause: LinkEnd.Cause, text: str) -> Send:
        gone = link.other(to)
        message = Msg(
            type=MsgType.disconnect,
            from_id=gone.client_id,
            from_idx=gone.idx,
            to=to.client_id,
            to_idx=to.idx,
            link_id=link.link_id,
            end=LinkEnd(cause=cause, text=text),
        )
        return Send(to, message)

    def _end(self, link: Link) -> None:
        link.ended = True
        del self._links[_key(link.opener.client_id, link.target.client_id, link.link_id)]
        for port in (link.opener, link.target):
            if (links := self._links_of.get(port)) is not None:
                links.discard(link)


def _key(one: str, other: str, link_id: str) -> _Key:
    return (one, other, link_id) if one <= other else (other, one, link_id)
