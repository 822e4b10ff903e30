"""The base of the servers for existing programs' connections and datagrams: rights, target, answer, log."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from natpass_agent.links.kind import ONLY_LOOK, Kind
from natpass_agent.links.lines import LinkLines
from natpass_agent.links.running import Running, RunningFor
from natpass_agent.links.who import who_of
from natpass_agent.targets.reasons import RefusedError
from natpass_agent.targets.resolve import text_of
from natpass_agent.targets.targets import Targets
from natpass_wire.aio.link import IncomingLink, LinkEndedError
from natpass_wire.channels.events import Endpoint
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse
from natpass_wire.race import Address
from natpass_wire.text import printable

log = logging.getLogger(__name__)

OURS = "links of this kind are for existing natpass programs: use a link of kind forward"
T = TypeVar("T")
#: Seconds for resolving a name and connecting. Existing openers wait 10 s for an answer (docs/wire.md §5).
CONNECT_SECONDS = 8.0
#: Characters of a host name (RFC 1035).
_MOST_HOST = 253


def asked_target(request: ConnectRequest) -> Endpoint:
    """Return what an existing program's request means: brackets around IPv6 addresses, and no host is this machine.

    Raises:
        RefusedError: the request is invalid.
    """
    host, port = request.caddr.addr, request.caddr.port
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not 0 < port < 65536:
        raise RefusedError(ChannelRefused.FAILED, f"port {port} is not one of 1 to 65535")
    if len(host) > _MOST_HOST or "\0" in host:
        raise RefusedError(ChannelRefused.NO_HOST, f"{printable(host, 40)!r} is not a host name")
    return Endpoint(host or "localhost", port)


class PlainTargetServer(ABC, Generic[T]):
    """Connects each link to the target that its opener names.

    Args:
        targets: what this machine reaches, for whom.
    """

    kind: ClassVar[Kind]

    def __init__(self, targets: Targets | None = None) -> None:
        self._targets = Targets() if targets is None else targets
        self.running = RunningFor()
        #: The log.
        self.lines = LinkLines(log)

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Connect to the target, accept the link, and forward until either has ended."""
        who, name = who_of(link), self.kind.wire_name
        if not link.is_plain or rights.read_only:
            link.refuse(ONLY_LOOK if link.is_plain else OURS, ConnectResponse.REFUSED)
            return
        try:
            asked = asked_target(request)
            target = await self._reached(link, asked, rights)
        except RefusedError as error:
            self.lines.say(f"no {name}", link, f"no {name} for {who}: {error}")
            link.refuse(str(error))
            return
        where = f"{name} to {text_of(asked)}"
        try:
            with self.running.noted(link, Running(where, None, where)):
                link.accept()
                self.lines.say(f"{name} links", link, f"{where} for {who}")
                await self._forward(link, target)
        except LinkEndedError:
            log.debug("%s has given up before it was answered", who)
        finally:
            self._abort(target)
        why = (link.end and link.end.text) or "its opener closed it"
        self.lines.say(f"{name} links that have ended", link, f"{where} of {who} has ended: {why}")

    async def _reached(self, link: IncomingLink, asked: Endpoint, rights: Rights) -> T:
        """Return the target's end, at an address that may be reached. Raises RefusedError."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                resolver = self._targets.resolver(link)
                addresses, _ = await resolver.allowed(asked, self._targets.rules.forward(rights))
                return await self._connect(addresses)
        except TimeoutError:
            text = f"{text_of(asked)}: no answer within {CONNECT_SECONDS:.0f} s"
            raise RefusedError(ChannelRefused.TIMED_OUT, text) from None

    @abstractmethod
    async def _connect(self, addresses: Sequence[Address]) -> T:
        """Return the target's end. Raises RefusedError."""

    @abstractmethod
    async def _forward(self, link: IncomingLink, target: T) -> None:
        """Forward both ways until either has ended, then end the other."""

    @abstractmethod
    def _abort(self, target: T) -> None:
        """Free the target's end, whatever waits for it."""
