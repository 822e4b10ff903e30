"""Clients without manners: built on natpass_wire, and attackers of what it does politely."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.sealing import Sealing
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectRequest, StreamOffer
from tests.support.relay import CONSOLE, TestClient, instance

TRUE = ConnectRequest(name="test", kind=ConnectRequest.exec, cexec=ConnectExec(argv=[b"true"]))


def console(port: int, secret: str, name: str, seals: Sealing) -> TestClient:
    """Return a console that is not running yet, of a relay without TLS."""
    claims = v2.Claims(name, CONSOLE, (), "test 1", instance(name))
    address, login = RelayAddress("127.0.0.1", port), LoginKey.from_secret(secret)
    return TestClient(RelayTarget(address, tls=False, claims=claims, login=login, sealing=seals))


def deafen(client: TestClient) -> None:
    """Have a client send nothing more on its links, and so acknowledge nothing."""
    for carrier in client.connection.carriers._carriers.values():
        setattr(carrier, "next_frame", lambda: None)  # noqa: B010 - an instance's own


async def run_unacknowledged(clients: Sequence[TestClient], agent: str, times: int) -> int:
    """Run `true` so many times, by clients in turn, whose ends are never acknowledged; return how many were let in."""

    async def one(number: int) -> bool:
        client = clients[number % len(clients)]
        try:
            await client.client.open_link(agent, TRUE, timeout=20)
        except LinkEndedError:
            return False
        deafen(client)
        return True

    taken = 0
    for start in range(0, times, 8):
        taken += sum(await asyncio.gather(*(one(number) for number in range(start, min(start + 8, times)))))
    return taken


@dataclass
class HalfMade:
    """Requests for links that are answered with a handshake, and never go on: made beforehand, as they cost some work.

    Attributes:
        clients: who sends them.
        agent: the target.
    """

    clients: Sequence[TestClient]
    agent: str

    def requests(self, number: int) -> list[tuple[TestClient, Msg]]:
        """Return so many requests, each with its client."""
        found = []
        for each in range(number):
            client = self.clients[each % len(self.clients)]
            sealing, link_id = client.client.target.sealing, secrets.token_hex(8)
            assert sealing is not None
            handshake = sealing.opener(client.client.client_id, self.agent, link_id)
            offer = StreamOffer(version=1, handshake=handshake.first())
            request = ConnectRequest(kind=ConnectRequest.stream, offer=offer)
            message = Msg(type=MsgType.connect_req, from_id=client.client.client_id, to=self.agent, link_id=link_id)
            message.creq.CopyFrom(request)
            found.append((client, message))
        return found
