"""The hub: passes events from the connections to the pure parts, and runs the commands that these return."""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import assert_never

from natpass_relay import admission, round_trips
from natpass_relay.addresses import network_of
from natpass_relay.admission import Admission, Admit, Close, Doors, Drop, Probe, Visitor, VisitorReply
from natpass_relay.clients import Client, Role
from natpass_relay.connection import Connection
from natpass_relay.counted_log import clients_log, strangers_log
from natpass_relay.delivery import MEMORY_BYTES, Delivery
from natpass_relay.entrance import Clocks, Entrance
from natpass_relay.guests import Guests
from natpass_relay.lobby_room import NetworkStanding, Stage
from natpass_relay.outbox import high_water, is_other
from natpass_relay.requests import Requests
from natpass_relay.roster import LEGACY_VERSION, Publisher
from natpass_relay.round_trips import RoundTrips, SendPing, SendReport
from natpass_relay.routing import Router, Send
from natpass_relay.sources import Offence
from natpass_wire.ids import RELAY_ID
from natpass_wire.links import HOLD
from natpass_wire.login import v2
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice, Ping
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Lines a minute about clients of one network that log in, and as many about those that go: a fleet behind one address
#: may come back at once. Clients that do this all the time get their number instead, so they can't flush the log.
MOST_CLIENT_LINES = 240
#: The same of all networks together.
MOST_LINES = 6000


class Hub:
    """All connections of one relay.

    Args:
        doors: the ways to log in.
        clock: seconds of a monotonic clock.
        login_seconds: the time limit for a login.
        standing: how networks stand; None: all are strange.
        memory: bytes that may wait in the whole relay, see `MemoryAccount`.
    """

    def __init__(
        self,
        doors: Doors,
        clock: Callable[[], float],
        login_seconds: float = v2.LOGIN_SECONDS,
        standing: NetworkStanding | None = None,
        memory: int = MEMORY_BYTES,
    ) -> None:
        self._connection_of: dict[Client, Connection] = {}
        self._neighbours: Counter[Hashable] = Counter()  # clients of each network
        self.router = Router(
            is_full=self._is_full,
            on_role=self._acted,
            admit=self._admit_request,
        )
        self._memory = memory
        self.delivery = Delivery(self.router, self._connection_of, self._drop, clock, memory)
        self._requests = Requests(secrets.token_bytes(32))
        self._clock = clock
        self._admission = Admission(doors)
        self._dead_after = doors.dead_after
        self.standing = standing or NetworkStanding()
        random = secrets.SystemRandom().random
        self.entrance = Entrance(Clocks(clock, time.time), self.standing, random, login_seconds, self._make_room)
        self.publisher = Publisher()
        self._round_trips = RoundTrips()
        self._visitors: dict[Visitor, Connection] = {}
        self._visitor_of: dict[Connection, Visitor] = {}
        self._strangers = strangers_log(clock)
        self._client_lines = clients_log(clock, log, MOST_CLIENT_LINES, MOST_LINES)
        self._guests = Guests(
            lambda client, message: self._connection_of[client].send(message),
            self.delivery.is_behind,
            clock,
            self.standing,
            self._strangers,
        )
        self._connections: set[Connection] = set()
        self._is_closing = False
        #: Set while there are no connections.
        self.empty = asyncio.Event()
        self.empty.set()
        #: Messages to the relay itself that were dropped: their sender's role has no use for them.
        self.dropped = 0

    @property
    def clients(self) -> int:
        """How many clients are logged in."""
        return len(self._connection_of)

    @property
    def connections(self) -> int:
        """How many connections there are: logged in, not logged in, or closing."""
        return len(self._connections)

    def connected(self, connection: Connection, *, is_proxied: bool) -> None:
        """Take a new connection."""
        self._connections.add(connection)
        self.empty.clear()
        if self._is_closing:
            connection.close()
            return
        self.entrance.enter(connection, is_proxied=is_proxied)

    def relayed(self, connection: Connection) -> None:
        """Record that a proxy has said who a connection is from."""
        self.entrance.relayed(connection)

    def spoke(self, connection: Connection, begin: Callable[[], None]) -> None:
        """Take a connection's first bytes."""

        def its_turn() -> None:
            visitor = self._admission.visitor(secrets.token_bytes(v2.NONCE_BYTES))
            self._visitors[visitor] = connection
            self._visitor_of[connection] = visitor
            begin()

        self.entrance.spoke(connection, its_turn)

    def came_with_header(self, connection: Connection) -> None:
        """Record that a connection that is no trusted proxy's began as if it were; logged now and then."""
        text = f"refused a PROXY header from {connection.host}: if that is your proxy, say --trusted-proxy"
        self._strangers.say("PROXY header refused", connection.host, text, level=logging.WARNING, most=1)

    def came_plain(self, connection: Connection) -> None:
        """Record that a new connection speaks bare TCP to a relay that has TLS; logged now and then, not each time.

        If older dialects are admitted, that is not an error yet.
        """
        if self._admission.admits_legacy:
            return
        text = (
            f"refused plain TCP from {network_of(connection.host)}, since this relay speaks TLS: existing natpass "
            "programs from 0.8 on need --legacy here, and ours no --no-tls there"
        )
        self._strangers.say("plain TCP refused", connection.host, text, level=logging.WARNING, most=1)

    def change_doors(self, doors: Doors) -> None:
        """Use other doors for new connections; `dead_after` stays as it is."""
        self._admission.change_doors(doors)

    def tick_logins(self) -> None:
        """Advance the clock of connections that are not logged in. Call all the ticks several times a second."""
        now = self._clock()
        for connection in self.entrance.overdue():
            stage = self.entrance.stage(connection)
            if stage is Stage.LEAVING:
                connection.socket.abort()
                continue
            if stage not in {Stage.WAITING, Stage.PROVED}:  # those waited for us
                self.entrance.blame(connection, Offence.TOO_LATE)
            self._turn_away(connection, "not logged in in time")
        self._guests.tick(now)
        self._strangers.tick()
        self._client_lines.tick()
        for connection in [each for each in self._connection_of.values() if each.is_probed]:
            connection.look_for_life()
        self._obey(self._admission.tick(now))

    def tick_round_trips(self) -> None:
        """Advance the clock of the round trips."""
        self._measure(self._round_trips.tick(self._clock()))

    def tick_roster(self) -> None:
        """Advance the clock of the roster."""
        self.publisher.publish(self._clock())
        for client in self.publisher.watchers:
            self.drained(self._connection_of[client])

    def tick_connection(self, connection: Connection) -> None:
        """Advance the clock of one connection; call it about once a second."""
        reason = connection.tick(self._clock())
        if reason is not None and connection.client is not None:
            self._drop(connection.client, reason)
            return
        if connection.client in self._connection_of:
            mark = self._high_water(connection)
            if is_other(connection.socket.high_water, mark):
                connection.socket.limit_waiting(mark)
        for slow in connection.too_slow:
            self._part(connection, slow)

    def all_connections(self) -> list[Connection]:
        """Return all connections."""
        return list(self._connections)

    def shut_down(self) -> None:
        """Tell every client that the relay is shutting down, and close."""
        self._is_closing = True
        for connection in self.all_connections():
            last_words = None
            if connection.client is not None and connection.speaks_v2:
                last_words = _to_client(connection.client, MsgType.notice)
                last_words.notice.CopyFrom(Notice(code=Notice.SHUTTING_DOWN, text="the relay is shutting down"))
            connection.close(last_words)

    # ConnectionHub: what connections call

    def visitor_says(self, connection: Connection, message: Msg) -> None:
        """Take a message from before the login."""
        if connection in self._guests:
            self._guests.says(connection, message)
            return
        visitor = self._visitor_of.get(connection)
        if visitor is None:
            return
        is_guest = message.type == MsgType.handshake and message.hsp.HasField("guest")
        if is_guest and not visitor.client_id and not connection.is_plain:
            self._leave_lobby(connection)
            self._guests.enter(connection, self.entrance.source(connection), self._clock())
            self._guests.says(connection, message)
        else:
            is_plain = connection.is_plain
            self._obey(self._admission.receive(visitor, message, time.time(), is_plain=is_plain))
            if visitor.client_id:
                self.entrance.advance(connection, Stage.GREETED if visitor.claims is None else Stage.PROVED)

    def client_says(self, connection: Connection, message: Msg) -> None:
        """Take a client's message to the relay itself."""
        client = connection.client
        if client is None or message.type == MsgType.keepalive:
            return
        now = self._clock()
        match message.type, client.role:
            case MsgType.ping, Role.AGENT | Role.CONSOLE:
                pong = _to_client(client, MsgType.pong)
                pong.ping.nonce = message.ping.nonce  # only the nonce: a longer pong might not fit a frame
                connection.send(pong)
            case MsgType.pong, Role.AGENT:
                self._measure(self._round_trips.answered(client, message.ping.nonce, now))
            case MsgType.pong, Role.CONSOLE:
                pass  # the answer to a probe: its arrival is enough
            case MsgType.about, Role.AGENT:
                self.publisher.described(client.client_id, message.about)
            case MsgType.roster_watch, Role.CONSOLE:
                if message.roster_watch.on:
                    self.publisher.watch(client, now)
                    self.drained(connection)
                else:
                    self.publisher.unwatch(client)
            case MsgType.rtt_request, Role.CONSOLE:
                self._ask_round_trips(client, message.rtt_request.ids, now)
            case MsgType.invite, Role.AGENT | Role.CONSOLE:
                self._guests.inviter_says(client, message.invite)
            case _:
                self.dropped += 1

    def client_heard(self, connection: Connection) -> None:
        """Record that a probed client shows life."""
        if connection.client is not None:
            self._obey(self._admission.heard(connection.client))

    def connection_to(self, client: Client) -> Connection:
        """Return the connection of a registered client."""
        return self._connection_of[client]

    def drained(self, connection: Connection) -> None:
        """Send a console the rest of the roster: until its socket is full, then a message in each turn of the relay."""
        client, outbox = connection.client, connection.outbox
        if client is None:
            return
        while not connection.is_closed and outbox.takes_more_from(connection):
            roster = self.publisher.next_message(client, self._clock(), time.time_ns() // 1_000_000)
            if roster is None:
                return
            message = _to_client(client, MsgType.roster)
            message.roster.CopyFrom(roster)
            connection.send(message)

    def lost(self, connection: Connection, error: Exception | None) -> None:
        """Record that a connection is gone."""
        self._connections.discard(connection)
        if not self._connections:
            self.empty.set()
        why = printable(str(error)) if error is not None else "closed"
        client = connection.client
        self.entrance.lost(connection, error, was_client=client is not None)
        self._leave_lobby(connection)
        self._guests.lost(connection)
        if client is None:
            log.debug("%s: gone before its login: %s", connection.address, why)
        elif self._connection_of.get(client) is connection:
            self._say("is gone", connection, f"{client.client_id} ({connection.address}) is gone: {why}")
            self._remove(client)

    # running the commands of the pure parts

    def _obey(self, commands: Iterable[admission.Command]) -> None:
        for command in commands:
            match command:
                case VisitorReply(visitor, message):
                    self._visitors[visitor].send(message)
                case Close(visitor, reason):
                    if visitor.claims is None:
                        self.entrance.blame(self._visitors[visitor], Offence.REFUSED)
                    self._turn_away(self._visitors[visitor], reason)
                case Admit():
                    self._admit(command)
                case Drop(client, reason, notice):
                    self._drop(client, reason, notice)
                case Probe(client):
                    ping = _to_client(client, MsgType.ping)
                    ping.ping.CopyFrom(Ping(nonce=secrets.randbits(64)))
                    self._connection_of[client].probe(ping)
                case _ as never:
                    assert_never(never)

    def _admit(self, command: Admit) -> None:
        connection, client, claims = self._visitors[command.visitor], command.client, command.claims
        self.entrance.logged_in(connection)
        self._leave_lobby(connection)
        takes_holds = claims is not None and HOLD in claims.capabilities
        connection.enter(
            client,
            self.entrance.source(connection),
            self._clock(),
            speaks_v2=claims is not None,
            dead_after=self._dead_after,
            takes_holds=takes_holds,
        )
        others = self.router.client(client.client_id) is not None
        self.router.add(client)
        self._connection_of[client] = connection
        self._neighbours[_network(connection)] += 1
        connection.socket.limit_waiting(self._high_water(connection))
        if command.reply is not None:
            connection.send(command.reply)
        if client.role is not Role.CONSOLE and not others:
            version = "" if claims is not None else LEGACY_VERSION
            self.publisher.joined(client.client_id, time.time_ns() // 1_000_000, version, connection.source)
        how = f"{client.role.name.lower()}, {claims.program}" if claims is not None else "with an older handshake"
        self._say("logged in", connection, f"{client.client_id} logged in from {connection.address} ({how})")

    def _high_water(self, connection: Connection) -> int:
        return high_water(self._neighbours[_network(connection)], len(self._neighbours), self._memory)

    def _say(self, kind: str, connection: Connection, text: str) -> None:
        """Log what a client does; where one network has too many such lines, only their number."""
        self._client_lines.say(kind, connection.host, text)

    def _drop(self, client: Client, reason: str, notice: Msg | None = None) -> None:
        connection = self._connection_of.get(client)
        if connection is None:
            return
        self._say("is dropped", connection, f"{client.client_id} ({connection.address}) is dropped: {reason}")
        self._remove(client)
        connection.close(notice)

    def _remove(self, client: Client) -> None:
        """Remove a client from all parts; its connection may still be closing.

        All parts are updated before any peer is told. So if telling fails, no id stays held by a client that is gone.
        """
        gone = self._connection_of.pop(client)
        self._neighbours[_network(gone)] -= 1
        if not self._neighbours[_network(gone)]:
            del self._neighbours[_network(gone)]
        successors = self._admission.removed(client)
        sends = self.router.remove(client)
        reports = self._round_trips.removed(client)
        self.publisher.gone(client)
        if self.router.client(client.client_id) is None:
            self.publisher.left(client.client_id, gone.source, time.time_ns() // 1_000_000)
        self._guests.removed(client)
        self._obey(successors)
        self._tell(sends, gone)
        self._measure(reports)

    def _part(self, held: Connection, slow: Connection) -> None:
        """Release a client that was held up for too long, if it has links with others than the slow one."""
        if held.client is None or slow.client is None:
            return
        text = f"{slow.client.client_id} does not keep up; the link was ended so that others can go on"
        sends = self.router.part(held.client, slow.client, text)
        if sends is None:
            return
        if sends:
            log.warning("%s: links with %s are ended: %s", held.client.client_id, slow.client.client_id, text)
        held.go_on_without(slow)
        self._tell(sends)

    def _acted(self, client: Client, role: Role) -> None:
        """Record the role that a legacy client's behaviour shows."""
        self.publisher.acted(client.client_id, self._connection_of[client].source, serves=role is Role.AGENT)

    def _is_full(self, opener: Client, target: Client) -> bool:
        return self.delivery.is_full(opener, target)

    def _admit_request(self, opener: Client, target: Client, message: Msg) -> str:
        """Count a `connect_req`, and name the network that it comes from; return why it is not forwarded now."""
        source = self._connection_of[opener].source
        if not self._requests.admit(opener, source, self._clock()):
            return "the relay gets too many requests for links from your network: try again later"
        self._requests.stamp(message, source, target)
        return ""

    def _turn_away(self, connection: Connection, reason: str) -> None:
        if not connection.is_plain or self._admission.admits_legacy:  # else logged by `came_plain`
            self._strangers.say("turned away", connection.host, f"{connection.address} is turned away: {reason}")
        self.entrance.advance(connection, Stage.LEAVING)  # until it is gone, its memory counts
        self._forget_visitor(connection)
        connection.close()

    def _make_room(self, connection: Connection) -> None:
        """Close a connection that is not logged in, so that another one has its place."""
        visitor = self._visitor_of.get(connection)
        reason = "too many connections that are not logged in"
        commands = self._admission.push_out(visitor, reason) if visitor is not None else ()
        words = [command.message for command in commands if isinstance(command, VisitorReply)]
        self._forget_visitor(connection)
        if words:
            connection.close(*words)
        else:
            connection.socket.abort()

    def _leave_lobby(self, connection: Connection) -> None:
        self.entrance.leave(connection)
        self._forget_visitor(connection)

    def _forget_visitor(self, connection: Connection) -> None:
        visitor = self._visitor_of.pop(connection, None)
        if visitor is not None:
            del self._visitors[visitor]
            self._admission.gone(visitor)

    def _tell(self, sends: Iterable[Send], gone: Connection | None = None) -> None:
        for send in sends:
            self.delivery.deliver(send, gone)

    def _ask_round_trips(self, console: Client, ids: Sequence[str], now: float) -> None:
        if not self._round_trips.admit(console, len(ids), now):
            return
        wanted: list[tuple[str, Client | None]] = []
        for client_id in round_trips.askable(ids):
            client = self.router.client(client_id)
            wanted.append((client_id, client if client is not None and client.role is Role.AGENT else None))
        self._measure(self._round_trips.request(console, wanted, now, iter(lambda: secrets.randbits(64), -1)))

    def _measure(self, commands: Iterable[round_trips.Command]) -> None:
        for command in commands:
            connection = self._connection_of[command.client]
            match command:
                case SendPing(client, nonce):
                    ping = _to_client(client, MsgType.ping)
                    ping.ping.CopyFrom(Ping(nonce=nonce))
                    connection.send(ping)
                case SendReport(client, report):
                    message = _to_client(client, MsgType.rtt_report)
                    message.rtt_report.CopyFrom(report)
                    connection.send(message, is_answer=True)
                case _ as never:
                    assert_never(never)


def _to_client(client: Client, kind: MsgType) -> Msg:
    return Msg(type=kind, from_id=RELAY_ID, to=client.client_id)


def _network(connection: Connection) -> Hashable:
    """Return the network that a client shares the relay's memory with: itself if its address says nothing."""
    return connection.source.networks[0] if connection.source.networks else connection
