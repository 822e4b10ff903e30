"""Serves forwards."""

import asyncio
import logging

from natpass_agent.links.forward import KIND
from natpass_agent.links.forward.claims import ListenClaims
from natpass_agent.links.forward.session import Session
from natpass_agent.links.running import Running
from natpass_agent.links.who import who_of
from natpass_agent.targets.targets import Targets
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest

log = logging.getLogger(__name__)


class ForwardServer:
    """Carries the connections of consoles' forwards.

    Args:
        targets: what this machine reaches, and the limits.
    """

    kind = KIND

    def __init__(self, targets: Targets | None = None) -> None:
        self.targets = Targets() if targets is None else targets
        self._claims = ListenClaims()
        self._sessions: dict[Link, Session] = {}

    def running(self, link: Link) -> Running | None:
        """Return how many connections a link has, and where it listens."""
        session = self._sessions.get(link)
        return None if session is None else Running(str(session), None, str(session))

    def review(self, link: IncomingLink, rights: Rights) -> None:
        """End what a link's console may no longer have."""
        if (session := self._sessions.get(link)) is not None:
            session.review(rights)

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Carry the connections of a link until it has ended."""
        who, loop = who_of(link), asyncio.get_running_loop()
        session, since = Session(link, self.targets, rights, claims=self._claims), loop.time()
        try:
            link.accept()
        except LinkEndedError:
            return
        self._sessions[link] = session
        log.info("forward for %s", who)
        try:
            await session.run()
        finally:
            del self._sessions[link]
            traffic, why = session.traffic, (link.end and link.end.text) or "its console closed it"
            log.info(
                "forward of %s has ended after %.0f s: %s; %d connections, %d bytes to it and %d from it",
                who, loop.time() - since, why, session.total, traffic.sent, traffic.received,
            )  # fmt: skip
