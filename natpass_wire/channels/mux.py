"""One end of a link with channels. Sans-IO: messages and calls in, events and messages out.

    channel:   (none) --ask--> OPENING --opened--> OPEN --both ends, or reset--> (none)
                               OPENING --refused, reset--> (none)
               (none) <--asked-- ASKED --accept--> OPEN;  --refuse, reset--> (none)

Bytes may follow `ask` at once: they wait at the other end, within the first window, until it has connected. A channel's
id is never used again on its link, so what comes late for one that is gone is known as that, and ignored.
"""

# Why: docs/decisions/080-channels-in-one-link.md

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from natpass_wire.channels.channel import (
    LEAST_BYTES,
    LINK_BYTES,
    SEND_BYTES,
    Channel,
    ChannelKind,
    ChannelPhase,
    Incoming,
)
from natpass_wire.channels.events import (
    MAX_IDLE_SECONDS,
    ChannelAsked,
    ChannelEnded,
    ChannelEvent,
    ChannelNotOpened,
    ChannelOpened,
    ChannelReceived,
    ChannelReset,
    Endpoint,
    ListenAsked,
)
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.forward_pb2 import ChannelFrame, ChannelRefused, Channels, ForwardAddress
from natpass_wire.pb.forward_pb2 import ChannelOpen as OpenFrame
from natpass_wire.pb.forward_pb2 import ChannelOpened as OpenedFrame
from natpass_wire.stream.fair import Turns
from natpass_wire.stream.receiver import Room
from natpass_wire.text import printable

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    _Frames = RepeatedCompositeFieldContainer[ChannelFrame]

#: Channels and listeners of a link at once.
MAX_CHANNELS = 1280
#: Of these, what connections to one listener may have, at either end: who connects there must not stop all others. An
#: agent's listeners share it.
MOST_OF_LISTENER = 1024
#: Frames in one message: reading them must not take long.
MAX_FRAMES = 512
#: Frames that are taken before everybody else has a turn: each may cost a connection to a target, 0.15 ms.
FRAMES_A_TURN = 16
#: Bytes of a channel in one turn, while others wait.
QUANTUM = 16 * 1024
#: Bytes of a frame around its data, at most.
FRAME_BYTES = 24
#: The largest datagram: of a UDP packet 65 507 bytes are possible, but a message has to fit into one frame.
MAX_DATAGRAM = 60 * 1024
#: The longest name of a host (RFC 1035 §2.3.4) and path of a Unix socket, with room to spare.
_MAX_NAME = 256
#: Frames about one channel that wait together: it is opened, and reset.
_MOST_TOLD = 2
#: Channels about which something waits to be told: two ends that read each other's words never have so many.
_MAX_CONTROL = 8 * MAX_CHANNELS


class ChannelMux:
    """One end.

    Args:
        is_console: whether this is the console's end: its ids are even, and only it asks for listeners.
        room: the budget for windows, shared by all links of a process.
        owner: to whom this link's windows are counted.
    """

    def __init__(self, *, is_console: bool, room: Room | None = None, owner: Hashable = None) -> None:
        self._is_console = is_console
        self._room = Room() if room is None else room
        self._owner = owner
        self._channels: dict[int, Channel] = {}
        self._next_id = 2 if is_console else 1
        self._last_peer_id = 0
        self._control: dict[int, list[ChannelFrame]] = {}  # what is not sent yet, by channel
        self._limits: dict[int, None] = {}  # channels with a limit to tell
        self._turns: Turns[int] = Turns()
        self._queued = 0  # bytes that wait in all channels
        self._datagrams: dict[int, None] = {}  # channels with datagrams to send, in turn
        self._freed: dict[int, None] = {}  # channels that may take bytes again
        self._over: list[int] = []  # connections of which both halves are closed
        self._was_datagrams = False

    def __len__(self) -> int:
        """Return how many channels and listeners there are."""
        return len(self._channels)

    def __contains__(self, channel: object) -> bool:
        return channel in self._channels

    # what this end does

    def ask(self, address: Endpoint, listener: int = 0, source: str = "") -> int:
        """Begin a channel; return its id.

        Args:
            address: at the console: what the agent shall connect to; at the agent, only whether it is for datagrams.
            listener: at the agent: the listener that the connection came to.
            source: at the agent: who connected.

        Raises:
            LocalProtocolError: there are too many.
        """
        kind = ChannelKind.DATAGRAMS if address.datagrams else ChannelKind.CONNECTION
        channel = self._begin(kind)
        frame = OpenFrame(address=_to_message(address), listener=listener, source=printable(source))
        self._tell(ChannelFrame(id=channel.id, open=frame))
        return channel.id

    def listen(self, address: Endpoint) -> int:
        """Ask the agent to listen; return the listener's id. `reset` ends it. Raises LocalProtocolError: too many."""
        channel = self._begin(ChannelKind.LISTENER)
        self._tell(ChannelFrame(id=channel.id, listen=_to_message(address)))
        return channel.id

    def accept(self, channel: int, host: str = "", port: int = 0) -> None:
        """Tell that a channel is connected, or that a listener listens. No-op if it is gone.

        Args:
            channel: the channel or listener.
            host: the address that was dialled or bound.
            port: its port.
        """
        found = self._channels.get(channel)
        if found is not None and found.phase is ChannelPhase.ASKED:
            found.phase = ChannelPhase.OPEN
            self._tell(ChannelFrame(id=channel, opened=OpenedFrame(host=host, port=port)))

    def refuse(self, channel: int, reason: ChannelRefused.Reason, text: str) -> None:
        """Refuse a channel or listener that the other end asks for. No-op if it is gone."""
        found = self._channels.get(channel)
        if found is not None and found.phase is ChannelPhase.ASKED:
            self._forget(found)
            self._refuse(channel, reason, text)

    def space(self, channel: int) -> int:
        """Return how many bytes `write` takes now; once 0, see `writable`. 0 if the channel is gone."""
        found = self._channels.get(channel)
        if found is None:
            return 0
        space = found.outgoing.space(self._most)
        if not space:
            found.outgoing.was_full = True
        return space

    def write(self, channel: int, data: bytes) -> None:
        """Send bytes. No-op if the channel is gone. Raises LocalProtocolError: there is no `space` for them."""
        found = self._channels.get(channel)
        if found is not None and data:
            found.outgoing.put(data)
            self._queued += len(data)
            self._turns.wake(channel)

    def write_datagram(self, channel: int, data: bytes) -> bool:
        """Send a datagram; return whether it will be: False if the channel is gone, or it is too large."""
        found = self._channels.get(channel)
        if found is None or len(data) > MAX_DATAGRAM:
            return False
        before = found.outgoing.queued
        found.outgoing.put_datagram(data, self._most)
        self._queued += found.outgoing.queued - before
        self._datagrams[channel] = None
        return True

    def end(self, channel: int) -> None:
        """Close our half of a connection, behind the bytes that wait. No-op if it is closed, or the channel gone."""
        found = self._channels.get(channel)
        if found is not None and not found.outgoing.is_ending:
            found.outgoing.is_ending = True
            self._turns.wake(channel)

    def reset(self, channel: int, text: str = "") -> None:
        """End a channel or listener at once; what waits is dropped. No-op if it is gone."""
        found = self._channels.get(channel)
        if found is not None:
            self._forget(found)
            unsent = self._control.pop(channel, [])
            if not unsent or unsent[0].WhichOneof("content") not in {"open", "listen"}:  # else it was never told of
                self._tell(ChannelFrame(id=channel, reset=printable(text)))

    def consumed(self, channel: int, size: int) -> None:
        """Give credit for bytes that the socket took. Raises LocalProtocolError: fewer came."""
        found = self._channels.get(channel)
        if found is not None:
            found.incoming.consume(size)
            if found.incoming.is_limit_due:
                self._limits[channel] = None

    def dropped(self, channel: int) -> int:
        """Return how many datagrams of a channel were dropped for newer ones."""
        found = self._channels.get(channel)
        return 0 if found is None else found.outgoing.dropped

    def close(self) -> None:
        """Forget all channels: the link has ended."""
        for found in list(self._channels.values()):
            self._forget(found)
        self._control.clear()

    # messages

    @property
    def _most(self) -> int:
        """How many bytes may wait in a channel now: the other end may take nothing of any."""
        if self._queued <= LINK_BYTES - 4 * SEND_BYTES:
            return SEND_BYTES
        return max(LEAST_BYTES, (LINK_BYTES - self._queued) // 4)

    @property
    def has_output(self) -> bool:
        """Whether `next_message` may have something."""
        return bool(self._control or self._limits or self._turns or self._datagrams)

    @property
    def is_congested(self) -> bool:
        """Whether to receive nothing until more is sent: the other end asks, and does not read our answers."""
        return len(self._control) > _MAX_CONTROL

    def next_message(self, most: int) -> tuple[Msg, bool] | None:
        """Return the next message, and whether it is *newest wins*: datagrams alone. None if there is none.

        Args:
            most: how many bytes of data it should have.
        """
        has_others = bool(self._control or self._limits or self._turns)
        is_their_turn = not (self._control or self._limits or self._was_datagrams)
        self._was_datagrams = bool(self._datagrams) and (is_their_turn or not has_others)
        message = Msg(type=MsgType.channels)
        frames = message.channels.frames  # each is built in its place: copies of large data cost as much as sealing it
        if self._was_datagrams:
            self._add_datagrams(frames, most)
            return message, True
        size = 0
        while self._control and len(frames) < MAX_FRAMES - _MOST_TOLD and size < most:
            told = self._control.pop(next(iter(self._control)))
            frames.extend(told)
            size += sum(FRAME_BYTES + frame.ByteSize() for frame in told)
        while self._limits and len(frames) < MAX_FRAMES:
            channel = next(iter(self._limits))
            del self._limits[channel]
            frames.add(id=channel, limit=self._channels[channel].incoming.limit())
            size += FRAME_BYTES
        while self._turns and len(frames) < MAX_FRAMES and size < most:
            size += self._add_data(frames, most - size)
        return (message, False) if frames else None

    def writable(self) -> list[int]:
        """Return, once, the channels that take bytes again after `space` was 0."""
        found = []
        for channel in self._freed:
            state = self._channels.get(channel)
            if state is not None and state.outgoing.was_full and state.outgoing.space(self._most):
                state.outgoing.was_full = False
                found.append(channel)
        self._freed.clear()
        return found

    def over(self) -> list[int]:
        """Return, once, the connections that are gone because both halves are closed; of others you have heard."""
        found, self._over = self._over, []
        return found

    def receive(self, message: Channels) -> list[ChannelEvent]:
        """Take a message of the other end; return what happened.

        Raises:
            RemoteProtocolError: it breaks the rules. End the link.
        """
        return [event for frames in in_turns(message) for event in self.take(frames)]

    def take(self, frames: Iterable[ChannelFrame]) -> list[ChannelEvent]:
        """Take some frames of a message, see `in_turns`; return what happened. Raises RemoteProtocolError."""
        events: list[ChannelEvent] = []
        for frame in frames:
            event = self._begun(frame) if frame.WhichOneof("content") in {"open", "listen"} else self._take(frame)
            if event is not None:
                events.append(event)
        return events

    def _begun(self, frame: ChannelFrame) -> ChannelEvent | None:
        """Take a frame with which the other end begins a channel or listener."""
        if frame.id % 2 != (1 if self._is_console else 0) or frame.id <= self._last_peer_id:
            raise RemoteProtocolError("a channel's id is used again, or belongs to the other end")
        self._last_peer_id = frame.id
        is_listener = frame.HasField("listen")
        if is_listener and self._is_console:
            raise RemoteProtocolError("an agent asks for a listener")
        address = _from_message(frame.listen if is_listener else frame.open.address)
        if len(self._channels) >= MAX_CHANNELS:
            self._refuse(frame.id, ChannelRefused.TOO_MANY, f"{MAX_CHANNELS} connections already")
            return None
        if is_listener:
            self._add(frame.id, ChannelKind.LISTENER, ChannelPhase.ASKED)
            return ListenAsked(frame.id, address)
        kind = ChannelKind.DATAGRAMS if address.datagrams else ChannelKind.CONNECTION
        self._add(frame.id, kind, ChannelPhase.ASKED)
        return ChannelAsked(frame.id, address, frame.open.listener, frame.open.source)

    def _take(self, frame: ChannelFrame) -> ChannelEvent | None:
        """Take a frame for a channel that exists, or is gone already."""
        found = self._channels.get(frame.id)
        if found is None:
            if frame.HasField("reset"):
                self._control.pop(frame.id, None)
            last = self._last_peer_id if frame.id % 2 == (1 if self._is_console else 0) else self._next_id - 2
            if not 0 < frame.id <= last:
                raise RemoteProtocolError("a frame for a channel that never was")
            return None  # it was on its way when the channel went
        match frame.WhichOneof("content"):
            case "data":
                return self._received(found, frame.data)
            case "limit":
                self._limited(found, frame.limit)
                return None
            case "datagram":
                _check(found.kind is ChannelKind.DATAGRAMS and len(frame.datagram) <= MAX_DATAGRAM)
                return ChannelReceived(found.id, frame.datagram)
            case "end":
                _check(found.kind is ChannelKind.CONNECTION and not found.incoming.has_ended)
                found.incoming.has_ended = True
                self._forget_if_over(found)
                return ChannelEnded(found.id)
            case "reset":
                self._forget(found)
                self._control.pop(found.id, None)  # it needs no answer any more
                return ChannelReset(found.id, frame.reset)
            case "opened":
                _check(found.phase is ChannelPhase.OPENING)
                found.phase = ChannelPhase.OPEN
                return ChannelOpened(found.id, printable(frame.opened.host), frame.opened.port)
            case "refused":
                _check(found.phase is ChannelPhase.OPENING)
                self._forget(found)
                return ChannelNotOpened(found.id, frame.refused.reason, frame.refused.text)
        return None  # of a newer version

    def _received(self, channel: Channel, data: bytes) -> ChannelEvent:
        _check(channel.kind is ChannelKind.CONNECTION and bool(data))
        channel.incoming.take(len(data))
        return ChannelReceived(channel.id, data)

    def _limited(self, channel: Channel, limit: int) -> None:
        _check(channel.kind is ChannelKind.CONNECTION and limit > channel.outgoing.limit)
        channel.outgoing.limit = limit
        self._freed[channel.id] = None

    def _add_data(self, frames: "_Frames", most: int) -> int:
        """Add the next frame of the channel whose turn it is, if any; return its size."""
        channel = self._turns.take()
        if channel is None:
            return 0
        found = self._channels[channel]
        outgoing = found.outgoing
        if not outgoing.queued:
            outgoing.has_ended = True
            self._forget_if_over(found)
            frames.add(id=channel, end=True)
            return FRAME_BYTES
        data = outgoing.take(max(1, min(most, QUANTUM) if self._turns else most))
        self._queued -= len(data)
        self._freed[channel] = None
        self._turns.sent(channel, len(data))
        if outgoing.is_ready:
            self._turns.wake(channel)
        frames.add(id=channel, data=data)
        return FRAME_BYTES + len(data)

    def _add_datagrams(self, frames: "_Frames", most: int) -> None:
        """Add datagrams of all channels in turn: at least one, which may be larger than `most`."""
        size = 0
        while self._datagrams and len(frames) < MAX_FRAMES:
            channel = next(iter(self._datagrams))
            outgoing = self._channels[channel].outgoing
            data = outgoing.take_datagram(most - size if frames else MAX_DATAGRAM)
            if data is None:
                break
            self._queued -= len(data)
            frames.add(id=channel, datagram=data)
            size += FRAME_BYTES + len(data)
            del self._datagrams[channel]
            if outgoing.datagrams:
                self._datagrams[channel] = None

    def _begin(self, kind: ChannelKind) -> Channel:
        if len(self._channels) >= MAX_CHANNELS:
            raise LocalProtocolError(f"{MAX_CHANNELS} connections already")
        channel = self._add(self._next_id, kind, ChannelPhase.OPENING)
        self._next_id += 2
        return channel

    def _add(self, channel: int, kind: ChannelKind, phase: ChannelPhase) -> Channel:
        self._channels[channel] = Channel(channel, kind, phase, Incoming(self._room, self._owner))
        return self._channels[channel]

    def _tell(self, frame: ChannelFrame) -> None:
        """Queue a frame that needs no credit."""
        self._control.setdefault(frame.id, []).append(frame)

    def _refuse(self, channel: int, reason: ChannelRefused.Reason, text: str) -> None:
        refused = ChannelRefused(reason=reason, text=printable(text))
        self._tell(ChannelFrame(id=channel, refused=refused))

    def _forget_if_over(self, channel: Channel) -> None:
        """Forget a connection of which both halves are closed."""
        if channel.incoming.has_ended and channel.outgoing.has_ended:
            self._forget(channel)
            self._over.append(channel.id)

    def _forget(self, channel: Channel) -> None:
        if self._channels.pop(channel.id, None) is not None:
            channel.incoming.close()
            self._queued -= channel.outgoing.queued
            self._turns.forget(channel.id)
            self._limits.pop(channel.id, None)
            self._datagrams.pop(channel.id, None)


def in_turns(message: Channels) -> Iterator[Sequence[ChannelFrame]]:
    """Yield a message's frames in pieces of `FRAMES_A_TURN`.

    Raises:
        RemoteProtocolError: there are too many.
    """
    if len(message.frames) > MAX_FRAMES:
        raise RemoteProtocolError("too many frames in one message")
    for start in range(0, len(message.frames), FRAMES_A_TURN):
        yield message.frames[start : start + FRAMES_A_TURN]


def _check(condition: bool) -> None:
    if not condition:
        raise RemoteProtocolError("a frame that does not fit its channel")


def _to_message(address: Endpoint) -> ForwardAddress:
    return ForwardAddress(
        host=address.host,
        port=address.port,
        path=address.path,
        datagrams=address.datagrams,
        idle_ms=round(address.idle * 1000),
    )


def _from_message(message: ForwardAddress) -> Endpoint:
    """Return the address. Raises RemoteProtocolError: it can't be one."""
    if len(message.host) > _MAX_NAME or len(message.path) > _MAX_NAME or message.port > 0xFFFF:
        raise RemoteProtocolError("invalid address of a channel")
    if b"\0" in message.path or not message.host.isprintable():
        raise RemoteProtocolError("invalid address of a channel")
    idle = min(message.idle_ms / 1000, MAX_IDLE_SECONDS)
    return Endpoint(message.host, message.port, message.path, message.datagrams, idle)
