"""Forwards through existing agents (np-cli up to 0.6), which know no channels: each is a plain link of kind tcp or udp.

`ExistingAgent` plays the agent's end of a forward's link in this process, so that everything else here knows one kind
of agent.

    connection -- ChannelLink ── in-process link ── ChannelLink -- ExistingAgent -- plain links --> existing agent
"""

# Why: docs/decisions/092-forwards-of-existing-programs.md
# Why: docs/decisions/099-slow-programs-and-existing-agents.md

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol

from natpass_tui.links.in_process import InProcessLink
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked, Endpoint, ListenAsked
from natpass_wire.errors import LocalProtocolError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import ConnectAddr, ConnectRequest, ConnectResponse, Data, LinkEnd

log = logging.getLogger(__name__)

#: These programs know no half-close. When ours has closed its half, the answer still comes; the link ends when the
#: target was quiet for so many seconds.
QUIET_SECONDS = 5.0
#: Seconds for a program here to close its half after the target has closed the connection.
LINGER_SECONDS = 30.0
#: Bytes of a connection that wait for the program here, and of all connections to an agent. Plain links have no credit:
#: what is not read holds up all links of the console. So all is read, and what would be beyond is reset.
MOST_WAITING, MOST_WAITING_IN_ALL = 64 * 1024 * 1024, 128 * 1024 * 1024
#: A line may be faster than this process, for any program. So reading pauses at this part of `MOST_WAITING`, once, for
#: so many seconds, until half of that has gone: the other links do not notice that.
_PAUSE_PART, _PAUSE_SECONDS = 16, 0.05
#: Datagrams that wait while the network is slow; the oldest is dropped for a newer one.
MOST_DATAGRAMS = 64
#: Words in the refusals of existing agents (Go's errors), and what they mean.
_REASONS = {
    "connection refused": ChannelRefused.NOT_LISTENING,
    "no such host": ChannelRefused.NO_HOST,
    "unreachable": ChannelRefused.UNREACHABLE,
    "no route to host": ChannelRefused.UNREACHABLE,
    "timeout": ChannelRefused.TIMED_OUT,
    "did not answer": ChannelRefused.TIMED_OUT,
}


class Opener(Protocol):
    """Opens plain links."""

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        """Open a link. Raises LinkEndedError."""
        ...


class ExistingAgent:
    """The agent's end of a forward's link, for an existing agent.

    Args:
        agent: the agent's id.
        opener: opens its plain links.
        quiet: see `QUIET_SECONDS`.
        linger: see `LINGER_SECONDS`.
        most: see `MOST_WAITING`.
        most_in_all: see there.
    """

    def __init__(
        self,
        agent: str,
        opener: Opener,
        quiet: float = QUIET_SECONDS,
        linger: float = LINGER_SECONDS,
        *,
        most: int = MOST_WAITING,
        most_in_all: int = MOST_WAITING_IN_ALL,
    ) -> None:
        self._agent = agent
        self._opener = opener
        self._quiet = quiet
        self._linger = linger
        self._budget = _Budget(most, most_in_all)
        self._tasks = Tasks()
        #: The console's end.
        self.link, ours = InProcessLink.pair(agent)
        self._channels = ChannelLink(ours, is_console=False, asked=self._asked)

    async def run(self) -> None:
        """Serve until the console's end is closed."""
        try:
            await self._channels.run()
        finally:
            await self._tasks.close()

    def _asked(self, asked: ChannelAsked | ListenAsked) -> None:
        if isinstance(asked, ListenAsked):
            self._channels.refuse(asked.id, ChannelRefused.NOT_ALLOWED, "an existing natpass agent can't listen")
        elif asked.address.path:
            text = "an existing natpass agent reaches no Unix sockets"
            self._channels.refuse(asked.id, ChannelRefused.NOT_ALLOWED, text)
        else:
            self._tasks.start(self._serve(asked), f"existing forward {asked.id}")

    async def _serve(self, asked: ChannelAsked) -> None:
        try:
            link = await self._opener.open_link(self._agent, request(asked.address))
        except LinkEndedError as error:
            self._channels.refuse(asked.id, reason_of(error.end), str(error))
            return
        except LocalProtocolError as error:
            self._channels.refuse(asked.id, ChannelRefused.TOO_MANY, str(error))
            return
        if asked.address.datagrams:
            carried: _Flow | _Connection = _Flow(self._channels, asked.id, link)
        else:
            quiet, linger = self._quiet, self._linger
            carried = _Connection(self._channels, asked.id, link, self._budget, quiet=quiet, linger=linger)
        try:
            if self._channels.use(asked.id, carried):
                self._channels.accept(asked.id, asked.address.host, asked.address.port)
                await carried.run()
        finally:
            link.close()


def played(agent: str, opener: Opener) -> tuple[Link, Coroutine[Any, Any, None]]:
    """Return a link of kind forward to an existing agent, and the work of its other end."""
    existing = ExistingAgent(agent, opener)
    return existing.link, existing.run()


def request(address: Endpoint) -> ConnectRequest:
    """Return the request for an address.

    The rule's name differs for each address: existing agents keep a rule by its name (docs/wire.md §5). They dial as
    Go does, which wants brackets around an IPv6 address.
    """
    host = f"[{address.host}]" if ":" in address.host else address.host
    kind, name = (ConnectRequest.udp, "udp") if address.datagrams else (ConnectRequest.tcp, "tcp")
    where = ConnectAddr(addr=host, port=address.port)
    return ConnectRequest(name=f"{name} {host}:{address.port}", kind=kind, caddr=where)


def reason_of(end: End) -> ChannelRefused.Reason:
    """Return the reason of a refusal, for a program."""
    if end.reason == ConnectResponse.ABSENT:
        return ChannelRefused.UNREACHABLE
    return next((reason for words, reason in _REASONS.items() if words in end.text), ChannelRefused.FAILED)


class _User:
    """What a channel's user of an accepting end never hears, and the wake-ups that both kinds need."""

    def __init__(self, channels: ChannelLink, channel: int, link: Link) -> None:
        self._channels = channels
        self._channel = channel
        self._link = link
        self._waiting: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._has_ended = False
        self._is_reset = False

    def opened(self, host: str, port: int) -> None:
        """No-op: we accept, and do not open."""

    def not_opened(self, reason: ChannelRefused.Reason, text: str) -> None:
        """No-op, as above."""

    def received(self, data: bytes) -> None:
        """Keep what the console sends until there is room."""
        self._waiting.append(data)
        self._changed.set()

    def ended(self) -> None:
        """Take note that the console sends no more."""
        self._has_ended = True
        self._changed.set()

    def was_reset(self, text: str) -> None:
        """End the plain link at once."""
        self._is_reset = True
        self._link.close()
        self._changed.set()
        self._writable.set()

    def writable(self) -> None:
        """Take note that the channel takes bytes again."""
        self._writable.set()


class _Budget:
    """Bytes of the connections to one agent that wait for programs here.

    Args:
        most: of one connection.
        most_in_all: of all.
    """

    def __init__(self, most: int, most_in_all: int) -> None:
        self._most = most
        self._most_in_all = most_in_all
        self._waiting: dict[_Connection, int] = {}
        self._in_all = 0

    def pauses(self, connection: "_Connection", part: float = 1.0) -> bool:
        """Tell whether so much of a connection waits that reading should pause, or a part of that."""
        return self._waiting.get(connection, 0) > part * self._most / _PAUSE_PART

    def add(self, connection: "_Connection", size: int) -> None:
        """Count bytes of a connection, or fewer of them; give up those that are beyond the budget."""
        self._waiting[connection] = self._waiting.get(connection, 0) + size
        self._in_all += size
        if self._waiting[connection] > self._most:
            connection.give_up()
        elif self._in_all > self._most_in_all:
            max(self._waiting, key=self._waiting.__getitem__).give_up()

    def forget(self, connection: "_Connection") -> None:
        """Count none of a connection."""
        self._in_all -= self._waiting.pop(connection, 0)


class _Connection(_User):
    """A connection: a channel, and the plain link that carries it.

    Args:
        channels: the channel's link.
        channel: its number.
        link: the plain link, which is open.
        budget: for what waits for the program here.
        quiet: see `QUIET_SECONDS`.
        linger: see `LINGER_SECONDS`.
    """

    def __init__(
        self, channels: ChannelLink, channel: int, link: Link, budget: _Budget, *, quiet: float, linger: float
    ) -> None:
        super().__init__(channels, channel, link)
        self._quiet = quiet
        self._linger = linger
        self._budget = budget
        self._came = 0  # messages of the target
        self._said: deque[bytes] = deque()  # of the target, for the program here; bounded by the budget
        self._heard = asyncio.Event()  # something new in there
        self._passed = asyncio.Event()  # something less in there
        self._may_pause = True

    def give_up(self) -> None:
        """Reset it: the program here takes too little."""
        self._said.clear()
        self._budget.forget(self)
        self._channels.reset(self._channel, "the program here takes too little, and an existing agent can't wait")
        self.was_reset("")

    def was_reset(self, text: str) -> None:
        """End the plain link at once."""
        super().was_reset(text)
        self._heard.set()
        self._passed.set()

    async def run(self) -> None:
        """Carry bytes both ways until both ends are over."""
        tasks = Tasks()
        there = tasks.start(self._to_agent(), "existing forward to agent")
        tasks.start(self._to_console(), "existing forward to console")
        try:
            end = await self._from_agent()
            if self._is_reset:
                return
            if end.cause in {LinkEnd.FAILED, LinkEnd.PEER_GONE, LinkEnd.TIMED_OUT}:
                self._channels.reset(self._channel, end.text or "the agent is gone")
                return
            if not await self._all_passed():
                self._channels.reset(self._channel, "the target has closed the connection")
                return
            self._channels.end(self._channel)  # not a reset: what the target has said arrives
            try:
                async with asyncio.timeout(self._linger):
                    await self._closed()
            except TimeoutError:
                self._channels.reset(self._channel, "the target has closed the connection")
            else:
                await tasks.close()
        finally:
            there.cancel()
            self._budget.forget(self)
            await tasks.close()

    async def _from_agent(self) -> End:
        """Take what the target says, at any rate, until the link ends; return why."""
        while True:
            try:
                message = await self._link.receive()
            except LinkEndedError as error:
                return error.end
            self._came += 1
            data = message.data.data if message.type == MsgType.forward else b""
            if data and not self._is_reset:
                self._said.append(data)
                self._heard.set()
                self._budget.add(self, len(data))
                if not self._budget.pauses(self, 0.5):
                    self._may_pause = True
                elif self._may_pause and self._budget.pauses(self):
                    await self._pause()

    async def _pause(self) -> None:
        """Read nothing for a moment, in which a program that reads takes what waits."""
        self._may_pause = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE_SECONDS):
                while self._budget.pauses(self, 0.5):
                    self._passed.clear()
                    await self._passed.wait()
                self._may_pause = True  # it reads

    async def _to_console(self) -> None:
        """Pass on what the target has said, at the pace of the program here."""
        while not self._is_reset:
            if not self._said:
                self._heard.clear()
                await self._heard.wait()
            elif not (space := self._channels.space(self._channel)):
                self._writable.clear()
                await self._writable.wait()
            else:
                data = self._said.popleft()
                self._channels.write(self._channel, data[:space])
                if rest := data[space:]:
                    self._said.appendleft(rest)
                self._budget.add(self, -min(space, len(data)))
                self._passed.set()

    async def _all_passed(self) -> bool:
        """Wait until the program here has taken all; return False if it is gone, or takes nothing for too long."""
        while self._said and not self._is_reset:
            self._passed.clear()
            try:
                async with asyncio.timeout(self._linger):
                    await self._passed.wait()
            except TimeoutError:
                return False
        return not self._is_reset

    async def _to_agent(self) -> None:
        """Pass on what the console sends; when it has closed its half, wait until the target is quiet."""
        with contextlib.suppress(LinkEndedError):
            while True:
                while self._waiting:
                    data = self._waiting.popleft()
                    await self._link.send(Msg(type=MsgType.forward, data=Data(data=data)))
                    self._channels.consumed(self._channel, len(data))
                if self._has_ended:
                    break
                await self._change()
            came = -1
            while came != self._came:
                came = self._came
                await asyncio.sleep(self._quiet)
            self._link.close()

    async def _closed(self) -> None:
        """Wait until the console has closed its half too; drop what it sends meanwhile, as a closed socket does."""
        while not (self._has_ended or self._is_reset):
            while self._waiting:
                self._channels.consumed(self._channel, len(self._waiting.popleft()))
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class _Flow(_User):
    """A flow of datagrams: a channel, and the plain link that carries it."""

    def received(self, data: bytes) -> None:
        """Keep a datagram, in place of the oldest if too many wait."""
        if len(self._waiting) == MOST_DATAGRAMS:
            self._waiting.popleft()
        super().received(data)

    async def run(self) -> None:
        """Carry datagrams both ways until either end is over."""
        tasks = Tasks()
        tasks.start(self._to_agent(), "existing datagrams to agent")
        try:
            while True:
                message = await self._link.receive()
                if message.type == MsgType.forward:
                    self._channels.write_datagram(self._channel, message.data.data)
        except LinkEndedError as error:
            if not self._is_reset:
                self._channels.reset(self._channel, error.end.text or "the agent has ended it")
        finally:
            await tasks.close()

    async def _to_agent(self) -> None:
        with contextlib.suppress(LinkEndedError):
            while True:
                await self._link.room()  # first: while there is none, newer datagrams may take the place of older ones
                while not self._waiting:
                    self._changed.clear()
                    await self._changed.wait()
                data = self._waiting.popleft()
                await self._link.send(Msg(type=MsgType.forward, data=Data(data=data)), newest=True)
