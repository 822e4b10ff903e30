"""The links of one client, without I/O: which exist, their states, and how messages change them.

    (none) --open()--> OPENING --connect_rep ok--> OPEN --disconnect, end()--> (none)
                       OPENING --connect_rep no, disconnect, end()----------> (none)
    (none) --connect_req--> ASKED --accept()--> OPEN
                            ASKED --refuse(), disconnect--------------------> (none)

A link is matched by its peer and its id, and handed out as an object: a late clean-up of an ended link can't touch a
new one under the same id. Messages of links that do not exist are counted and dropped (docs/wire.md §5).
"""

# Why: docs/decisions/004-links-are-objects.md

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from natpass_wire.errors import LocalProtocolError
from natpass_wire.ids import RELAY_ID, client_id_fault, link_id_fault
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd, StreamAnswer
from natpass_wire.text import printable


class LinkPhase(Enum):
    """The state of a link in its life."""

    OPENING = auto()
    ASKED = auto()
    OPEN = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class End:
    """Why a link ended.

    Attributes:
        cause: for a program.
        text: for a person, safe to print; may be empty.
        status: for EXITED: the program's exit status, or -n if signal n ended it.
        reason: for a refused opening: why, for a program.
        is_alarm: the other end does not have the key that it should have. Never sent or received.
    """

    cause: LinkEnd.Cause = LinkEnd.UNSET
    text: str = ""
    status: int | None = None
    reason: ConnectResponse.Reason = ConnectResponse.UNSET
    is_alarm: bool = False

    def to_message(self) -> LinkEnd:
        """Return what a `disconnect` carries of it: the text in one line of at most 200 characters."""
        return LinkEnd(cause=self.cause, text=printable(self.text), status=self.status)

    @classmethod
    def from_message(cls, message: Msg) -> "End":
        """Return the end that a `disconnect` reports; existing peers give no reason.

        Existing relays send it in their own name when the other end is gone (docs/wire.md §5).
        """
        if message.from_id == RELAY_ID and not message.HasField("end"):
            return cls(LinkEnd.PEER_GONE)
        return cls.from_end(message.end)

    @classmethod
    def from_end(cls, end: LinkEnd) -> "End":
        """Return the end that a `LinkEnd` reports, its text safe to print."""
        return cls(end.cause, printable(end.text), end.status if end.HasField("status") else None)


@dataclass(eq=False, slots=True)
class LinkState:
    """One link of this client, by identity.

    Attributes:
        peer: the other end's client id.
        link_id: its id, unique among the links with this peer.
        state: its state.
        end: why it ended, None until then.
        peer_idx: which of its connections an older peer uses for this link (`from_idx`), 0 for all others.
    """

    peer: str
    link_id: str
    state: LinkPhase
    end: End | None = field(default=None)
    peer_idx: int = 0


@dataclass(frozen=True, slots=True)
class LinkOpened:
    """The target has accepted a link of ours with `answer`."""

    link: LinkState
    answer: ConnectResponse = field(default_factory=ConnectResponse, compare=False)


@dataclass(frozen=True, slots=True)
class LinkEnded:
    """A link is gone: refused, ended by the other end, or by the relay. `link.end` says why.

    Attributes:
        link: the link.
        answer: the refusal, empty unless it was refused.
    """

    link: LinkState
    answer: ConnectResponse = field(default_factory=ConnectResponse, compare=False)


@dataclass(frozen=True, slots=True)
class LinkAsked:
    """A peer asks for a link: `accept` or `refuse` it."""

    link: LinkState
    request: ConnectRequest


@dataclass(frozen=True, slots=True)
class LinkReceived:
    """A message for an open link."""

    link: LinkState
    message: Msg


@dataclass(frozen=True, slots=True)
class LinkHeld:
    """The relay says whether to wait with a link (`on`), because its other end does not keep up."""

    link: LinkState
    on: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    """A request that can't be taken: send `reply`."""

    reply: Msg


Event = LinkOpened | LinkEnded | LinkAsked | LinkReceived | LinkHeld | Refuse

#: The capability of clients that wait with a plain link when told so by `link_hold` (docs/wire.md §6).
HOLD = "hold"
#: The most links of one client, so that a peer can't fill our memory with requests.
MAX_LINKS = 1024


class LinkTable:
    """All links of one client on one connection."""

    def __init__(self, client_id: str, *, accepts: bool) -> None:
        self.client_id = client_id
        self._accepts = accepts
        self._links: dict[tuple[str, str], LinkState] = {}
        #: How many messages of unknown or ended links were dropped.
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._links)

    def open(self, peer: str, link_id: str, request: ConnectRequest) -> tuple[LinkState, Msg]:
        """Start a link to `peer`; return it, and the message to send.

        Raises:
            LocalProtocolError: the link exists, or there are too many.
        """
        if (peer, link_id) in self._links or len(self._links) >= MAX_LINKS:
            raise LocalProtocolError(f"link {link_id} to {peer!r} is in use, or there are over {MAX_LINKS}")
        link = LinkState(peer, link_id, LinkPhase.OPENING)
        self._links[peer, link_id] = link
        return link, self.message(link, Msg(type=MsgType.connect_req, creq=request))

    def accept(self, link: LinkState, answer: StreamAnswer | None = None) -> Msg:
        """Accept a link that was asked for; return the message to send.

        Args:
            link: the link.
            answer: to the offer of a stream.
        """
        self._expect(link, LinkPhase.ASKED)
        link.state = LinkPhase.OPEN
        return self.message(link, Msg(type=MsgType.connect_rep, crep=ConnectResponse(ok=True, answer=answer)))

    def refuse(self, link: LinkState, text: str, reason: ConnectResponse.Reason, cookie: bytes = b"") -> Msg:
        """Refuse a link that was asked for; return the message to send.

        Args:
            link: the link.
            text: why. It is sent as one line of at most 200 characters: it may quote what the peer sent, and has to fit
                a frame.
            reason: the same for a program.
            cookie: with RETRY: what the repeated request has to bring.
        """
        self._expect(link, LinkPhase.ASKED)
        text = printable(text)
        self._remove(link, End(LinkEnd.FAILED, text, reason=reason))
        answer = ConnectResponse(ok=False, msg=text, reason=reason, cookie=cookie)
        return self.message(link, Msg(type=MsgType.connect_rep, crep=answer))

    def end(self, link: LinkState, end: End) -> Msg | None:
        """End a link from this side; return the message to send, None if it had ended already."""
        if link.state is LinkPhase.ENDED:
            return None
        self._remove(link, end)
        return self.message(link, Msg(type=MsgType.disconnect, end=end.to_message()))

    def end_all(self, end: End) -> list[LinkState]:
        """End every link without sending anything, because the connection is gone; return them."""
        links = list(self._links.values())
        for link in links:
            self._remove(link, end)
        return links

    def message(self, link: LinkState, message: Msg) -> Msg:
        """Fill in the envelope of `message` for `link`, and return it."""
        message.from_id = self.client_id
        message.to = link.peer
        message.to_idx = link.peer_idx
        message.link_id = link.link_id
        return message

    def receive(self, message: Msg) -> Event | None:
        """Take a message that is not the relay's own; return the event, None if there is none."""
        key = (message.from_id, message.link_id)
        link = self._links.get(key)
        if link is None and message.from_id == RELAY_ID:  # relays may end or refuse a link in their own name
            link = next((link for link in self._links.values() if link.link_id == message.link_id), None)
        if message.type == MsgType.connect_req:
            return self._asked(message, key, link)
        if link is None:
            self.dropped += 1
            return None
        match message.type, link.state:
            case MsgType.connect_rep, LinkPhase.OPENING if message.crep.ok:
                link.state = LinkPhase.OPEN
                link.peer_idx = message.from_idx
                return LinkOpened(link, message.crep)
            case MsgType.connect_rep, LinkPhase.OPENING:
                text = printable(message.crep.msg) or "refused without a reason"
                self._remove(link, End(LinkEnd.FAILED, text, reason=message.crep.reason))
                return LinkEnded(link, message.crep)
            case MsgType.disconnect, _:
                end = End.from_message(message)
                if end.cause == LinkEnd.PEER_GONE and not end.text:
                    end = replace(end, text=f"{printable(link.peer)} is gone")
                self._remove(link, end)
                return LinkEnded(link)
            case MsgType.link_hold, LinkPhase.OPEN:
                return LinkHeld(link, message.hold.on)
            case _, LinkPhase.OPEN if message.type != MsgType.connect_rep:
                return LinkReceived(link, message)
        self.dropped += 1
        return None

    def _asked(self, message: Msg, key: tuple[str, str], link: LinkState | None) -> Event | None:
        if client_id_fault(message.from_id) or link_id_fault(message.link_id):
            self.dropped += 1
            return None
        refusal = ""
        if not self._accepts:
            refusal = f"{self.client_id} serves no links"
        elif link is not None:
            refusal = "this link id is in use"
        elif len(self._links) >= MAX_LINKS:
            refusal = f"{self.client_id} has {MAX_LINKS} links already"
        if refusal:
            answer = ConnectResponse(ok=False, msg=refusal, reason=ConnectResponse.REFUSED)
            reply = Msg(type=MsgType.connect_rep, crep=answer)
            return Refuse(self.message(LinkState(*key, LinkPhase.ENDED, peer_idx=message.from_idx), reply))
        link = LinkState(*key, LinkPhase.ASKED, peer_idx=message.from_idx)
        self._links[key] = link
        return LinkAsked(link, message.creq)

    def _expect(self, link: LinkState, state: LinkPhase) -> None:
        if link.state is not state:
            raise LocalProtocolError(f"link {link.link_id} is {link.state.name}, not {state.name}")

    def _remove(self, link: LinkState, end: End) -> None:
        link.state = LinkPhase.ENDED
        link.end = end
        if self._links.get((link.peer, link.link_id)) is link:
            del self._links[link.peer, link.link_id]
