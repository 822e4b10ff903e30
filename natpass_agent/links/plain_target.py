"""The base of the servers for existing programs' connections and datagrams: rights, target, answer, log."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from natpass_agent.links.kind import ONLY_LOOK, Kind
from natpass_agent.links.running import Running, RunningFor
from natpass_agent.links.targets import Allows, TargetError, asked_target, everything, shown
from natpass_agent.links.who import who_of
from natpass_wire.aio.link import IncomingLink, LinkEndedError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse

log = logging.getLogger(__name__)

OURS = "links of this kind are for existing natpass programs: use a link of kind forward"
T = TypeVar("T")


class PlainTargetServer(ABC, Generic[T]):
    """Connects each link to the target that its opener names.

    Args:
        allows: returns, for an opener's rights, which addresses it may reach.
    """

    kind: ClassVar[Kind]

    def __init__(self, allows: Callable[[Rights], Allows] = lambda _: everything) -> None:
        self._allows = allows
        self.running = RunningFor()

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Connect to the target, accept the link, and forward until either has ended."""
        who, name = who_of(link), self.kind.wire_name
        if not link.is_plain or rights.read_only:
            link.refuse(ONLY_LOOK if link.is_plain else OURS, ConnectResponse.REFUSED)
            return
        try:
            host, port = asked_target(request)
            target = await self._connect(host, port, self._allows(rights))
        except TargetError as error:
            log.info("no %s for %s: %s", name, who, error)
            link.refuse(str(error))
            return
        where = f"{name} to {shown(host, port)}"
        try:
            with self.running.noted(link, Running(where, None, where)):
                link.accept()
                log.info("%s for %s", where, who)
                await self._forward(link, target)
        except LinkEndedError:
            log.debug("%s has given up before it was answered", who)
        finally:
            self._abort(target)
        log.info("%s of %s has ended: %s", where, who, (link.end and link.end.text) or "its opener closed it")

    @abstractmethod
    async def _connect(self, host: str, port: int, allows: Allows) -> T:
        """Return the target's end. Raises TargetError."""

    @abstractmethod
    async def _forward(self, link: IncomingLink, target: T) -> None:
        """Forward both ways until either has ended, then end the other."""

    @abstractmethod
    def _abort(self, target: T) -> None:
        """Free the target's end, whatever waits for it."""
