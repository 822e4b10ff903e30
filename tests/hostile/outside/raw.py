"""A client without manners: it sends what it likes, and reads when it likes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from natpass_wire import envelope
from natpass_wire.aio.dial import dial
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.errors import NatpassError
from natpass_wire.frame import Batch
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.login_pb2 import Role
from tests.hostile.outside.plan import Plan


class Raw:
    """A logged-in connection, the handler of its socket.

    Args:
        on_message: called with each message.
    """

    def __init__(self, client_id: str, on_message: Callable[[Msg], None] = lambda _: None) -> None:
        self.client_id = client_id
        self.on_message = on_message
        #: Set once the relay has closed it.
        self.gone = asyncio.Event()

    async def log_in(self, plan: Plan, role: Role = Role.ROLE_CONSOLE) -> None:
        """Log in.

        Raises:
            NatpassError: the relay does not let us in.
        """
        logged_in = await dial(plan.target(self.client_id, role), ReadBuffers())
        self.socket = logged_in.socket
        logged_in.hand_over(self)

    def message(self, kind: MsgType, to: str, link_id: str = "") -> Msg:
        """Return a message from us."""
        return Msg(type=kind, from_id=self.client_id, to=to, link_id=link_id)

    def send(self, message: Msg) -> None:
        """Send a message."""
        if not self.gone.is_set():
            self.socket.write(envelope.to_frame(message))

    def write(self, data: bytes) -> None:
        """Send frames."""
        if not self.gone.is_set():
            self.socket.write(data)

    def close(self) -> None:
        """Close at once."""
        self.socket.abort()

    def socket_ready(self) -> None:
        pass

    def batch_received(self, batch: Batch) -> None:
        for payload in batch.payloads():
            self.on_message(envelope.parse(payload))

    def writable_changed(self, writable: bool) -> None:
        pass

    def socket_lost(self, error: Exception | None) -> None:
        self.gone.set()


@contextlib.asynccontextmanager
async def raw(
    plan: Plan, client_id: str, role: Role = Role.ROLE_CONSOLE, on_message: Callable[[Msg], None] = lambda _: None
) -> AsyncIterator[Raw]:
    """Log in, and close at the end."""
    client = Raw(client_id, on_message)
    await client.log_in(plan, role)
    try:
        yield client
    finally:
        client.close()


async def again_and_again(seconds: float, once: Callable[[int], Awaitable[None]]) -> int:
    """Await `once(number)` for `seconds`, again whenever it ends or fails; return how often it was begun."""
    loop = asyncio.get_running_loop()
    until, count = loop.time() + seconds, 0
    while (rest := until - loop.time()) > 0:
        count += 1
        with contextlib.suppress(NatpassError, TimeoutError, OSError):
            async with asyncio.timeout(rest):
                await once(count)
        await asyncio.sleep(0.05)
    return count
