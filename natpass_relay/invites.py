"""Matches guests with inviters: the relay forwards their messages without understanding them.

guest's or inviter's message -> `Invites` -> commands: `Tell` (the inviter), `InviteAnswer` and `Turn` (the guest)

**Numbers are not found by scanning.** A number that no inviter has answers as one whose code is wrong: with a SPAKE2
message, and after the guest's confirmation with "wrong code". The message is a random element of the group, which is
all that SPAKE2's messages are to those who do not have the code. Who knew the number of an invite that has ended may
learn that it has, for as long as it might have been valid.
"""

# Why: docs/decisions/070-invites-are-not-found.md

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from natpass_relay.clients import Client
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite import steps
from natpass_wire.invite.code import MOST_NAMEPLATE
from natpass_wire.invite.inviter import LIFETIME_SECONDS, MOST_TRIES
from natpass_wire.invite.steps import MOST_GUEST_BYTES, MOST_INVITER_BYTES
from natpass_wire.pb.invite_pb2 import Guest, Invite, InviteStep
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
    source: str
    inviter: _Inviter[Who]
    number: int
    messages: int = 0
    answers: int = 0


class Invites(Generic[Who]):
    """The open invites of one relay; `Who` stands for a guest's connection.

    Args:
        element: returns what passes for an inviter's SPAKE2 message: a random element of the group.
        is_full: tells whether a client's send queue is so full that it gets no new guests.
    """

    def __init__(self, element: Callable[[], bytes], is_full: Callable[[Client], bool] = lambda _: False) -> None:
        self._element = element
        self._is_full = is_full
        self._decoys: dict[Who, int] = {}  # guests of numbers that nobody has
        # By number: what a decoy has left of its tries, and until when; when the last invite ended.
        self._tries: dict[int, tuple[int, float]] = {}
        self._ended: dict[int, float] = {}
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

    def guest_says(self, who: Who, guest: Guest, now: float, source: str = "") -> Sequence[Command[Who]]:
        """Take a guest's message; its first one says which invite it is for.

        Args:
            who: the guest.
            guest: the message.
            now: seconds of a monotonic clock.
            source: the network that it is from.

        Raises:
            RemoteProtocolError: it is empty or too long, or the guest has sent too many.
        """
        if not 0 < len(guest.data) <= MOST_GUEST_BYTES:
            raise RemoteProtocolError("a guest's message is empty or too long")
        if who in self._decoys:
            return self._judge_at_decoy(who, guest.data, now)
        commands: list[Command[Who]] = []
        visit = self._visits.get(who)
        if visit is None:
            inviter = self._by_nameplate.get(guest.nameplate)
            if inviter is None:
                return self._greet_at_decoy(who, guest, now)
            if self._is_full(inviter.client):
                return [Turn(who, Refusal.OVERLOADED, _CROWDED)]
            if len(inviter.guests) >= MAX_GUESTS:
                commands += self._push_out_one(inviter)
            inviter.count += 1
            visit = self._visits[who] = inviter.guests[inviter.count] = _Visit(who, source, inviter, inviter.count)
        visit.messages += 1
        if visit.messages > MAX_MESSAGES:
            raise RemoteProtocolError("too many messages from a guest")
        said = Invite(step=Invite.SAID, guest=visit.number, data=guest.data)
        return [*commands, Tell(visit.inviter.client, said)]

    def has_kept(self, who: Who) -> bool:
        """Tell whether a guest has said its last word, which only the one with the right code has occasion to say."""
        visit = self._visits.get(who)
        return visit is not None and visit.messages == MAX_MESSAGES

    def guest_gone(self, who: Who) -> Sequence[Command[Who]]:
        """Record that a guest's connection is gone. No-op if that is known already."""
        self._decoys.pop(who, None)
        visit = self._visits.get(who)
        if visit is None:
            return []
        self._forget(visit)
        return [Tell(visit.inviter.client, Invite(step=Invite.GONE, guest=visit.number))]

    def removed(self, client: Client, now: float) -> Sequence[Command[Who]]:
        """Record that a client is gone, and withdraw its invites."""
        inviter = self._inviters.pop(client, None)
        if inviter is None:
            return []
        for nameplate in inviter.nameplates:
            del self._by_nameplate[nameplate]
            self._ended[nameplate] = now
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

    def _push_out_one(self, inviter: _Inviter[Who]) -> list[Command[Who]]:
        """Turn away the oldest guest of the network that has the most of them here."""
        ((source, _),) = Counter(visit.source for visit in inviter.guests.values()).most_common(1)
        who = next(visit.who for visit in inviter.guests.values() if visit.source == source)
        return [*self.guest_gone(who), Turn(who, Refusal.OVERLOADED, _CROWDED)]

    def _greet_at_decoy(self, who: Who, guest: Guest, now: float) -> list[Command[Who]]:
        """Answer a guest's first message as an inviter does."""
        number = guest.nameplate
        if self._has_ended(number, now) or not 1 <= number <= MOST_NAMEPLATE:
            text = f"there is no invite {number} here: it was used, withdrawn or has expired, or is another relay's"
            return [Turn(who, Refusal.NO_INVITE, text)]
        if not (step := _step(guest.data)) or not step.spake2:
            return _failure(who, InviteStep.MALFORMED)
        self._decoys[who] = number
        return [InviteAnswer(who, InviteStep(spake2=self._element()).SerializeToString())]

    def _judge_at_decoy(self, who: Who, data: bytes, now: float) -> list[Command[Who]]:
        """Answer a guest's confirmation as an inviter does that finds it wrong."""
        number = self._decoys.pop(who)
        if not (step := _step(data)) or not step.confirmation:
            return _failure(who, InviteStep.MALFORMED)
        if number in self._by_nameplate or self._has_ended(
            number, now
        ):  # one was opened meanwhile: its tries are its own
            self._tries.pop(number, None)
        left, until = self._tries.get(number, (MOST_TRIES, now))
        left = left - 1 if until > now else MOST_TRIES - 1
        if left:
            self._tries[number] = (left, now + LIFETIME_SECONDS)
        else:
            self._tries.pop(number)
            self._ended[number] = now
        return _failure(who, InviteStep.WRONG_CODE, left)

    def _has_ended(self, number: int, now: float) -> bool:
        """Tell whether the last invite with a number has ended, and might still be valid else."""
        if now - self._ended.get(number, now) >= LIFETIME_SECONDS:
            del self._ended[number]
        return number in self._ended

    def _forget(self, visit: _Visit[Who]) -> None:
        del self._visits[visit.who]
        del visit.inviter.guests[visit.number]


def _step(data: bytes) -> InviteStep | None:
    """Return a guest's step, None if it is malformed."""
    try:
        return steps.read(data, MOST_GUEST_BYTES)
    except RemoteProtocolError:
        return None


def _failure(who: Who, why: InviteStep.Failure, tries_left: int = 0) -> list[Command[Who]]:
    """Return what tells a guest of a failure, and closes its connection."""
    step = InviteStep(failure=why, tries_left=tries_left)
    return [InviteAnswer(who, step.SerializeToString()), Turn(who)]
