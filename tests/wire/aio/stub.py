"""A relay of a few lines, that lets a client in and then does what a test wants."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from natpass_wire import envelope
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.frame import Batch
from natpass_wire.ids import RELAY_ID
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectResponse
from tests.support.waiting import wait_for
from tests.wire.aio.plugs import HOST, Tls

KEY = LoginKey(bytes(range(32)))


class Guest:
    """One client at the stub, from its connection on."""

    def __init__(self, relay: "StubRelay", buffers: ReadBuffers) -> None:
        self._relay = relay
        context = relay.tls.server if relay.tls else None
        self.socket = FrameSocket(self, buffers, tls=context, server_side=True)
        binding = v2.tls_binding(relay.tls.certificate.sha256) if relay.tls else v2.NO_TLS
        self._login = v2.RelayLogin(relay.key, [binding], ("roster",), "stub 1", os.urandom(32))
        self.claims: v2.Claims | None = None
        self.messages: list[Msg] = []
        self.pings = 0
        self.lost = False

    def send(self, message: Msg) -> None:
        """Send a message under the relay's own name, if it has no other."""
        message.from_id = message.from_id or RELAY_ID
        self.socket.write(envelope.to_frame(message))

    def of_type(self, kind: MsgType) -> list[Msg]:
        """Return the messages of one type."""
        return [message for message in self.messages if message.type == kind]

    def socket_ready(self) -> None:
        """Wait for the client's hello."""

    def batch_received(self, batch: Batch) -> None:
        for payload in batch.payloads():
            message = envelope.parse(payload)
            if self.claims is None and not self._relay.legacy:
                self._log_in(message)
            elif message.type == MsgType.ping and not self._relay.mute:
                self.pings += 1
                self.send(Msg(type=MsgType.pong, ping=message.ping))
            else:
                self.messages.append(message)
                self._relay.on_message(self, message)

    def writable_changed(self, writable: bool) -> None:
        """Not minded: what tests send is little."""

    def socket_lost(self, error: Exception | None) -> None:
        self.lost = True

    def _log_in(self, message: Msg) -> None:
        if self._relay.on_login is not None and self._relay.on_login(self, message):
            return
        match self._login.receive(message):
            case v2.Continue(reply):
                self.send(reply)
            case v2.Refused(reply):
                self.send(reply)
                self.socket.close()
            case v2.Proved(claims):
                self.claims = claims
                accept = envelope.to_frame(self._login.accept(self._relay.keepalive_ms))
                self.socket.write(accept + self._relay.behind_accept)


@dataclass
class StubRelay:
    """The relay.

    Attributes:
        tls: with TLS, if set.
        key: the login key.
        keepalive_ms: what it asks its clients for.
        mute: leave pings unanswered.
        legacy: let everybody in without a word, as an np-svr does.
        on_login: takes a login step; False leaves it to the stub.
        on_message: takes what logged-in clients send, but for pings.
        behind_accept: bytes that leave together with the accept.
        guests: all clients so far.
    """

    tls: Tls | None = None
    key: LoginKey = KEY
    keepalive_ms: int = 5000
    mute: bool = False
    legacy: bool = False
    on_login: Callable[[Guest, Msg], bool] | None = None
    on_message: Callable[[Guest, Msg], None] = lambda guest, message: None
    behind_accept: bytes = b""
    guests: list[Guest] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[int]:
        """Listen; give the port. At the end all clients are thrown out."""
        buffers = ReadBuffers()

        def serve() -> FrameSocket:
            self.guests.append(Guest(self, buffers))
            return self.guests[-1].socket

        server = await asyncio.get_running_loop().create_server(serve, HOST, port)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for guest in self.guests:
                guest.socket.abort()
            await server.wait_closed()

    async def guest(self, number: int = 1) -> Guest:
        """Return the latest client, once so many have logged in."""

        def logged_in() -> list[Guest]:
            return [guest for guest in self.guests if guest.claims is not None or (self.legacy and guest.messages)]

        await wait_for(lambda: len(logged_in()) >= number, f"login number {number}")
        return logged_in()[-1]


def accept_links(guest: Guest, message: Msg) -> None:
    """Say yes to every link, in the name of its target."""
    if message.type == MsgType.connect_req:
        answer = Msg(type=MsgType.connect_rep, from_id=message.to, to=message.from_id, link_id=message.link_id)
        answer.crep.CopyFrom(ConnectResponse(ok=True))
        guest.send(answer)
