"""Where a forward dials and listens, and what its sockets need of the link that they are in."""

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol

from natpass_wire.aio.channel_socket import Traffic
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.identity.patterns import IpAddress


@dataclass(frozen=True, slots=True)
class Place:
    """An address that is dialled or bound.

    Attributes:
        host: a numeric address, empty for a Unix socket.
        port: its port.
        path: of a Unix socket, without links.
    """

    host: str
    port: int
    path: str = ""

    @classmethod
    def of(cls, sock: socket.socket) -> "Place":
        """Return where a socket is bound."""
        host, port, *_ = sock.getsockname()
        return cls(str(host), int(port))

    @property
    def ip(self) -> IpAddress:
        """The address, without a zone."""
        return ip_address(self.host.partition("%")[0])

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Holder(Protocol):
    """The link that sockets are in."""

    @property
    def link(self) -> ChannelLink:
        """The link's channels."""

    @property
    def traffic(self) -> Traffic:
        """All bytes of the link."""

    @property
    def share(self) -> int:
        """How many connections a listener may have."""

    def take(self, listener: int = 0) -> bool:
        """Take a place for a connection, which came to a listener if one is named; return whether there was one."""

    def take_socket(self) -> bool:
        """Take a place for one more socket; return whether there was one."""

    def give_back(self, sockets: int = 1) -> None:
        """Give places back."""

    def carry(self, connection: Any) -> None:
        """Take note that a connection, which has a place, is open."""

    def freed(self, connection: Any) -> None:
        """Take note that a connection is over."""

    def closed(self, listener: Any) -> None:
        """Take note that a listener is closed."""
