"""The events of a link with channels: what one end hears of the other."""

from dataclasses import dataclass

from natpass_wire.pb.forward_pb2 import ChannelRefused

#: Seconds without a datagram in either direction after which a flow ends, if nothing else is said: what the issue asks
#: for. (RFC 4787 §4.3 has 2 minutes for a NAT, which knows nothing of the protocol.)
IDLE_SECONDS = 60.0
#: The most seconds that a console may ask for: a day. A flow has a place, as a connection that never ends has.
MAX_IDLE_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a channel goes to, or where a listener is.

    Attributes:
        host: a name or an address; for a listener, an address to bind, empty for loopback.
        port: 0 for a listener: any.
        path: of a Unix socket; then host and port mean nothing.
        datagrams: whether it is UDP.
        idle: with datagrams, after how many seconds without one a flow ends; 0: `IDLE_SECONDS`.
    """

    host: str = ""
    port: int = 0
    path: bytes = b""
    datagrams: bool = False
    idle: float = 0.0


@dataclass(frozen=True, slots=True)
class ChannelAsked:
    """The other end begins a channel: accept or refuse it.

    Attributes:
        id: the channel.
        address: from the console: what to connect to.
        listener: from the agent: the id of our listener that the connection came to.
        source: from the agent: who connected, as that end says; not safe to print.
    """

    id: int
    address: Endpoint
    listener: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class ListenAsked:
    """The console wants us to listen: accept or refuse it."""

    id: int
    address: Endpoint


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """The other end has connected a channel of ours, or listens.

    Attributes:
        id: the channel or listener.
        host: the address that it dialled or bound, as that end says.
        port: its port.
    """

    id: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ChannelNotOpened:
    """The other end refuses a channel or listener of ours. It is gone.

    Attributes:
        id: the channel or listener.
        reason: why, for a program.
        text: why, as that end says; not safe to print.
    """

    id: int
    reason: ChannelRefused.Reason
    text: str


@dataclass(frozen=True, slots=True)
class ChannelReceived:
    """Bytes of a connection, or one datagram. Bytes get credit when `consumed` is called."""

    id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ChannelEnded:
    """No more bytes come: the other end's half is closed."""

    id: int


@dataclass(frozen=True, slots=True)
class ChannelReset:
    """A channel or listener is gone, whatever was on its way.

    Attributes:
        id: the channel or listener.
        text: why, as that end says; not safe to print.
    """

    id: int
    text: str


ChannelEvent = (
    ChannelAsked | ListenAsked | ChannelOpened | ChannelNotOpened | ChannelReceived | ChannelEnded | ChannelReset
)
