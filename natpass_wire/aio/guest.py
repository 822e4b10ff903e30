"""A guest at a relay: from a one-time code to the secret, over a connection that never logs in.

Nothing here checks who is at the other end: neither the relay nor a man in the middle gets more from a guest than one
guess at the code (`natpass_wire.invite`), so any certificate will do. The login that follows checks the relay, with the
secret.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable

from natpass_wire import envelope
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.reach import Destination, DialError, reach
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.aio.tls import client_context
from natpass_wire.errors import RemoteProtocolError, UserError
from natpass_wire.frame import Batch
from natpass_wire.ids import RELAY_ID
from natpass_wire.invite.code import Code
from natpass_wire.invite.guest import Guest
from natpass_wire.pb import invite_pb2
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.login_pb2 import HandshakePayload
from natpass_wire.proxy import Proxy
from natpass_wire.race import Experience
from natpass_wire.text import printable

#: Seconds for the whole exchange; the relay allows a guest as many.
JOIN_SECONDS = 30.0
#: An inviter sends three messages; this bounds a faulty or hostile one.
_MOST_MESSAGES = 8


async def join(
    address: RelayAddress,
    code: Code,
    host: str,
    keep: Callable[[str], None],
    *,
    tls: bool,
    proxy: Proxy | None = None,
) -> None:
    """Get the secret by a one-time code.

    Args:
        address: the relay's.
        code: the code.
        host: our host name, for the inviter.
        keep: stores the secret so that a power failure does not lose it; called once. The inviter learns of success
            only after it has returned.
        tls: whether the relay speaks TLS.
        proxy: the proxy on the way there, None if there is none.

    Raises:
        UserError: the inviter or the relay refuses, with the reason; or what `keep` raises.
        DialError: the connection failed or was lost.
        RemoteProtocolError: the other end is not a natpass relay or inviter.
    """
    place = Destination(address.host, address.port, client_context(verify=False) if tls else None, proxy)
    visit: _Visit | None = None
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            visit, _ = await reach(place, _Visit, ReadBuffers(), Experience())
            await _exchange(visit, code, host, keep)
        await visit.close()  # the socket limits the time, and the secret is kept: nothing may fail any more
    except TimeoutError as error:
        raise DialError(f"no answer from {address} within {JOIN_SECONDS:.0f} s") from error
    finally:
        if visit is not None:
            visit.abort()


async def _exchange(visit: "_Visit", code: Code, host: str, keep: Callable[[str], None]) -> None:
    guest = Guest(code, host, secrets.token_bytes)
    visit.send(invite_pb2.Guest(nameplate=code.nameplate, data=guest.hello()))
    while guest.secret is None:
        answer = guest.receive(await visit.receive())
        if answer is not None:
            visit.send(invite_pb2.Guest(data=answer))
    keep(guest.secret)
    visit.send(invite_pb2.Guest(data=guest.kept()))


class _Visit:
    """The connection; the handler of its socket."""

    socket: FrameSocket

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._messages: deque[Msg] = deque()
        self._heard = 0
        self._lost: tuple[Exception | None] | None = None

    async def ready(self) -> None:
        """Wait until the connection is up, including TLS."""
        while not self._ready.is_set():
            await self._next()

    def send(self, guest: invite_pb2.Guest) -> None:
        """Send a message at once."""
        payload = HandshakePayload(guest=guest)
        self.socket.write(envelope.to_frame(Msg(type=MsgType.handshake, to=RELAY_ID, hsp=payload)))

    async def receive(self) -> bytes:
        """Return the inviter's next step.

        Raises:
            UserError: the relay has no such invite.
            DialError: the connection is gone.
            RemoteProtocolError: the other end is not a relay.
        """
        while not self._messages:
            await self._next()
        message = self._messages.popleft()
        if message.hsp.HasField("refusal"):
            raise UserError(printable(message.hsp.refusal.text))
        if message.type != MsgType.handshake or not message.hsp.HasField("guest"):
            raise RemoteProtocolError("the relay sent another message than the invite's")
        return message.hsp.guest.data

    async def close(self) -> None:
        """Send what waits, and close. Wait for the end."""
        self.socket.close()
        while self._lost is None:
            self._changed.clear()
            await self._changed.wait()

    def abort(self) -> None:
        """Close at once, if still open."""
        if self._lost is None:
            self.socket.abort()

    async def _next(self) -> None:
        if self._lost is not None:
            error = self._lost[0]
            if error is not None:
                raise DialError(f"{error} (TLS on one side only? wrong port?)")
            if self._heard:
                raise DialError("the relay closed the connection before the invite was done")
            raise DialError("the relay closed the connection: it is too old for invites, or one without TLS (--no-tls)")
        self._changed.clear()
        await self._changed.wait()

    # FrameHandler

    def socket_ready(self) -> None:
        self._ready.set()
        self._changed.set()

    def batch_received(self, batch: Batch) -> None:
        for payload in batch.payloads():
            self._heard += 1
            if self._heard > _MOST_MESSAGES:
                raise RemoteProtocolError("the relay sent more than an inviter has to say")
            self._messages.append(envelope.parse(payload))
        self._changed.set()

    def writable_changed(self, writable: bool) -> None:
        pass

    def socket_lost(self, error: Exception | None) -> None:
        self._lost = (error,)
        self._changed.set()
