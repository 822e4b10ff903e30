"""A client's standing connection to its relay: dial, log in, serve, and start again, forever."""

# Why: docs/decisions/014-reconnecting.md

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from natpass_wire.aio import whereabouts
from natpass_wire.aio.dial import LoggedIn, RelayTarget, dial
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.plain_links import OPEN_SECONDS
from natpass_wire.aio.reach import DialError
from natpass_wire.aio.relay_connection import RelayConnection
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.aio.streams import KEEP_SECONDS, Streams
from natpass_wire.aio.tasks import Tasks
from natpass_wire.backoff import Backoff
from natpass_wire.errors import LoginRefusedError, ProtocolError, RelayNotTrustedError
from natpass_wire.keepalive import Keepalive
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, Notice
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.login_pb2 import Refusal
from natpass_wire.race import Experience
from natpass_wire.repeats import Repeats
from natpass_wire.roaming import LOOK_SECONDS, UNKNOWN, Roaming, Sign, answer_seconds

log = logging.getLogger(__name__)


#: A connection that lived for less counts as a failed attempt, so that we don't dial a dying relay in a tight loop.
STEADY_SECONDS = 5.0


class Phase(Enum):
    """The state of a client's connection to the relay."""

    CONNECTING = auto()
    ONLINE = auto()
    WAITING = auto()  # for the next attempt


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """The state of a client's connection, with details.

    Attributes:
        phase: the state.
        reason: why the last connection or attempt ended, safe to print; empty if there was none.
        refused: the relay refused the last attempt, or another process with our instance token took our place.
        retry_at: for WAITING: when the next attempt is made, in the loop's time.
    """

    phase: Phase
    reason: str = ""
    refused: bool = False
    retry_at: float = 0.0


class RelayClient:
    """Keeps one client logged in.

    Args:
        target: the relay, and who we are.
        on_status: called at every change.
        on_link: called with plain links that peers ask for; None: we take none.
        on_stream: called with streams that peers ask for; None: we serve none.
        keep_seconds: how long we keep a stream whose opener is away.
        is_listed: tells whether we know a static key by name, see `Streams`.
        on_relay_message: called with the relay's own messages.
        on_online: called with each new connection, before anything else uses it.
        allow_unsealed: also accept links that are not sealed.
        rng: randomness for the delays, uniform in [0, 1).
    """

    def __init__(
        self,
        target: RelayTarget,
        *,
        on_status: Callable[[RelayStatus], None] | None = None,
        on_link: Callable[[IncomingLink, ConnectRequest], None] | None = None,
        on_stream: Callable[[IncomingLink, ConnectRequest], None] | None = None,
        keep_seconds: float = KEEP_SECONDS,
        is_listed: Callable[[bytes], bool] = lambda _key: False,
        on_relay_message: Callable[[Msg], None] | None = None,
        on_online: Callable[[RelayConnection], None] | None = None,
        allow_unsealed: bool = False,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.target = target
        self._on_status = on_status
        self._on_link = on_link
        self._on_relay_message = on_relay_message
        self._on_online = on_online
        self._allow_unsealed = allow_unsealed
        self._rng = rng
        self._backoff = Backoff()
        self._repeats = Repeats()
        self._waiters = 0
        self._retry = False
        self._changed = asyncio.Event()
        self._buffers = ReadBuffers()
        self._experience = Experience()
        self._dialling: asyncio.Timeout | None = None
        self._at_once = False
        self._socket: FrameSocket | None = None
        #: The links that outlive connections.
        self.streams = Streams(on_stream, keep_seconds, is_listed)
        #: The connection, None while there is none.
        self.connection: RelayConnection | None = None
        #: The connection's state.
        self.status = RelayStatus(Phase.CONNECTING)

    @property
    def client_id(self) -> str:
        """Our id."""
        return self.target.claims.client_id

    @property
    def round_trip(self) -> float | None:
        """Seconds to the relay and back, None until measured."""
        return self.connection.life.round_trip if self.connection else None

    async def run(self) -> None:
        """Stay logged in until cancelled."""
        tasks = Tasks()
        tasks.start(self._watch(), "watch clocks and addresses")
        try:
            while True:
                await self._once()
                delay = self._backoff.delay(
                    links_wait=self._is_waited_for, refused=self.status.refused, random=self._rng()
                )
                at_once, self._at_once = self._at_once, False
                if delay and not at_once:
                    retry_at = asyncio.get_running_loop().time() + delay
                    self._set(RelayStatus(Phase.WAITING, self.status.reason, self.status.refused, retry_at))
                    await self._wait_for_retry(delay)
        finally:
            await tasks.close()
            self.streams.close()
            if self.connection is not None:
                self.connection.close()
                self.connection = None

    async def online(self) -> RelayConnection:
        """Wait until logged in; return the connection. While callers wait, attempts are more frequent."""
        self._waiters += 1
        try:
            while self.connection is None:
                self._changed.clear()
                await self._changed.wait()
            return self.connection
        finally:
            self._waiters -= 1

    async def open_link(
        self, peer: str, request: ConnectRequest, timeout: float = OPEN_SECONDS, *, plain: bool = False
    ) -> Link:
        """Open a link on the present connection: a stream, which outlives the connection.

        Args:
            peer: the target's client id.
            request: what to open.
            timeout: seconds.
            plain: open a plain link, for existing natpass programs; it ends with the connection.

        Raises:
            LinkEndedError: there is no connection, or the link was refused, or not answered in time.
        """
        if self.connection is None:
            why = self.status.reason or "not connected to the relay"
            raise LinkEndedError(End(LinkEnd.PEER_GONE, why, reason=ConnectResponse.UNSET))
        if plain:
            return await self.connection.plain_links.open(peer, request, timeout)
        return await self.streams.open(peer, request, timeout)

    @property
    def _is_waited_for(self) -> bool:
        """Whether a caller or a stream waits for a connection."""
        return self._waiters > 0 or self.streams.is_waiting

    def retry_links(self, peer: str) -> None:
        """Note that `peer` is back: waiting streams to it go on at once."""
        self.streams.retry(peer)

    async def settled(self, seconds: float) -> None:
        """Wait until the ends of our streams are acknowledged, at most so many seconds."""
        await self.streams.settled(seconds)

    def retry_now(self) -> None:
        """Make the next attempt at once."""
        self._retry = True
        self._changed.set()

    async def _once(self) -> None:
        """Make one attempt, and keep the connection while it lives."""
        self._set(RelayStatus(Phase.CONNECTING, self.status.reason))
        try:
            logged_in = await self._dial()
        except TimeoutError:  # an attempt from the old address leads nowhere
            self._at_once = True
        except LoginRefusedError as error:
            # A relay without room has not judged us: that passes sooner than a wrong secret does.
            judged = error.code != Refusal.OVERLOADED
            self._failed(f"the relay refuses the login: {error.text}", refused=judged)
        except RelayNotTrustedError as error:
            self._failed(str(error), refused=True)
        except (DialError, ProtocolError) as error:
            self._failed(str(error), refused=False)
        else:
            reason, replaced = await self._serve(logged_in)
            self._failed(reason, refused=replaced)

    async def _dial(self) -> LoggedIn:
        """Dial; a TimeoutError means that the network has changed meanwhile."""
        try:
            async with asyncio.timeout(None) as self._dialling:
                return await dial(self.target, self._buffers, self._experience)
        finally:
            self._dialling = None

    async def _watch(self) -> None:
        """Watch the clocks and our own address, and doubt the connection when they have jumped."""
        roaming = Roaming()
        async with asyncio.TaskGroup() as group:
            while True:
                socket = self._socket
                peer, ours = (socket.peer, socket.own_host) if socket is not None else (None, None)
                if peer is None and (good := self._experience.good) is not None:
                    peer = (good.host, good.port)
                here = whereabouts.own_address(peer) if peer is not None else UNKNOWN
                sign = roaming.look(*whereabouts.clocks(), here, ours)
                if sign is None:
                    pass
                elif self.connection is None or socket is None:
                    self._dial_anew(sign)
                elif here and ours is not None and here != ours and not whereabouts.is_own(ours):
                    self._give_up(socket, sign.value)  # answers to our old address are lost
                else:
                    group.create_task(self._examine(self.connection, socket, sign), name="examine the connection")
                await asyncio.sleep(LOOK_SECONDS)

    def _dial_anew(self, sign: Sign) -> None:
        """Make the next attempt at once; give up an attempt from another network."""
        if self._dialling is None:
            self.retry_now()
        elif sign is not Sign.STOOD_STILL:  # otherwise a busy machine would start anew forever
            self._dialling.reschedule(0.0)
            self._dialling = None

    async def _examine(self, connection: RelayConnection, socket: FrameSocket, sign: Sign) -> None:
        """Give a connection up if the relay gives no sign of life within a second or two.

        On a slow line the question waits behind earlier data. While that shrinks, the line is not dead.
        """
        answers, waited = connection.life.answers, socket.untaken_bytes
        if not connection.life.ask():
            return
        log.info("%s: the relay is asked for a sign of life", sign.value)
        is_moving = True
        while is_moving:
            taken = socket.sent_bytes - socket.untaken_bytes
            half = answer_seconds(connection.life.round_trip, is_behind=waited > 0) / 2
            await asyncio.sleep(half)
            received = socket.received_bytes  # data from before the stall has been read by now: it was no sign of life
            waited = socket.untaken_bytes
            await asyncio.sleep(half)
            if connection.life.answers != answers or socket.received_bytes != received or connection.ended.done():
                return
            left = socket.untaken_bytes
            # If nothing waits any more, the answer is due; not if the queue became empty only just now.
            is_moving = waited > 0 and socket.sent_bytes - left > taken
        self._give_up(socket, f"{sign.value}, and the relay does not answer")

    def _give_up(self, socket: FrameSocket, reason: str) -> None:
        self._at_once = True
        socket.abort(TimeoutError(reason))

    async def _serve(self, logged_in: LoggedIn) -> tuple[str, bool]:
        """Keep a connection until it ends; return why it ended, and whether another process has taken our place.

        Otherwise two machines with one copied instance token would replace each other as fast as they can dial.
        """
        keepalive = Keepalive.start(asyncio.get_running_loop().time(), logged_in.keepalive_interval, logged_in.silence)
        connection = RelayConnection(
            logged_in.socket,
            self.client_id,
            keepalive,
            pings=logged_in.pings,
            on_link=self._on_link,
            on_carrier=self.streams.arriving,
            judge=self.streams.offered,
            on_relay_message=self._on_relay_message,
            capabilities=logged_in.capabilities,
            sealing=self.target.sealing,
            allow_unsealed=self._allow_unsealed,
        )
        self.connection, self._socket = connection, logged_in.socket
        log.info("logged in at %s%s as %s", self.target.address, self.target.through, self.client_id)
        if self._on_online is not None:
            self._on_online(connection)
        # Before the hand-over: data right after the login may be links for streams, which need an answer.
        self.streams.online(connection)
        logged_in.hand_over(connection)
        self._set(RelayStatus(Phase.ONLINE))
        since = asyncio.get_running_loop().time()
        try:
            reason = await connection.run()
            return reason, connection.notice is not None and connection.notice.code == Notice.REPLACED
        finally:
            connection.close()
            self.connection = self._socket = None
            self.streams.offline()
            # Cancelled: waiting data is sent before the program ends (within CLOSE_SECONDS).
            await asyncio.wait([connection.ended])
            if asyncio.get_running_loop().time() - since >= STEADY_SECONDS:
                self._backoff.succeeded()
                self._repeats.forget()

    def _failed(self, reason: str, *, refused: bool) -> None:
        self._backoff.failed()
        if line := self._repeats.note(reason, asyncio.get_running_loop().time()):
            log.warning("%s", line)
        self._set(RelayStatus(Phase.CONNECTING, reason, refused))

    async def _wait_for_retry(self, delay: float) -> None:
        """Wait for `delay` seconds, or less if a caller starts to wait for the connection."""
        loop = asyncio.get_running_loop()
        until = loop.time() + delay
        waited_for = self._is_waited_for
        self._retry = False
        while not self._retry and (rest := until - loop.time()) > 0:
            if self._is_waited_for and not waited_for and not self.status.refused:
                return
            self._changed.clear()
            try:
                async with asyncio.timeout(min(rest, 0.25)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _set(self, status: RelayStatus) -> None:
        if status == self.status:
            return
        self.status = status
        self._changed.set()
        if self._on_status is not None:
            self._on_status(status)
