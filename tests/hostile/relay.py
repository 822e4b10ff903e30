"""The real relay as an attacker: every frame to forward goes through an adversary, which also forges frames.

Routing stays the relay's own, so that links without an attack work as usual.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Protocol

from natpass_relay.client_socket import ClientSocket
from natpass_relay.clients import Client
from natpass_relay.connection import Connection
from natpass_relay.forwarding import Forwarding
from natpass_relay.hub import Hub
from natpass_relay.server import RelayServer, RelaySettings
from natpass_wire import envelope
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.frame import HEADER_BYTES, encode_frame
from natpass_wire.ids import RELAY_ID
from natpass_wire.pb.envelope_pb2 import Msg, MsgType


class ViolationError(Exception):
    """A promise of sealed links was broken."""


#: A message's place on a link: its direction, and its number among that direction's records, from 0. The request (up)
#: and the answer (down) are -1.
Place = tuple[str, int]
UP, DOWN = "up", "down"
REQUEST: Place = (UP, -1)
ANSWER: Place = (DOWN, -1)
#: The least records of a link that is worth a recording.
MOST_PLACE = 2
#: Messages about links, not on them.
_OTHER: Place = ("", 0)


@dataclass(eq=False)
class SeenLink:
    """One link, as the relay sees it.

    Attributes:
        opener, target, link_id: its identity.
        attack: the attack on it.
        ports: the connections of opener and target at its request.
        history: its request, its answer and its records, in order.
        ends: the reasons of its end, by the end that sent them.
    """

    opener: str
    target: str
    link_id: str
    attack: "Attack | None" = None
    ports: tuple[Client | None, ...] = ()
    history: list[tuple[str, Msg]] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {UP: 0, DOWN: 0})

    def note(self, message: Msg) -> Place:
        """Record a message; return its place."""
        direction = UP if message.from_id == self.opener else DOWN
        match message.type:
            case MsgType.connect_req:
                place = REQUEST
            case MsgType.connect_rep if message.crep.ok:
                place = ANSWER
            case MsgType.record:
                place = (direction, self.counts[direction])
                self.counts[direction] += 1
            case MsgType.connect_rep:
                self.ends[message.from_id] = message.crep.msg
                return _OTHER
            case MsgType.disconnect:
                self.ends[message.from_id] = message.end.text
                return _OTHER
            case _:
                return _OTHER
        copy = Msg()
        copy.CopyFrom(message)
        self.history.append((direction, copy))
        return place


class Attack(Protocol):
    """The interface of an attack on the links of one console."""

    name: ClassVar[str]

    def passes(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Handle a message that should be forwarded."""


class Adversary:
    """Decides what the relay does with each frame.

    Attributes:
        hub: the relay's hub.
        frames: the number of frames seen.
        needles: bytes that it must never see, with their names.
        attacks: the attacks on new links, by the console's id.
        links: the current links, by opener and id.
        answers: handlers of messages on forged links, by sender, receiver and link id.
        tapes: recordings of consoles' last links, by the console's id.
        faults: secrets that it got.
    """

    def __init__(self) -> None:
        self.hub: Hub
        self.needles: dict[bytes, str] = {}
        self.attacks: dict[str, Attack] = {}
        self.links: dict[tuple[str, str], SeenLink] = {}
        self.answers: dict[tuple[str, str, str], Callable[[Msg], None]] = {}
        self.tapes: dict[str, list[tuple[str, Msg]]] = {}
        self.faults: list[str] = []
        self.frames = 0

    def received(self, message: Msg, frame: bytes) -> None:
        """Handle a frame from a client."""
        try:
            self._received(message, frame)
        except ViolationError as error:
            self.faults.append(str(error))

    def _received(self, message: Msg, frame: bytes) -> None:
        self.frames += 1
        for needle, name in self.needles.items():
            if needle in frame:
                self.faults.append(f"the relay sees {name} in a {MsgType.Name(message.type)} of {message.from_id}")
        if (answer := self.answers.get((message.from_id, message.to, message.link_id))) is not None:
            answer(message)
            return
        link = self._link(message)
        if link is None:
            self.forward(message)
            return
        place = link.note(message)
        if link.attack is None or place == _OTHER:
            self.forward(message)
        else:
            try:
                link.attack.passes(link, place, message)
            except ViolationError as error:
                raise ViolationError(f"{link.attack.name}: {error}") from error

    def forward(self, message: Msg) -> None:
        """Pass a message on as an honest relay does."""
        port = self.hub.router.client(message.from_id)
        if port is not None:
            connection = self.hub.connection_to(port)
            assert isinstance(connection, HostileConnection)
            connection.honestly(envelope.to_frame(message))

    def inject(self, to: str, message: Msg) -> None:
        """Send a client a forged message; no-op if it is not connected."""
        self.inject_raw(to, message.SerializeToString())

    def inject_raw(self, to: str, payload: bytes) -> None:
        """Send a client any payload."""
        port = self.hub.router.client(to)
        if port is not None:
            self.hub.connection_to(port).socket.write(encode_frame(payload))

    def cut(self, link: SeenLink) -> None:
        """End a link, as any relay can: both ends get a disconnect."""
        words = Msg(type=MsgType.disconnect, from_id=link.opener, to=link.target, link_id=link.link_id)
        self.forward(words)
        self.inject(link.target, words)  # the router may not know this link
        back = Msg(type=MsgType.disconnect, from_id=link.target, to=link.opener, link_id=link.link_id)
        self.inject(link.opener, back)

    def is_over(self, link: SeenLink) -> bool:
        """Tell whether one end has ended a link with a reason, or its connection is gone."""
        return any(link.ends.values()) or link.ports != self.ports(link.opener, link.target)

    def ports(self, *ids: str) -> tuple[Client | None, ...]:
        """Return these clients' current connections."""
        return tuple(self.hub.router.client(client_id) for client_id in ids)

    def of(self, console: str) -> list[SeenLink]:
        """Return the links of a console."""
        return [link for (opener, _), link in self.links.items() if opener == console]

    def forget(self, console: str) -> None:
        """Drop a console's links, which have ended."""
        for link in self.of(console):
            if link.counts[UP] > MOST_PLACE and link.counts[DOWN]:
                self.tapes[console] = link.history
            del self.links[link.opener, link.link_id]
        self.attacks.pop(console, None)

    def _link(self, message: Msg) -> SeenLink | None:
        if message.type == MsgType.connect_req:
            attack, ports = self.attacks.get(message.from_id), self.ports(message.from_id, message.to)
            link = SeenLink(message.from_id, message.to, message.link_id, attack, ports)
            self.links[message.from_id, message.link_id] = link
            return link
        found = self.links.get((message.from_id, message.link_id)) or self.links.get((message.to, message.link_id))
        return found if found is not None and message.from_id in {found.opener, found.target} else None


class HostileForwarding(Forwarding[Connection]):
    """Shows the adversary each frame of a link instead of forwarding it."""

    def __init__(self, sender: Connection, hub: Hub, adversary: Adversary) -> None:
        super().__init__(sender, hub)
        self._adversary = adversary

    def honestly(self, frame: bytes) -> None:
        """Route a frame as the relay would."""
        super()._parse_and_route(frame[HEADER_BYTES:])
        self.write_posted()

    def route(self, data: bytes, bounds: list[int]) -> None:
        """Take each frame by itself."""
        for start, end in pairwise(bounds):
            if self._sender.is_closed:
                return
            self._parse_and_route(data[start + HEADER_BYTES : end])

    def _parse_and_route(self, payload: bytes) -> None:
        message, client = envelope.parse(payload), self._sender.client
        if client is None or message.to == RELAY_ID or not message.link_id:
            super()._parse_and_route(payload)
            return
        message.from_id = client.client_id
        self._adversary.received(message, encode_frame(payload))


class HostileConnection(Connection):
    """A connection that passes its frames to the adversary."""

    def __init__(self, hub: Hub, adversary: Adversary) -> None:
        super().__init__(hub)
        self._forwarding = self._hostile = HostileForwarding(self, hub, adversary)

    def honestly(self, frame: bytes) -> None:
        """Route a frame as the relay would."""
        self._hostile.honestly(frame)


class HostileServer(RelayServer):
    """A relay whose connections are hostile."""

    def __init__(self, settings: RelaySettings, adversary: Adversary) -> None:
        super().__init__(settings)
        self._adversary = adversary

    async def start(self, sockets: Sequence[socket.socket] | None = None) -> list[RelayAddress]:
        """Listen, see `RelayServer.start`."""
        found = await super().start(sockets)
        self._adversary.hub = self.hub
        return found

    def _new_socket(self) -> ClientSocket:
        return ClientSocket(HostileConnection(self.hub, self._adversary), self.hub, self._buffers, self._tls)
