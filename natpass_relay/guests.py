"""Guests of invites: connections that never log in and can only reach an inviter.

Their tries are counted by network. What they are told comes after a fixed time, so that it does not tell by its time
whether there is an inviter (see `natpass_relay.invites`).
"""

import secrets
from collections.abc import Callable, Iterable
from functools import partial
from typing import assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from natpass_relay.clients import Client
from natpass_relay.connection import Connection
from natpass_relay.invites import Command, InviteAnswer, Invites, Tell, Turn
from natpass_relay.lobby_room import LobbyRoom, NetworkStanding, Stage
from natpass_relay.sources import Penalties, Source
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.ids import RELAY_ID
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.invite_pb2 import Guest, Invite
from natpass_wire.pb.login_pb2 import HandshakePayload, Refusal
from natpass_wire.program.counted_log import CountedLog

#: Seconds that a guest may take: two round trips, and a write to disk.
GUEST_SECONDS = 30.0
#: Guests at a time.
MAX_GUESTS = 512
#: Seconds from a guest's message to the answer at least, and then to the relay's next tick: an inviter's answer has
#: come by then, over most lines.
ANSWER_SECONDS = 0.25
#: A network's tries: each costs so many seconds, and so many may be owed. So 20 at once, and then 10 a minute. Who has
#: joined pays nothing.
TRY_SECONDS, MOST_OWED = 6.0, 120.0
_TOO_MANY = "too many tries from your network: try again in a minute"


class Guests:
    """The guests of one relay.

    Args:
        tell: sends a message to a logged-in client.
        is_full: tells whether a client's send queue is so full that it gets no new guests.
        clock: seconds of a monotonic clock.
        standing: how networks stand.
        strangers: logs what guests do.
    """

    def __init__(
        self,
        tell: Callable[[Client, Msg], None],
        is_full: Callable[[Client], bool],
        clock: Callable[[], float],
        standing: NetworkStanding,
        strangers: CountedLog,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._strangers = strangers
        self._invites: Invites[Connection] = Invites(_element, is_full)
        self._room: LobbyRoom[Connection] = LobbyRoom(MAX_GUESTS, standing, secrets.SystemRandom().random)
        self._tries = Penalties(longest=MOST_OWED)
        self._known: dict[Connection, tuple[Source, float]] = {}
        self._due: dict[Connection, float] = {}
        self._held: dict[Connection, list[Callable[[], None]]] = {}
        self._parting: set[Connection] = set()

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._known

    def enter(self, connection: Connection, source: Source, now: float) -> None:
        """Take a connection whose first message was a guest's."""
        self._known[connection] = (source, now + GUEST_SECONDS)
        self._room.enter(connection, source, Stage.GREETED, now)
        owed = max(self._tries.seconds(network, now) for network in (source.narrow, source.wide))
        if owed + TRY_SECONDS > MOST_OWED and not source.is_exempt:
            self._turn(Turn(connection, Refusal.OVERLOADED, _TOO_MANY))
            return
        self._tries.add(source, TRY_SECONDS, now)
        evicted = self._room.to_go(connection, now)
        if evicted is not None:
            self._obey(self._invites.guest_gone(evicted))
            self._turn(Turn(evicted, Refusal.OVERLOADED, "too many guests"))

    def says(self, connection: Connection, message: Msg) -> None:
        """Take a guest's message.

        Raises:
            RemoteProtocolError: it is not a guest's message.
        """
        if message.type != MsgType.handshake or not message.hsp.HasField("guest"):
            raise RemoteProtocolError("not a guest's message")
        if connection not in self._known or connection in self._parting:
            return
        now = self._clock()
        source, _ = self._known[connection]
        self._due[connection] = now + ANSWER_SECONDS
        self._obey(self._invites.guest_says(connection, message.hsp.guest, now, source.narrow))
        if self._invites.has_kept(connection):
            self._tries.add(source, -TRY_SECONDS, now)

    def inviter_says(self, client: Client, invite: Invite) -> None:
        """Take a logged-in client's message about invites.

        Raises:
            RemoteProtocolError: it is invalid.
        """
        self._obey(self._invites.inviter_says(client, invite))

    def lost(self, connection: Connection) -> None:
        """Record that a connection is gone; no-op unless it was a guest's."""
        if connection in self._known:
            self._leave(connection)
            self._obey(self._invites.guest_gone(connection))

    def removed(self, client: Client) -> None:
        """Record that a client is gone."""
        self._obey(self._invites.removed(client, self._clock()))

    def tick(self, now: float) -> None:
        """Advance the clock."""
        for connection in [each for each in self._held if self._due[each] <= now]:
            for told in self._held.pop(connection):
                told()
        for connection in [each for each, (_, until) in self._known.items() if until <= now]:
            self._obey(self._invites.guest_gone(connection))
            self._turn(Turn(connection, Refusal.OVERLOADED, f"an invite has to finish within {GUEST_SECONDS:.0f} s"))

    def _obey(self, commands: Iterable[Command[Connection]]) -> None:
        for command in commands:
            match command:
                case Tell(client, invite):
                    message = Msg(type=MsgType.invite, from_id=RELAY_ID, to=client.client_id)
                    message.invite.CopyFrom(invite)
                    self._tell(client, message)
                case InviteAnswer(connection, data):
                    answer = _to_guest(HandshakePayload(guest=Guest(data=data)))
                    self._in_time(connection, partial(connection.send, answer))
                case Turn(connection, Refusal.UNSET):
                    self._parting.add(connection)
                    self._in_time(connection, partial(self._turn, command))
                case Turn():
                    self._turn(command)
                case _ as never:
                    assert_never(never)

    def _in_time(self, connection: Connection, told: Callable[[], None]) -> None:
        """Tell a guest something when its time has come, after all that it is to be told before."""
        if connection in self._held or self._clock() < self._due.get(connection, 0.0):
            self._held.setdefault(connection, []).append(told)  # as many as an inviter may answer
        else:
            told()

    def _turn(self, turn: Turn[Connection]) -> None:
        connection = turn.who
        self._leave(connection)
        last_words = None
        if turn.code != Refusal.UNSET:
            text = f"{connection.address}, a guest, is turned away: {turn.text}"
            self._strangers.say("guests turned away", connection.host, text)
            last_words = _to_guest(HandshakePayload(refusal=Refusal(code=turn.code, text=turn.text)))
        connection.close(last_words)

    def _leave(self, connection: Connection) -> None:
        self._known.pop(connection, None)
        self._due.pop(connection, None)
        self._held.pop(connection, None)
        self._parting.discard(connection)
        self._room.leave(connection, self._clock())


def _to_guest(payload: HandshakePayload) -> Msg:
    return Msg(type=MsgType.handshake, from_id=RELAY_ID, hsp=payload)


def _element() -> bytes:
    """Return what passes for an inviter's SPAKE2 message: its letter, and a random element of Ed25519's group."""
    return b"B" + Ed25519PrivateKey.generate().public_key().public_bytes_raw()
