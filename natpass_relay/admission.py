"""Admission: who may log in, and under which id.

    visitor's message -> `Admission.receive` -> commands: `VisitorReply`, `Admit`, `Close`; `Probe` and `Drop` are for
    clients that hold the id already

An id has one holder. The same instance replaces its older connection. Another instance waits while the relay probes
the holder: if the holder shows life, the newcomer is refused; if it is silent, it is dropped. A holder that logged in
with an older dialect gives way to handshake v2, and never gets an id that v2 has used since the relay's start.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from natpass_relay.clients import Client, Role
from natpass_relay.known_ids import KnownIds
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.ids import RELAY_ID, client_id_fault
from natpass_wire.keepalive import INTERVAL_V2, SILENCE_V2
from natpass_wire.login import legacy, v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb import login_pb2
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice

#: Seconds that a holder has to show life after a probe. A holder that reads slowly may not see the probe, but still
#: sends its keepalive: the limit is longer than a keepalive interval.
PROBE_SECONDS = INTERVAL_V2 + 1.0
#: Seconds between two ticks that count against a holder at most: if more passed, we stalled, not the holder.
_MOST_OF_TICK = 1.0
#: The refusal of our own programs that connect without TLS to a relay that has it.
PLAIN = "this relay speaks TLS, and this connection does not: leave out --no-tls"
#: Connections that one older peer may hold under one id (`from_idx`); natpass 0.8 opened a handful.
MAX_INDEXES = 64


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways to log in.

    Attributes:
        key: the login key of handshake v2.
        bindings: the channel bindings that a client may see: our certificate's, or a TLS proxy's.
        dialects: the older handshakes that are admitted.
        legacy_secret: the older handshakes' secret, None if they are not admitted.
        capabilities: what this relay understands beyond docs/wire.md §2.
        program: our name and version.
        dead_after: seconds of silence that end a connection. The relay tells clients a third of it as their keepalive
            interval.
    """

    key: LoginKey
    bindings: tuple[v2.Binding, ...]
    dialects: frozenset[legacy.Dialect] = frozenset()
    legacy_secret: str | None = field(default=None, repr=False)
    capabilities: tuple[str, ...] = ()
    program: str = ""
    dead_after: float = SILENCE_V2


@dataclass(eq=False, slots=True)
class Visitor:
    """A connection that is not logged in, compared by identity.

    Attributes:
        login: our half of handshake v2.
        client_id: the id that it claims, once it has begun handshake v2; empty before.
        claims: what it has proved; None before.
    """

    login: v2.RelayLogin
    client_id: str = ""
    claims: v2.Claims | None = None


@dataclass(frozen=True, slots=True)
class VisitorReply:
    """Send a message to a visitor."""

    visitor: Visitor
    message: Msg


@dataclass(frozen=True, slots=True)
class Admit:
    """Register a visitor as a client, then send the reply, if there is one."""

    visitor: Visitor
    client: Client
    claims: v2.Claims | None
    reply: Msg | None


@dataclass(frozen=True, slots=True)
class Close:
    """Flush a visitor's connection and close it; the reason is for the log."""

    visitor: Visitor
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove a client at once, send the notice, if there is one, and close its connection."""

    client: Client
    reason: str
    notice: Msg | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """Ping a client, and call `Admission.heard` when it sends anything."""

    client: Client


Command = VisitorReply | Admit | Close | Drop | Probe


@dataclass(eq=False, slots=True)
class _Holder:
    """The holder of an id: one client, or the several connections of an older peer.

    Attributes:
        instance: the instance tag; None for older dialects.
        clients: its clients by connection index.
        newcomers: the visitors that wait for the holder's answer to a probe.
        waited: seconds since the probe that the holder has not answered.
    """

    instance: bytes | None
    clients: dict[int, Client]
    newcomers: list[Visitor] = field(default_factory=list)
    waited: float = 0.0


class Admission:
    """The logins of one relay. `now` is in seconds of one monotonic clock."""

    def __init__(self, doors: Doors, known: KnownIds | None = None) -> None:
        self._doors = doors
        self._known = known or KnownIds()
        self._holders: dict[str, _Holder] = {}
        self._probed: dict[str, _Holder] = {}
        self._last_tick: float | None = None

    def change_doors(self, doors: Doors) -> None:
        """Use other doors for new visitors; those who are here keep the old ones."""
        self._doors = doors

    def visitor(self, nonce: bytes) -> Visitor:
        """Return the login of a new connection; `nonce` is 32 random bytes."""
        doors = self._doors
        return Visitor(v2.RelayLogin(doors.key, doors.bindings, doors.capabilities, doors.program, nonce))

    @property
    def admits_legacy(self) -> bool:
        """Whether an older dialect is admitted."""
        return bool(self._doors.dialects)

    def receive(
        self, visitor: Visitor, message: Msg, unix_seconds: float, *, is_plain: bool = False
    ) -> Sequence[Command]:
        """Take a message of a visitor.

        Args:
            visitor: the sender.
            message: the message.
            unix_seconds: the time.
            is_plain: whether it came over bare TCP to a relay with TLS; only the older dialects may.

        Raises:
            RemoteProtocolError: it is not a login message, or not expected now.
        """
        if visitor.claims is not None:
            raise RemoteProtocolError("the client sent more before its login was accepted")
        if message.type == MsgType.handshake and message.hsp.enc and not message.hsp.HasField("hello"):
            return self._receive_legacy(visitor, message, unix_seconds)
        if is_plain:
            addressee = "" if client_id_fault(message.from_id) else message.from_id
            refusal = v2.refuse(addressee, login_pb2.Refusal.CERTIFICATE_MISMATCH, PLAIN)
            return [VisitorReply(visitor, refusal.reply), Close(visitor, refusal.reason)]
        match visitor.login.receive(message):
            case v2.Continue(reply):
                visitor.client_id = message.from_id
                return [VisitorReply(visitor, reply)]
            case v2.Refused(reply, reason):
                return [VisitorReply(visitor, reply), Close(visitor, reason)]
            case v2.Proved(claims):
                visitor.claims = claims
                return self._settle(visitor, claims)

    def gone(self, visitor: Visitor) -> None:
        """Record that a visitor's connection is gone."""
        if visitor.claims is None:
            return
        holder = self._holders.get(visitor.claims.client_id)
        if holder is not None and visitor in holder.newcomers:
            holder.newcomers.remove(visitor)

    def push_out(self, visitor: Visitor, reason: str) -> Sequence[Command]:
        """Close a visitor to make room for others; it is told why if its handshake has refusals."""
        if not visitor.client_id:
            return [Close(visitor, reason)]
        refusal = v2.refuse(visitor.client_id, login_pb2.Refusal.OVERLOADED, reason)
        return [VisitorReply(visitor, refusal.reply), Close(visitor, reason)]

    def removed(self, client: Client) -> Sequence[Command]:
        """Record that a client's connection is gone; a visitor that waits for its id may get it.

        No-op if this very client does not hold its id (any more).
        """
        holder = self._holders.get(client.client_id)
        if holder is None or holder.clients.get(client.idx) is not client:
            return []
        del holder.clients[client.idx]
        if holder.clients:
            return []
        return self._vacate(client.client_id, holder)

    def heard(self, client: Client) -> Sequence[Command]:
        """Record that a probed client sent bytes: it is alive and keeps its id."""
        holder = self._probed.get(client.client_id)
        if holder is None or holder.clients.get(client.idx) is not client:
            return []
        del self._probed[client.client_id]
        refused, holder.newcomers = holder.newcomers, []
        text = f"the id {client.client_id} is taken: another installation is connected under it"
        commands: list[Command] = []
        for visitor in refused:
            refusal = v2.refuse(client.client_id, login_pb2.Refusal.ID_TAKEN, text)
            commands += [VisitorReply(visitor, refusal.reply), Close(visitor, refusal.reason)]
        return commands

    def tick(self, now: float) -> Sequence[Command]:
        """Advance the clock; call it several times a second."""
        passed = 0.0 if self._last_tick is None else min(now - self._last_tick, _MOST_OF_TICK)
        self._last_tick = now
        commands: list[Command] = []
        for client_id, holder in list(self._probed.items()):
            holder.waited += passed
            if holder.waited < PROBE_SECONDS:
                continue
            if holder.newcomers:
                commands += [
                    Drop(client, "silent, and another client claims its id") for client in holder.clients.values()
                ]
                commands += self._vacate(client_id, holder)
            else:  # the newcomers have gone
                del self._probed[client_id]
        return commands

    def _settle(self, visitor: Visitor, claims: v2.Claims) -> list[Command]:
        """Decide on a client that knows the secret."""
        holder = self._holders.get(claims.client_id)
        if holder is None:
            return [self._admit(visitor, claims)]
        if holder.instance is None:
            text = "a client with handshake v2 has taken its id"
            return self._take_over(visitor, claims, holder, [Drop(client, text) for client in holder.clients.values()])
        if holder.instance == claims.instance:
            text = f"{claims.client_id} has logged in again, from another connection"
            notice = Msg(type=MsgType.notice, from_id=RELAY_ID, to=claims.client_id)
            notice.notice.CopyFrom(Notice(code=Notice.REPLACED, text=text))
            drops = [Drop(client, "replaced by a newer connection", notice) for client in holder.clients.values()]
            return self._take_over(visitor, claims, holder, drops)
        holder.newcomers.append(visitor)
        if claims.client_id in self._probed:
            return []
        holder.waited = 0.0
        self._probed[claims.client_id] = holder
        return [Probe(client) for client in holder.clients.values()]

    def _take_over(self, visitor: Visitor, claims: v2.Claims, holder: _Holder, drops: Sequence[Drop]) -> list[Command]:
        self._forget(claims.client_id)
        return [*drops, self._admit(visitor, claims), *self._settle_all(holder.newcomers)]

    def _vacate(self, client_id: str, holder: _Holder) -> list[Command]:
        self._forget(client_id)
        return self._settle_all(holder.newcomers)

    def _settle_all(self, visitors: Sequence[Visitor]) -> list[Command]:
        commands: list[Command] = []
        for visitor in visitors:
            if visitor.claims is not None:
                commands += self._settle(visitor, visitor.claims)
        return commands

    def _forget(self, client_id: str) -> None:
        del self._holders[client_id]
        self._probed.pop(client_id, None)

    def _admit(self, visitor: Visitor, claims: v2.Claims) -> Admit:
        role = Role.AGENT if claims.role == login_pb2.Role.ROLE_AGENT else Role.CONSOLE
        client = Client(claims.client_id, role)
        self._holders[claims.client_id] = _Holder(claims.instance, {0: client})
        self._known.used_by_v2(claims.client_id)
        return Admit(visitor, client, claims, visitor.login.accept(round(self._doors.dead_after / 3 * 1000)))

    def _receive_legacy(self, visitor: Visitor, message: Msg, unix_seconds: float) -> Sequence[Command]:
        """Take a login of an older dialect. A bad one is answered by closing the connection (docs/wire.md §3)."""
        client_id, idx, enc = message.from_id, message.from_idx, message.hsp.enc
        dialect, secret = legacy.dialect_of(enc), self._doors.legacy_secret
        if dialect is None or dialect not in self._doors.dialects or secret is None:
            what = dialect or "an unknown dialect"
            return [Close(visitor, f"a login with {what}, which is not admitted (--legacy)")]
        if not legacy.verify(dialect, secret, enc, unix_seconds):
            or_clock = ", or a clock that is minutes off" if dialect is legacy.Dialect.HMAC else ""
            return [Close(visitor, f"wrong legacy secret{or_clock} ({dialect})")]
        if fault := client_id_fault(client_id):
            return [Close(visitor, fault)]
        holder = self._holders.get(client_id)
        if not self._known.open_to_legacy(client_id) or (holder is not None and holder.instance is not None):
            return [Close(visitor, f"the id {client_id} belongs to a client with handshake v2")]
        if holder is None:
            holder = self._holders[client_id] = _Holder(None, {})
        commands: list[Command] = []
        if (old := holder.clients.get(idx)) is not None:
            commands.append(Drop(old, "replaced by a newer connection"))
        elif len(holder.clients) >= MAX_INDEXES:
            return [Close(visitor, f"the id {client_id} has {MAX_INDEXES} connections already")]
        client = holder.clients[idx] = Client(client_id, Role.LEGACY, idx)
        self._known.used_by_legacy(client_id)
        return [*commands, Admit(visitor, client, None, None)]
