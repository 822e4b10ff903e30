"""A flood of connections that say nothing, and logins in its midst: `python -m tests.support.flood HOST PORT LOGINS`.

Between the steps of each login more connections come than an address may have before its login. So it does not matter
how fast the machine is. Prints how many of the logins got in.
"""

import asyncio
import contextlib
import hashlib
import ssl
import sys
from collections import deque

from natpass_wire import envelope
from natpass_wire.aio import runtime
from natpass_wire.aio.tls import client_context
from natpass_wire.errors import LoginRefusedError
from natpass_wire.frame import FrameDecoder
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.login_pb2 import Role

#: Connections between two steps; and those that are kept open.
MORE, OPEN = 400, 600


class Flood:
    """Connections that say nothing."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._open: deque[asyncio.WriteTransport] = deque()

    async def go_on(self) -> None:
        """Open so many more, and let the oldest go."""
        loop = asyncio.get_running_loop()
        for _ in range(MORE // 50):
            made = await asyncio.gather(*(loop.create_connection(asyncio.Protocol, *self._address) for _ in range(50)))
            self._open.extend(transport for transport, _ in made)
        while len(self._open) > OPEN:
            self._open.popleft().abort()

    def end(self) -> None:
        """Close them all."""
        for transport in self._open:
            transport.abort()


async def log_in(host: str, port: int, number: int, key: LoginKey, flood: Flood) -> None:
    """Log in, with the flood between all steps.

    Raises:
        ConnectionError: the relay closed the connection.
    """
    reader, writer = await asyncio.open_connection(host, port, ssl=client_context(verify=False))
    try:
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) or b""
        claims = v2.Claims(f"honest-{number}", Role.ROLE_CONSOLE, (), "test", hashlib.md5(b"%d" % number).digest())
        client = v2.ClientLogin(key, claims, v2.tls_binding(hashlib.sha256(certificate).digest()), b"n" * 32)
        decoder = FrameDecoder()
        said: Msg | None = client.hello()
        while said is not None:
            writer.write(envelope.to_frame(said))
            payloads: list[bytes] = []
            while not payloads:
                if not (got := await reader.read(4096)):
                    raise ConnectionError("closed")
                payloads = [payload for batch in decoder.feed(got) for payload in batch.payloads()]
            said = client.receive(envelope.parse(payloads[0]))
            if said is not None:
                await flood.go_on()
    finally:
        writer.transport.abort()


async def main(host: str, port: int, logins: int, secret: str) -> int:
    """Print how many logins got in."""
    key, flood, found = LoginKey.from_secret(secret), Flood(host, port), 0
    await flood.go_on()
    for number in range(logins):
        with contextlib.suppress(ConnectionError, LoginRefusedError):
            await log_in(host, port, number, key, flood)
            found += 1
    flood.end()
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(runtime.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
