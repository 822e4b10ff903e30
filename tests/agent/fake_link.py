"""A link without a network: what its opener says is delivered at once, what the agent says is kept."""

import asyncio
from collections.abc import Callable

from natpass_wire.aio.plain_link import IncomingPlainLink
from natpass_wire.links import End, LinkAsked, LinkEnded, LinkReceived, LinkState, LinkTable
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse
from natpass_wire.pb.shell_pb2 import ShellData, ShellResize
from tests.support.addresses import check_no_addresses

OPENER, LINK_ID = "opener", "0123456789abcdef"


class _OvertakenLink(IncomingPlainLink):
    """A link on which messages can overtake, as on a stream."""

    urgent: Callable[[Msg], None] | None = None
    key: bytes | None = None

    @property
    def peer_key(self) -> bytes | None:  # type: ignore[override]  # a plain link has none; this may be a stream's
        return self.key

    def on_urgent(self, handler: Callable[[Msg], None]) -> None:
        self.urgent = handler


class FakeOpener:
    """The opener's end of one link, and the connection that carries it."""

    def __init__(self, request: ConnectRequest) -> None:
        self.request = request
        self._table = LinkTable("agent", accepts=True)
        asked = self._table.receive(self._message(Msg(type=MsgType.connect_req, creq=request)))
        assert isinstance(asked, LinkAsked)
        self.link = _OvertakenLink(self, asked.link)
        #: Everything the agent has sent, in order.
        self.sent: list[Msg] = []
        #: Whether the agent's end has stopped the reading of the connection.
        self.holds = False
        self._writable = asyncio.Event()
        self._writable.set()

    # the opener

    def say(self, data: bytes) -> None:
        self.deliver(Msg(type=MsgType.shell_data, sdata=ShellData(data=data)))

    def react(self, data: bytes, source: ShellData.Source, seen: int | None = None) -> None:
        """Send what nobody typed, in reaction to the output up to `seen`, by default all that came."""
        seen = len(self.output) if seen is None else seen
        self.deliver(Msg(type=MsgType.shell_data, sdata=ShellData(data=data, source=source, seen=seen)))

    def resize(self, rows: int, cols: int) -> None:
        self.deliver(Msg(type=MsgType.shell_resize, sresize=ShellResize(rows=rows, cols=cols)))

    def hang_up(self) -> None:
        self.deliver(Msg(type=MsgType.disconnect))

    def deliver(self, message: Msg) -> None:
        match self._table.receive(self._message(message)):
            case LinkReceived(_, received):
                self.link.deliver(received)
            case LinkEnded():
                self.link.wake()

    def overtake(self, message: Msg) -> None:
        """Have a message there before all others."""
        assert self.link.urgent is not None
        self.link.urgent(message)

    def take_nothing(self) -> None:
        """Let the network be slow: senders wait."""
        self._writable.clear()

    def take_again(self) -> None:
        self._writable.set()

    @property
    def answer(self) -> ConnectResponse | None:
        return next((message.crep for message in self.sent if message.type == MsgType.connect_rep), None)

    @property
    def output(self) -> bytes:
        return b"".join(message.sdata.data for message in self.sent if message.type == MsgType.shell_data)

    @property
    def end(self) -> End | None:
        """What the agent's disconnect says, None if there was none."""
        return next((End.from_message(message) for message in self.sent if message.type == MsgType.disconnect), None)

    # Carrier

    async def room_on(self, link: LinkState) -> None:
        await self._writable.wait()

    def send_on(self, link: LinkState, message: Msg) -> None:
        check_no_addresses(message)
        if link.end is None:
            self.sent.append(self._table.message(link, message))

    def send_serialised_on(self, link: LinkState, message: bytes) -> None:
        self.send_on(link, Msg.FromString(message))

    def end_link(self, link: LinkState, end: End) -> None:
        if (message := self._table.end(link, end)) is not None:
            self.sent.append(message)

    def accept_link(self, link: LinkState) -> None:
        self.sent.append(self._table.accept(link))

    def refuse_link(self, link: LinkState, text: str, reason: ConnectResponse.Reason) -> None:
        self.sent.append(self._table.refuse(link, text, reason))

    def hold(self, holder: object, holds: bool) -> None:
        self.holds = holds

    @staticmethod
    def _message(message: Msg) -> Msg:
        message.from_id, message.to, message.link_id = OPENER, "agent", LINK_ID
        return message
