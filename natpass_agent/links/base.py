"""What a link kind is to the agent."""

# Why: docs/decisions/064-kinds-describe-themselves.md

from typing import Protocol

from natpass_agent.links.running import Running
from natpass_wire.aio.link import IncomingLink, Link
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest


class KindServer(Protocol):
    """Serves the links of one kind."""

    @property
    def kind(self) -> ConnectRequest.Kind:
        """The kind."""

    def running(self, link: Link) -> Running | None:
        """Return what runs for a link of this kind, None if nothing does (yet, or any more)."""

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Accept or refuse the link within a second, and serve it until it has ended.

        The opener's rights allow the kind; whether it may do more than look is the kind's to see to.

        Cancelled when the agent stops: clean up then, everything that was started for the link has to end with it.
        An exception ends the link, never the agent.
        """
