"""Guests of invites: connections that never log in and can only reach an inviter."""

from collections.abc import Callable, Iterable
from typing import assert_never

from natpass_relay.clients import Client
from natpass_relay.connection import Connection
from natpass_relay.invites import Command, InviteAnswer, Invites, Tell, Turn
from natpass_relay.lobby import Lobby
from natpass_relay.stranger_log import StrangerLog
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.ids import RELAY_ID
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.invite_pb2 import Guest, Invite
from natpass_wire.pb.login_pb2 import HandshakePayload, Refusal

#: Seconds that a guest may take: two round trips, and a write to disk.
GUEST_SECONDS = 30.0


class Guests:
    """The guests of one relay.

    Args:
        tell: sends a message to a logged-in client.
        is_full: tells whether a client's send queue is so full that it gets no new guests.
        strangers: logs what guests do.
    """

    def __init__(
        self, tell: Callable[[Client, Msg], None], is_full: Callable[[Client], bool], strangers: StrangerLog
    ) -> None:
        self._tell = tell
        self._strangers = strangers
        self._invites: Invites[Connection] = Invites(is_full)
        self._lobby: Lobby[Connection] = Lobby(seconds=GUEST_SECONDS)
        self._known: set[Connection] = set()

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._known

    def enter(self, connection: Connection, now: float) -> None:
        """Take a connection whose first message was a guest's."""
        self._known.add(connection)
        evicted = self._lobby.enter(connection, connection.address.rpartition(":")[0], now)
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
        self._obey(self._invites.guest_says(connection, message.hsp.guest))

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
        self._obey(self._invites.removed(client))

    def tick(self, now: float) -> None:
        """Advance the clock."""
        for connection in self._lobby.overdue(now):
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
                    connection.send(_to_guest(HandshakePayload(guest=Guest(data=data))))
                case Turn():
                    self._turn(command)
                case _ as never:
                    assert_never(never)

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
        self._known.discard(connection)
        self._lobby.leave(connection)


def _to_guest(payload: HandshakePayload) -> Msg:
    return Msg(type=MsgType.handshake, from_id=RELAY_ID, hsp=payload)
