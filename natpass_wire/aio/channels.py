"""Channels over a link: the task that sends, the task that receives, and who hears of each channel."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Protocol

from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.channels.early import EarlyBytes, EarlyDatagrams
from natpass_wire.channels.events import (
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
from natpass_wire.channels.mux import FRAMES_A_TURN, ChannelMux, in_turns
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.stream.receiver import Room
from natpass_wire.text import printable

#: Seconds between two looks whether all is acknowledged: the end of one command waits for that.
_LOOK_SECONDS = 0.01


class ChannelUser(Protocol):
    """Who has a channel or a listener, and hears of it. The event loop calls these; none may block."""

    def opened(self, host: str, port: int) -> None:
        """Take note that the other end has connected it, or listens, at this address."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """Take note that the other end refuses it; `text` is safe to print. It is gone."""

    def received(self, data: bytes) -> None:
        """Take bytes, or one datagram. Bytes get credit by `ChannelLink.consumed`."""

    def ended(self) -> None:
        """Take note that no more bytes come."""

    def was_reset(self, text: str) -> None:
        """Take note that it is gone; `text` says why, safe to print, and may be empty."""

    def writable(self) -> None:
        """Take note that the channel takes bytes again, after `ChannelLink.space` was 0."""


#: Takes what the other end asks for: give it a user by `use` and accept it, or refuse it, now or later.
Asked = Callable[[ChannelAsked | ListenAsked], None]


class ChannelLink:
    """A link with channels.

    Args:
        link: an open link.
        is_console: whether this is the console's end.
        asked: takes what the other end asks for.
        room: the budget for windows, shared by all links of the process.
        owner: to whom this link's windows are counted.
    """

    def __init__(
        self, link: Link, *, is_console: bool, asked: Asked, room: Room | None = None, owner: Hashable = None
    ) -> None:
        self.link = link
        self._asked = asked
        self._mux = ChannelMux(is_console=is_console, room=room, owner=owner)
        self._users: dict[int, ChannelUser] = {}
        self._early: dict[int, EarlyBytes | EarlyDatagrams] = {}  # what came for channels without a user yet
        self._early_ends: set[int] = set()
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._sends_no_more = False

    def __len__(self) -> int:
        """Return how many channels and listeners there are."""
        return len(self._mux)

    def __contains__(self, channel: object) -> bool:
        return channel in self._mux

    async def run(self) -> End:
        """Carry all channels until the link has ended; return why. Then every user has heard of the end."""
        try:
            async with asyncio.TaskGroup() as group:
                sends = group.create_task(self._send(), name="channels send")
                receives = group.create_task(self._receive(), name="channels receive")
                end = await self.link.ended()
                await receives  # what came before the end
                sends.cancel()
        finally:
            self._mux.close()
            self._sent.set()  # who waits for delivery looks again
            users, self._users = self._users, {}
            for user in users.values():
                user.was_reset("the link has ended")
        return end

    # what users do

    def begin(self, user: ChannelUser, address: Endpoint, listener: int = 0, source: str = "") -> int:
        """Begin a channel, see `ChannelMux.ask`. Bytes may be written at once. Raises LocalProtocolError: too many."""
        channel = self._mux.ask(address, listener, source)
        self._users[channel] = user
        self._wake.set()
        return channel

    def listen(self, user: ChannelUser, address: Endpoint) -> int:
        """Ask the agent to listen, see `ChannelMux.listen`. Raises LocalProtocolError: there are too many."""
        listener = self._mux.listen(address)
        self._users[listener] = user
        self._wake.set()
        return listener

    def use(self, channel: int, user: ChannelUser) -> bool:
        """Set who hears of a channel that the other end asked for; return False if it is gone.

        The user hears at once of what has come already.
        """
        if channel not in self._mux:
            self._early.pop(channel, None)
            return False
        self._users[channel] = user
        early = self._early.pop(channel, None)
        for data in early.pieces() if early is not None else ():
            user.received(data)
        if channel in self._early_ends:
            self._early_ends.remove(channel)
            user.ended()
        return True

    def accept(self, channel: int, host: str = "", port: int = 0) -> None:
        """Tell that a channel is connected, or that a listener listens, at this address. No-op if it is gone."""
        self._mux.accept(channel, host, port)
        self._wake.set()

    def refuse(self, channel: int, reason: ChannelRefused.Reason, text: str) -> None:
        """Refuse what the other end asked for. No-op if it is gone."""
        self._forget(channel)
        self._mux.refuse(channel, reason, text)
        self._wake.set()

    def space(self, channel: int) -> int:
        """Return how many bytes `write` takes now; once it was 0, the user's `writable` is called. 0 if it is gone."""
        return self._mux.space(channel)

    def write(self, channel: int, data: bytes) -> None:
        """Send bytes for which there is `space`. No-op if the channel is gone."""
        self._mux.write(channel, data)
        self._wake.set()

    def write_datagram(self, channel: int, data: bytes) -> bool:
        """Send a datagram; return whether it will be: False if the channel is gone, or it is too large."""
        is_taken = self._mux.write_datagram(channel, data)
        self._wake.set()
        return is_taken

    def end(self, channel: int) -> None:
        """Close our half of a connection, behind what was written."""
        self._mux.end(channel)
        self._wake.set()

    def reset(self, channel: int, text: str = "") -> None:
        """End a channel or listener at once; its user hears no more. No-op if it is gone."""
        self._forget(channel)
        self._mux.reset(channel, text)
        self._wake.set()

    def consumed(self, channel: int, size: int) -> None:
        """Give credit for bytes that `received` got."""
        self._mux.consumed(channel, size)
        if self._mux.has_output:
            self._wake.set()

    async def delivered(self, channel: int) -> bool:
        """Wait until the other end has all of a channel whose both halves are closed; return False if it never has."""
        while channel in self._mux or self._mux.has_output:
            if self.link.end is not None:
                return False
            self._sent.clear()
            await self._sent.wait()
        while self.link.end is None and self.link.unacknowledged:  # noqa: ASYNC110 - acknowledgements wake nobody
            await asyncio.sleep(_LOOK_SECONDS)
        return not self.link.unacknowledged

    # the link

    async def _send(self) -> None:
        try:
            while True:
                while not self._mux.has_output:
                    self._wake.clear()
                    await self._wake.wait()
                room = await self.link.room()
                found = self._mux.next_message(room)
                if found is None:
                    continue
                await self.link.send(found[0], newest=found[1])
                self._sent.set()
                self._go_on()
        except LinkEndedError:
            return
        finally:
            self._sends_no_more = True
            self._sent.set()

    async def _receive(self) -> None:
        handled = 0  # frames since others had a turn
        try:
            while True:
                for message in await self.link.receive_batch():
                    if message.type != MsgType.channels:
                        continue  # of a newer version
                    for frames in in_turns(message.channels):
                        handled += len(frames)
                        if handled > FRAMES_A_TURN:
                            handled = len(frames)
                            await self._others_turn()
                        for event in self._mux.take(frames):
                            self._dispatch(event)
                self._settle()
                while self._mux.is_congested and not self._sends_no_more:
                    self._sent.clear()
                    await self._sent.wait()
        except LinkEndedError:
            return
        except RemoteProtocolError as error:
            self.link.close(str(error), LinkEnd.FAILED)

    async def _others_turn(self) -> None:
        """Let all else go on, while frames wait that have come."""
        self._settle()
        await asyncio.sleep(0)

    def _settle(self) -> None:
        """Have sent what the last frames have caused."""
        self._go_on()
        if self._mux.has_output:
            self._wake.set()

    def _go_on(self) -> None:
        """Tell users that their channels take bytes again, and forget those whose connections are over."""
        for channel in self._mux.over():
            self._forget(channel)
        for channel in self._mux.writable():
            if (user := self._users.get(channel)) is not None:
                user.writable()

    def _dispatch(self, event: ChannelEvent) -> None:
        if isinstance(event, ChannelAsked | ListenAsked):
            if isinstance(event, ChannelAsked):
                self._early[event.id] = EarlyDatagrams() if event.address.datagrams else EarlyBytes()
            self._asked(event)
            return
        user = self._users.get(event.id)
        if user is None:
            self._keep(event)
            return
        match event:
            case ChannelReceived(_, data):
                user.received(data)
            case ChannelEnded():
                user.ended()
            case ChannelOpened(_, host, port):
                user.opened(host, port)
            case ChannelNotOpened(channel, reason, text):
                self._forget(channel)
                user.not_opened(reason, printable(text))
            case ChannelReset(channel, text):
                self._forget(channel)
                user.was_reset(printable(text))

    def _keep(self, event: ChannelEvent) -> None:
        """Keep what comes for a channel that has no user yet."""
        match event:
            case ChannelReceived(channel, data):
                if (early := self._early.get(channel)) is not None:
                    early.add(data)
            case ChannelEnded(channel):
                self._early_ends.add(channel)
            case ChannelReset(channel):
                self._forget(channel)

    def _forget(self, channel: int) -> None:
        self._users.pop(channel, None)
        self._early.pop(channel, None)
        self._early_ends.discard(channel)
