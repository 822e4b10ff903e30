"""What happens to the frames that a client sends: each goes to the other end of its link, or to the relay itself.

What a client does not take at once waits in its `Outbox`. Its senders are read on, so that one slow or hostile client
costs them nothing: a stream's link is bounded by the credit that its ends have told, a plain link by telling its sender
to wait. Only senders that understand neither (existing programs) are read no further until their part has drained.
Nor is a client while too many answers to its own messages wait for it.
"""

# Why: docs/decisions/003-fast-path.md
# Why: docs/decisions/065-a-sender-pays-for-its-receiver.md
# Why: docs/decisions/066-holding-a-plain-link.md

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Generic, Protocol, Self, TypeVar

from natpass_relay.backlog import MemoryAccount
from natpass_relay.clients import Client
from natpass_relay.fastpath import FastRoutes
from natpass_relay.outbox import Outbox
from natpass_relay.routing import Forward, Route, Router, Send
from natpass_wire import envelope
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.frame import HEADER_BYTES, encode_frame
from natpass_wire.ids import RELAY_ID
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

#: Waiting bytes of a plain link at which its sender is told to wait, and at which the link ends because it does not.
#: The buffers of two sockets may be full when it is told: Linux lets them grow to 10 MB.
HOLD_BYTES, MOST_PLAIN_BYTES = 64 * 1024, 12 * 1024 * 1024
#: Frames that wait are queued in pieces of about so many bytes, so that senders take short turns.
_PIECE_BYTES = 16 * 1024
#: What a client may have done for it in one turn of the loop: messages that the relay parses, and changes of the
#: receiver, each of which is a write. Each costs 5 to 20 µs.
WORK_A_TURN = 64
#: Read once: a lookup in a protobuf enum costs as much as a small parse.
_CONNECT_REQ = MsgType.connect_req


class Party(Hashable, Protocol):
    """A client's connection, as the sender or the receiver of frames."""

    socket: FrameSocket
    client: Client | None
    outbox: Outbox[Self]
    takes_holds: bool
    is_overdrawn: bool
    is_closed: bool
    is_behind: bool

    def wait_for(self, other: Self) -> None:
        """Read no further until `other` can take more; no-op if it can."""

    def hold(self, route: Route, *, on: bool) -> None:
        """Tell this client to send nothing on a plain link, or to go on."""

    def put_link_control(self, frame: bytes, sender: Self, opener: Self) -> None:
        """Send it a frame that opens, answers or ends a link, in the turn of the link's other end."""

    def say_to_relay(self, message: Msg) -> None:
        """Take a message of this client to the relay itself."""


Who = TypeVar("Who", bound=Party)


class ConnectionDelivery(Protocol[Who]):
    """What a connection needs to send messages about links, and when too much waits."""

    #: What waits in the whole relay.
    account: MemoryAccount[Who, Route]

    def deliver(self, send: Send) -> None:
        """Send what the router says."""

    def cut(self, route: Route, slow: Who) -> None:
        """End a link because too much of it waits for `slow`."""

    def keep_budgets(self, connection: Who, payers: Sequence[Who] = ()) -> None:
        """End links if too much waits for `connection`, or in the whole relay; drop who has caused too much."""


class ForwardingHub(Protocol[Who]):
    """What forwarding needs from the relay."""

    router: Router

    @property
    def delivery(self) -> ConnectionDelivery[Who]:
        """Delivers messages about links."""
        ...

    def connection_to(self, client: Client) -> Who:
        """Return the connection of a registered client."""
        ...


class Forwarding(Generic[Who]):
    """Forwards what one client sends.

    Args:
        sender: the client's connection.
        hub: the relay.
    """

    def __init__(self, sender: Who, hub: ForwardingHub[Who]) -> None:
        self._sender = sender
        self._hub = hub
        self._delivery = hub.delivery
        self._cache: FastRoutes[Who] = FastRoutes()
        self._posted_to: set[Who] = set()

    def sweep(self) -> None:
        """Forget links that have ended, and their receivers."""
        self._cache.sweep()

    def close(self) -> None:
        """Forget the sender, who is gone, and all receivers: else these would wait for the garbage collector."""
        del self._sender
        self._cache = FastRoutes()
        self._posted_to.clear()

    def write_posted(self) -> None:
        """Write what the last frames have posted to others. Call it before the loop goes on."""
        for to in self._posted_to:
            to.outbox.write_posted()
        self._posted_to.clear()

    def route(self, data: bytes, bounds: list[int]) -> int | None:
        """Forward frames: those that look like earlier ones in runs, one write for each run; others one by one.

        Args:
            data: the frames, concatenated.
            bounds: where they begin and end.

        Returns:
            How many were routed, if that is a turn's work, or the client is behind; None: all of them.
        """
        find = self._cache.find
        to: Who | None = None  # where the frames from `marks[0]` to `start` go
        marks: list[tuple[int, Route]] = []  # where the frames of each link begin in them
        start = bounds[0]
        work = 0
        like_bytes, like_size = b"", -1  # prefix and size of frames that go where the last one went
        for end in bounds[1:]:
            at = start + HEADER_BYTES
            if end - start != like_size or not data.startswith(like_bytes, at):
                fast_route = find(data, at, end)
                if fast_route is None or fast_route.to is not to:
                    if (work := work + 1) > WORK_A_TURN:
                        break
                    if to is not None:
                        self._pass_on(to, data, bounds, marks, start)
                        if self._sender.is_closed:
                            return None
                    if fast_route is None:
                        to, like_size = None, -1
                        self._parse_and_route(data[at:end])
                        if self._sender.is_closed:
                            return None
                        start = end
                        if self._sender.is_behind:
                            break
                        continue
                    to, marks = fast_route.to, [(start, fast_route.route)]
                elif fast_route.route is not marks[-1][1]:
                    marks.append((start, fast_route.route))
                like_bytes, like_size = fast_route.prefix(end - at), end - start
            start = end
        if to is not None:
            self._pass_on(to, data, bounds, marks, start)
        return bounds.index(start) if work > WORK_A_TURN or self._sender.is_behind else None

    def _pass_on(self, to: Who, data: bytes, bounds: list[int], marks: list[tuple[int, Route]], end: int) -> None:
        """Forward the frames from `marks[0]` to `end`.

        What a sender that is about to be held has sent before is not worth a queue: it is one read at most.
        """
        outbox = to.outbox
        fits = end - marks[0][0] <= to.socket.high_water
        if (outbox.is_free and fits) or (not outbox.has_backlog and all(self._is_held_by(route) for _, route in marks)):
            to.socket.write(data[marks[0][0] : end])
            if not to.socket.writable and any(self._is_held_by(route) for _, route in marks):
                self._sender.wait_for(to)
            return
        for (start, route), (stop, _) in pairwise([*marks, (end, marks[-1][1])]):
            at = start
            while at < stop:
                piece = bounds[max(bisect_right(bounds, at + _PIECE_BYTES) - 1, bisect_right(bounds, at))]
                piece = min(piece, stop)
                self._put_data(to, route, data[at:piece])
                at = piece

    def _put_data(self, to: Who, route: Route, frames: bytes) -> None:
        """Queue data for `to`, within the bound of its link."""
        if route.ended or to.is_closed or to.client is None:
            return
        waiting = to.outbox.put_data(self._sender, route, frames)
        if not waiting:
            if not to.socket.writable and self._is_held_by(route):
                self._sender.wait_for(to)
            return
        if route.is_stream:
            if waiting > route.window_of(to.client):
                self._delivery.cut(route, to)
        elif self._is_held_by(route):
            self._sender.wait_for(to)
        elif waiting > MOST_PLAIN_BYTES:
            self._delivery.cut(route, to)
        elif waiting > HOLD_BYTES and route not in to.outbox.held:
            to.outbox.held[route] = self._sender
            self._sender.hold(route, on=True)
        self._delivery.keep_budgets(to)

    def _is_held_by(self, route: Route) -> bool:
        """Tell whether this sender is read no further while a link of it waits: it can't be told to wait."""
        return not route.is_stream and not self._sender.takes_holds

    def _parse_and_route(self, payload: bytes) -> None:
        message = envelope.parse(payload)
        client = self._sender.client
        if client is None or self._sender.is_overdrawn:
            return
        kind = message.type
        if kind != _CONNECT_REQ and message.to == RELAY_ID:
            self._sender.say_to_relay(message)
            return
        for command in self._hub.router.receive(client, message):
            if isinstance(command, Forward):
                to = self._hub.connection_to(command.client)
                if command.as_it_came and envelope.is_canonical(payload):
                    self._cache.learn(payload, kind, command.route, to)
                    frame = encode_frame(payload)
                else:
                    frame = envelope.to_frame(command.message)
                self._put_data(to, command.route, frame)
            elif (route := command.route) is None or command.client is client:
                self._delivery.deliver(command)
            else:
                if route.ended:
                    self._sender.outbox.drop(route)  # who ends a link reads no more of it
                to = self._hub.connection_to(command.client)
                frame = envelope.to_frame(command.message)
                self._posted_to.add(to)
                to.put_link_control(frame, self._sender, self._sender if route.opener is client else to)
