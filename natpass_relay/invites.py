"""Matches guests with inviters: the relay forwards their messages without understanding them.

guest's or inviter's message -> `Invites` -> commands: `Tell` (the inviter), `InviteAnswer` and `Turn` (the guest)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from natpass_relay.clients import Client
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite.code import MOST_NAMEPLATE
from natpass_wire.invite.steps import MOST_GUEST_BYTES, MOST_INVITER_BYTES
from natpass_wire.pb.invite_pb2 import Guest, Invite
from natpass_wire.pb.login_pb2 import Refusal

#: Invites of one client, and of all: half of the numbers stay free, so that a random free one is found soon.
MAX_OF_CLIENT = 4
MAX_INVITES = MOST_NAMEPLATE // 2
#: Guests of one inviter at a time. An honest one takes a second, so the oldest has to go if there are more.
MAX_GUESTS = 128
#: Messages of one guest: SPAKE2, confirmation, kept.
MAX_MESSAGES = 3
#: Messages for one guest: SPAKE2, the secret, a failure. This bounds our memory for a guest that reads nothing.
MAX_ANSWERS = 3

_CROWDED = "too many use this invite at once; try again"

Who = TypeVar("Who")


@dataclass(frozen=True, slots=True)
class Tell:
    """Send an inviter a message."""

    client: Client
    invite: Invite


@dataclass(frozen=True, slots=True)
class InviteAnswer(Generic[Who]):
    """Forward an inviter's answer to its guest."""

    who: Who
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Turn(Generic[Who]):
    """Flush and close a guest's connection; with a refusal, if there is a reason to tell."""

    who: Who
    code: Refusal.Code = Refusal.UNSET
    text: str = ""


Command = Tell | InviteAnswer[Who] | Turn[Who]


@dataclass(eq=False, slots=True)
class _Inviter(Generic[Who]):
    client: Client
    nameplates: set[int] = field(default_factory=set)
    guests: "dict[int, _Visit[Who]]" = field(default_factory=dict)
    count: int = 0


@dataclass(eq=False, slots=True)
class _Visit(Generic[Who]):
    who: Who
    inviter: _Inviter[Who]
    number: int
    messages: int = 0
    answers: int = 0


class Invites(Generic[Who]):
    """The open invites of one relay; `Who` stands for a guest's connection.

    Args:
        is_full: tells whether a client's send queue is so full that it gets no new guests.
    """

    def __init__(self, is_full: Callable[[Client], bool] = lambda _: False) -> None:
        self._is_full = is_full
        self._inviters: dict[Client, _Inviter[Who]] = {}
        self._by_nameplate: dict[int, _Inviter[Who]] = {}
        self._visits: dict[Who, _Visit[Who]] = {}

    def inviter_says(self, client: Client, invite: Invite) -> Sequence[Command[Who]]:
        """Take a logged-in client's message about invites.

        Raises:
            RemoteProtocolError: it is invalid.
        """
        if invite.step == Invite.OPEN:
            return [self._open(client, invite.nameplate)]
        inviter = self._inviters.get(client)
        visit = inviter.guests.get(invite.guest) if inviter is not None else None
        if invite.step not in {Invite.SAID, Invite.GONE} or len(invite.data) > MOST_INVITER_BYTES:
            raise RemoteProtocolError("invalid invite message")
        if visit is None:  # the guest has gone meanwhile
            return []
        visit.answers += 1
        if visit.answers > MAX_ANSWERS:
            raise RemoteProtocolError("too many messages from an inviter to one guest")
        commands: list[Command[Who]] = [InviteAnswer(visit.who, invite.data)] if invite.data else []
        if invite.step == Invite.GONE:
            self._forget(visit)
            commands.append(Turn(visit.who))
        return commands

    def guest_says(self, who: Who, guest: Guest) -> Sequence[Command[Who]]:
        """Take a guest's message; its first one says which invite it is for.

        Raises:
            RemoteProtocolError: it is empty or too long, or the guest has sent too many.
        """
        if not 0 < len(guest.data) <= MOST_GUEST_BYTES:
            raise RemoteProtocolError("a guest's message is empty or too long")
        commands: list[Command[Who]] = []
        visit = self._visits.get(who)
        if visit is None:
            inviter = self._by_nameplate.get(guest.nameplate)
            if inviter is None:
                number = guest.nameplate
                text = f"there is no invite {number} here: it was used, withdrawn or has expired, or is another relay's"
                return [Turn(who, Refusal.NO_INVITE, text)]
            if self._is_full(inviter.client):
                return [Turn(who, Refusal.OVERLOADED, _CROWDED)]
            if len(inviter.guests) >= MAX_GUESTS:
                oldest = next(iter(inviter.guests.values()))
                commands += self.guest_gone(oldest.who)
                commands.append(Turn(oldest.who, Refusal.OVERLOADED, _CROWDED))
            inviter.count += 1
            visit = self._visits[who] = inviter.guests[inviter.count] = _Visit(who, inviter, inviter.count)
        visit.messages += 1
        if visit.messages > MAX_MESSAGES:
            raise RemoteProtocolError("too many messages from a guest")
        said = Invite(step=Invite.SAID, guest=visit.number, data=guest.data)
        return [*commands, Tell(visit.inviter.client, said)]

    def guest_gone(self, who: Who) -> Sequence[Command[Who]]:
        """Record that a guest's connection is gone. No-op if that is known already."""
        visit = self._visits.get(who)
        if visit is None:
            return []
        self._forget(visit)
        return [Tell(visit.inviter.client, Invite(step=Invite.GONE, guest=visit.number))]

    def removed(self, client: Client) -> Sequence[Command[Who]]:
        """Record that a client is gone, and withdraw its invites."""
        inviter = self._inviters.pop(client, None)
        if inviter is None:
            return []
        for nameplate in inviter.nameplates:
            del self._by_nameplate[nameplate]
        visits = list(inviter.guests.values())
        for visit in visits:
            self._forget(visit)
        return [Turn(visit.who, Refusal.NO_INVITE, "the invite was withdrawn") for visit in visits]

    def _open(self, client: Client, nameplate: int) -> Tell:
        if not 1 <= nameplate <= MOST_NAMEPLATE:
            raise RemoteProtocolError("invalid nameplate")
        inviter = self._inviters.get(client)
        if nameplate in self._by_nameplate:
            step = Invite.OPENED if self._by_nameplate[nameplate] is inviter else Invite.TAKEN
        elif len(self._by_nameplate) >= MAX_INVITES or (inviter and len(inviter.nameplates) >= MAX_OF_CLIENT):
            step = Invite.FULL
        else:
            if inviter is None:
                inviter = self._inviters[client] = _Inviter(client)
            inviter.nameplates.add(nameplate)
            self._by_nameplate[nameplate] = inviter
            step = Invite.OPENED
        return Tell(client, Invite(step=step, nameplate=nameplate))

    def _forget(self, visit: _Visit[Who]) -> None:
        del self._visits[visit.who]
        del visit.inviter.guests[visit.number]
