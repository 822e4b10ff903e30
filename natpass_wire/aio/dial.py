"""Dialling a relay and logging in."""

import asyncio
import contextlib
import ipaddress
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256

from natpass_wire import envelope
from natpass_wire.aio.reach import Destination, DialError, reach, reason_of, through
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sealing import Sealing
from natpass_wire.aio.sockets import FrameHandler, FrameSocket
from natpass_wire.aio.tls import client_context
from natpass_wire.errors import LoginRefusedError, NatpassError, RemoteProtocolError
from natpass_wire.frame import Batch, encode_frame
from natpass_wire.ids import RELAY_ID
from natpass_wire.keepalive import CLIENT_SILENCE_LEGACY, INTERVAL_LEGACY, INTERVAL_V2, SILENCE_V2
from natpass_wire.login import legacy, v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.login_pb2 import HandshakePayload, Refusal
from natpass_wire.proxy import Proxy
from natpass_wire.race import Experience

#: Bounds for the keepalive interval that a relay asks for, in seconds.
_LEAST_INTERVAL, _MOST_INTERVAL = 0.1, 60.0
#: An older dialect's login is refused if the relay closes the connection within so many seconds.
CONSENT_SECONDS = 1.0
#: How many silent intervals end a connection.
_SILENT_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where the relay listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the connection can't leave this machine."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class LegacyLogin:
    """The login at an existing np-svr."""

    dialect: legacy.Dialect
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RelayTarget:
    """A relay, and how to log in there.

    Attributes:
        address: where it listens.
        tls: whether it speaks TLS.
        claims: who we are.
        login: the key of handshake v2, or the login of an older dialect.
        verify: check the certificate against the system's authorities. Handshake v2 binds the certificate itself.
        dead_after: seconds of silence that end the connection, with handshake v2; the relay may want fewer.
        sealing: how our links are sealed, None if they are not.
        secret_from: the secret's source, such as a file name; named if the relay finds the secret wrong.
        proxy: the proxy on the way there, None if there is none.
    """

    address: RelayAddress
    tls: bool
    claims: v2.Claims
    login: LoginKey | LegacyLogin
    verify: bool = False
    dead_after: float = SILENCE_V2
    sealing: Sealing | None = None
    secret_from: str = ""
    proxy: Proxy | None = None

    @property
    def through(self) -> str:
        """The proxy on the way, for people; empty without one."""
        return through(self.proxy)

    @property
    def place(self) -> Destination:
        """Where to connect to."""
        tls = client_context(verify=self.verify) if self.tls else None
        return Destination(self.address.host, self.address.port, tls, self.proxy)


@dataclass(slots=True)
class LoggedIn:
    """A connection that the relay let in; its frames have no handler yet.

    Attributes:
        socket: the connection.
        keepalive_interval: seconds.
        silence: give the relay up after this many seconds.
        pings: whether the relay answers pings and supports our extensions.
        capabilities: what the relay supports beyond docs/wire.md §2.
    """

    socket: FrameSocket
    _handler: "_LoginHandler"
    keepalive_interval: float
    silence: float
    pings: bool
    capabilities: frozenset[str] = frozenset()

    def hand_over(self, handler: FrameHandler) -> None:
        """Give the connection its handler, with everything received since the login."""
        self._handler.hand_over(handler)


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine's loopback: the name localhost, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def dial(target: RelayTarget, buffers: ReadBuffers, experience: Experience | None = None) -> LoggedIn:
    """Connect to the relay within 8 s, and log in within 10 s.

    Args:
        target: the relay, and who we are.
        buffers: the loop's read buffers.
        experience: what we know of the relay's addresses; updated here.

    Raises:
        DialError: the connection failed.
        LoginRefusedError: the relay does not let us in.
        RelayNotTrustedError: it does not know the secret.
        RemoteProtocolError: it is not a natpass relay, or broken.
    """
    experience = Experience() if experience is None else experience
    handler, address = await reach(target.place, _LoginHandler, buffers, experience)
    socket = handler.socket
    try:
        async with asyncio.timeout(v2.LOGIN_SECONDS):
            logged_in = await _log_in(target, socket, handler)
    except TimeoutError as error:
        socket.abort()
        experience.failed(address)
        if socket.received_bytes:
            text = f"{target.address} does not answer the login: is it a natpass relay?"
        else:  # its system accepted the connection; we can't tell whether the network or the program is slow
            text = f"no answer from {target.address} within {v2.LOGIN_SECONDS:.0f} s"
        raise DialError(text) from error
    except LoginRefusedError as error:
        socket.abort()
        if error.code != Refusal.WRONG_SECRET or not target.secret_from:
            raise
        raise LoginRefusedError(f"{error.text} (from {target.secret_from})", error.code) from None
    except BaseException as error:
        socket.abort()
        if isinstance(error, NatpassError):  # another address of that name may be a relay
            experience.failed(address)
        raise
    experience.worked(address)
    return logged_in


async def _log_in(target: RelayTarget, socket: FrameSocket, handler: "_LoginHandler") -> LoggedIn:
    if isinstance(target.login, LegacyLogin):
        enc = legacy.encode(target.login.dialect, target.login.secret, time.time())
        hello = Msg(type=MsgType.handshake, from_id=target.claims.client_id, to=RELAY_ID, hsp=HandshakePayload(enc=enc))
        socket.write(envelope.to_frame(hello))
        await handler.no_refusal(target.login.dialect)
        return LoggedIn(socket, handler, INTERVAL_LEGACY, CLIENT_SILENCE_LEGACY, pings=False)
    certificate = socket.peer_certificate()
    binding = v2.tls_binding(sha256(certificate).digest()) if certificate else v2.NO_TLS
    login = v2.ClientLogin(target.login, target.claims, binding, secrets.token_bytes(v2.NONCE_BYTES))
    socket.write(envelope.to_frame(login.hello()))
    while login.accepted is None:
        answer = login.receive(await handler.next_message())
        if answer is not None:
            socket.write(envelope.to_frame(answer))
    asked = login.accepted.keepalive_ms / 1000 or INTERVAL_V2
    interval = min(max(asked, _LEAST_INTERVAL), _MOST_INTERVAL, target.dead_after / _SILENT_INTERVALS)
    silence = interval * _SILENT_INTERVALS
    return LoggedIn(socket, handler, interval, silence, pings=True, capabilities=login.relay_capabilities)


class _LoginHandler:
    """Handles a connection during the login."""

    socket: FrameSocket

    def __init__(self) -> None:
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._payloads: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._lost: tuple[Exception | None] | None = None

    async def ready(self) -> None:
        """Wait until frames can be sent."""
        await self._ready

    async def next_message(self) -> Msg:
        """Return the next message.

        Raises:
            DialError: the connection is gone.
            RemoteProtocolError: the data is not a valid message.
        """
        while not self._payloads:
            if self._lost is not None:
                raise _lost_at_login(self._lost[0])
            self._changed.clear()
            await self._changed.wait()
        return envelope.parse(self._payloads.popleft())

    async def no_refusal(self, dialect: legacy.Dialect) -> None:
        """Wait until a login of an older dialect counts as accepted: silence means yes, a closed connection no.

        Raises:
            LoginRefusedError: the relay closed the connection.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONSENT_SECONDS):
                while not self._payloads and self._lost is None:
                    self._changed.clear()
                    await self._changed.wait()
        if self._lost is not None:
            or_clock = ", a clock that is minutes off," if dialect is legacy.Dialect.HMAC else ""
            raise LoginRefusedError(
                f"it closed the connection: wrong legacy secret{or_clock} or another dialect than {dialect} (--legacy)?"
            )

    def hand_over(self, handler: FrameHandler) -> None:
        """Give `handler` the connection, with everything received since the login."""
        self.socket.handler = handler
        self.socket.lift_allowance()
        try:
            while self._payloads:
                frame = encode_frame(self._payloads.popleft())
                handler.batch_received(Batch(memoryview(frame), [0, len(frame)]))
        except RemoteProtocolError as error:
            self._payloads.clear()
            self.socket.abort(error)
        if self._lost is not None:
            handler.socket_lost(self._lost[0])

    def socket_ready(self) -> None:
        if not self._ready.done():  # the waiter may have been cancelled in this very turn of the loop
            self._ready.set_result(None)

    def batch_received(self, batch: Batch) -> None:
        self._payloads.extend(batch.payloads())
        self._changed.set()

    def writable_changed(self, writable: bool) -> None:
        """No-op: the next handler checks the socket."""

    def socket_lost(self, error: Exception | None) -> None:
        self._lost = (error,)
        self._changed.set()
        if not self._ready.done():
            self._ready.set_exception(_lost_at_login(error))
            with contextlib.suppress(NatpassError):
                self._ready.exception()  # nobody may be waiting any more


def _lost_at_login(error: Exception | None) -> NatpassError:
    if isinstance(error, RemoteProtocolError):
        return DialError(f"{error} (TLS on one side only? wrong port?)")
    if error is not None:
        return DialError(f"the connection was lost during the login: {reason_of(error)}")
    hint = "an existing np-svr needs --legacy md5 or --legacy hmac; a relay with --no-tls needs it here as well"
    return DialError(f"the relay closed the connection during the login ({hint})")
