"""A relay that answers when the test says so."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from natpass_tui.model.console import Console
from natpass_wire.aio.client import Phase, RelayStatus
from natpass_wire.aio.dial import LegacyLogin, RelayAddress, RelayTarget
from natpass_wire.aio.link import Detached, LinkEndedError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.links import End
from natpass_wire.login.keys import LoginKey
from natpass_wire.login.legacy import Dialect
from natpass_wire.login.v2 import Claims
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.roster_pb2 import About, Roster, RosterEntry, RttReport
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.addresses import check_no_addresses
from tests.support.sealing import sealing

NOW = 1_750_000_000.0


class FakeLink:
    """The console's end of a link, with the agent's end in the test's hands.

    Attributes:
        sent: what was sent, in order.
        newest: which of it need not be sent again.
        most: what `room` says.
        unacknowledged: of how many messages the agent has not said that it is done with them.
        asked: how often the next message was asked for, which is one more than were done with.
    """

    link_id = "0123456789abcdef"
    is_holding = False
    #: None: the link is not sealed.
    peer_key: bytes | None = bytes(32)
    is_plain = False

    def __init__(self, peer: str, request: ConnectRequest) -> None:
        self.peer = peer
        self.request = request
        self.sent: list[Msg] = []
        self.newest: list[Msg] = []
        self.most = MAX_DATA_BYTES
        self.asked = 0
        self.closed = False
        self.detached: Detached | None = None
        self.resumes = 0
        self.unacknowledged: int | None = 0
        self._watchers: list[Callable[[], None]] = []
        self._messages: deque[Msg] = deque()
        self._end: End | None = None
        self._changed = asyncio.Event()

    @property
    def end(self) -> End | None:
        return self._end

    def watch(self, watcher: Callable[[], None]) -> None:
        self._watchers.append(watcher)

    async def room(self) -> int:
        await self._way()
        return self.most

    async def send(self, message: Msg, *, newest: bool = False) -> None:
        check_no_addresses(message)
        await self._way()
        self.sent.append(message)
        if newest:
            self.newest.append(message)

    def put(self, message: Msg) -> None:
        check_no_addresses(message)
        if self._end is not None:
            raise LinkEndedError(self._end)
        self.sent.append(message)
        if self.detached is not None and self.unacknowledged is not None:
            self.unacknowledged += 1  # a stream keeps it until there is a way

    async def send_serialised(self, message: bytes, *, newest: bool = False) -> None:
        await self.send(Msg.FromString(message), newest=newest)

    async def _way(self) -> None:
        """Wait until something gets through, as a stream does."""
        while self.detached is not None and self._end is None:
            self._changed.clear()
            await self._changed.wait()
        if self._end is not None:
            raise LinkEndedError(self._end)

    def send_urgent(self, message: Msg) -> bool:
        check_no_addresses(message)
        if self._end is None:
            self.sent.append(message)
        return self._end is None

    @property
    def has_unread(self) -> bool:
        return bool(self._messages)

    async def receive(self) -> Msg:
        self.asked += 1
        while not self._messages:
            if self._end is not None:
                raise LinkEndedError(self._end)
            self._changed.clear()
            await self._changed.wait()
        return self._messages.popleft()

    async def receive_batch(self) -> list[Msg]:
        batch = [await self.receive()]
        while self._messages:
            batch.append(self._messages.popleft())
        return batch

    async def ended(self) -> End:
        while self._end is None:
            self._changed.clear()
            await self._changed.wait()
        return self._end

    def on_urgent(self, handler: Callable[[Msg], None]) -> None:
        """Nothing overtakes here."""

    def close(
        self,
        text: str = "",
        cause: LinkEnd.Cause = LinkEnd.CLOSED,
        status: int | None = None,
        *,
        gives_up: bool = False,
    ) -> None:
        self.closed = True
        self.finish(End(LinkEnd.CLOSED))

    # the agent's end

    def output(self, data: bytes) -> None:
        self.deliver(Msg(type=MsgType.shell_data, sdata=ShellData(data=data)))

    def deliver(self, message: Msg) -> None:
        self._messages.append(message)
        self._changed.set()

    def finish(self, end: End) -> None:
        self._end = self._end or end
        self.detached = None
        self._changed.set()

    def detach(self, reason: str = "relay connection lost", ago: float = 0.0) -> None:
        self.detached = Detached(reason, asyncio.get_running_loop().time() - ago)
        self._tell()

    def attach(self) -> None:
        self.detached = None
        self.resumes += 1
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        for watcher in self._watchers:
            watcher()

    @property
    def input(self) -> bytes:
        return b"".join(m.sdata.data for m in self.sent if m.type == MsgType.shell_data)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return [(m.sresize.rows, m.sresize.cols) for m in self.sent if m.type == MsgType.shell_resize]


class FakeConnection:
    def __init__(self, capabilities: frozenset[str]) -> None:
        self.client_id = "tui-test"
        self.capabilities = capabilities
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sent: list[Msg] = []
        self.life = FakeLife()

    def send(self, message: Msg) -> None:
        self.sent.append(message)


class FakeLife:
    unanswered = 0.0

    def measure(self) -> None:
        """There is nothing to measure."""


class FakeClient:
    """Stands for `RelayClient`. `answer` decides on each link: an End refuses it, None accepts it.

    With `keeps_links`, those that are open survive the loss of the connection until the test attaches or finishes them.
    """

    def __init__(
        self,
        target: RelayTarget,
        *,
        on_status: Callable[[RelayStatus], None],
        on_relay_message: Callable[[Msg], None],
        on_online: Callable[[Any], None],
    ) -> None:
        self.target = target
        self.status = RelayStatus(Phase.CONNECTING)
        self.round_trip: float | None = None
        self.connection: FakeConnection | None = None
        self.links: list[FakeLink] = []
        self.plain: list[bool] = []  # of each link that was opened
        self.answer: Callable[[str], End | None] = lambda peer: None
        self.retries = 0
        self.clock_offset = 0.0
        self.waited = False
        self.keeps_links = False
        self._on_status, self._on_message, self._on_online = on_status, on_relay_message, on_online
        self._revision = 0
        self._online = asyncio.Event()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def open_link(self, peer: str, request: ConnectRequest, *, plain: bool = False) -> Any:
        await asyncio.sleep(0)
        if self.connection is None:
            raise LinkEndedError(End(LinkEnd.PEER_GONE, "not connected to the relay"))
        if (end := self.answer(peer)) is not None:
            raise LinkEndedError(end)
        link = FakeLink(peer, request)
        link.is_plain = plain
        self.links.append(link)
        self.plain.append(plain)
        return link

    async def online(self) -> object:
        self.waited = True
        while self.connection is None:
            await self._online.wait()
            self._online.clear()
        return self.connection

    def retry_now(self) -> None:
        self.retries += 1

    def retry_links(self, peer: str) -> None:
        """The test attaches links itself."""

    async def settled(self, seconds: float) -> None:
        """Nothing is on its way."""

    # what happens to the connection

    def log_in(self, *, roster: bool = True) -> None:
        self.connection = FakeConnection(frozenset({"roster"} if roster else ()))
        self._on_online(self.connection)
        self._online.set()
        self.tell(RelayStatus(Phase.ONLINE))

    def lose(self, reason: str = "Connection reset by peer") -> None:
        assert self.connection is not None
        self.connection.ended.set_result(reason)
        for link in self.links:
            if self.keeps_links:
                link.detach("relay connection lost")
                continue
            link.finish(End(LinkEnd.PEER_GONE, f"connection to the relay lost: {reason}"))
        self.connection = None
        loop = asyncio.get_running_loop()
        self.tell(RelayStatus(Phase.WAITING, reason, retry_at=loop.time() + 3))

    def snapshot(self, *entries: RosterEntry, away: Sequence[RosterEntry] = ()) -> None:
        self._revision += 1
        self._tell(Roster(revision=self._revision, snapshot_begin=True, snapshot_end=True, present=entries, away=away))

    def change(self, *present: RosterEntry, left: tuple[str, ...] = (), away: Sequence[RosterEntry] = ()) -> None:
        self._revision += 1
        gone = [*left, *(agent.id for agent in away)]
        self._tell(Roster(revision=self._revision, present=present, left=gone, away=away))

    def skip_a_revision(self) -> None:
        self._revision += 1

    def report(self, **micros: int) -> None:
        report = RttReport(rtts=[RttReport.Rtt(id=agent_id, micros=value) for agent_id, value in micros.items()])
        self._on_message(Msg(type=MsgType.rtt_report, rtt_report=report))

    def _tell(self, roster: Roster) -> None:
        roster.now_unix_ms = int((NOW + self.clock_offset) * 1000)
        self._on_message(Msg(type=MsgType.roster, roster=roster))

    def tell(self, status: RelayStatus) -> None:
        self.status = status
        self._on_status(status)


def entry(agent_id: str, *, host: str = "", up: float = 60.0, system: str = "Debian 12 x86_64") -> RosterEntry:
    """Return a roster's entry for an agent that connected `up` seconds ago."""
    about = About(host=host or f"{agent_id}.lan", os=system, user="root", version="0.1.0", serves=["shell"], streams=1)
    return RosterEntry(id=agent_id, about=about, connected_unix_ms=int((NOW - up) * 1000))


def away(agent_id: str, *, ago: float) -> RosterEntry:
    """Return a roster's entry for an agent that left so many seconds ago."""
    return RosterEntry(id=agent_id, about=entry(agent_id).about, away_since_unix_ms=int((NOW - ago) * 1000))


def absent(peer: str) -> End:
    """Return what a relay says of an agent that is not there."""
    return End(LinkEnd.FAILED, f"agent {peer} is not connected", reason=ConnectResponse.ABSENT)


def make_console(
    *, legacy: bool = False, listed: tuple[str, ...] = (), allow_unsealed: bool | None = None
) -> tuple[Console, FakeClient]:
    """Return a console on a fake relay, not logged in yet."""
    claims = Claims("tui-test", Role.ROLE_CONSOLE, (), "test", b"\0" * 16)
    login = LegacyLogin(Dialect.HMAC, "secret") if legacy else LoginKey(b"\0" * 32)
    clients: list[FakeClient] = []

    def connect(target: RelayTarget, **callbacks: Any) -> FakeClient:
        clients.append(FakeClient(target, **callbacks))
        return clients[0]

    sealed = None if legacy else sealing()
    target = RelayTarget(RelayAddress("relay.test", 6154), tls=True, claims=claims, login=login, sealing=sealed)
    unsealed = legacy if allow_unsealed is None else allow_unsealed
    console = Console(target, allow_unsealed=unsealed, listed=listed, connect=connect, clock=lambda: NOW)
    return console, clients[0]
