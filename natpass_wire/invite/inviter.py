"""The inviter's half of an invite: it makes the code, and gives the secret to the first guest that has it too.

States: open -> given (the secret was sent) -> ended. From the state `given` on no other guest gets anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from natpass_wire.errors import RemoteProtocolError, UserError
from natpass_wire.invite import steps
from natpass_wire.invite.code import Code
from natpass_wire.invite.pake import GUEST_CONFIRMS, GUEST_KEPT, INVITER_CONFIRMS, Exchange
from natpass_wire.pb.invite_pb2 import InviteStep

#: Seconds for which a code is valid.
LIFETIME_SECONDS = 600.0
#: Wrong codes that end an invite.
MOST_TRIES = 3
#: Seconds for a guest to store the secret on its disk and say so.
KEEP_SECONDS = 15.0
#: The most guests that have begun and not confirmed; a new one replaces the oldest. Each takes some KiB.
MOST_GUESTS = 256
#: The most guests of one invite. Each costs us 10 ms: only an attacker makes so many.
MOST_VISITS = 2000


class How(Enum):
    """How an invite ended."""

    JOINED = auto()  # the guest has the secret, and kept it
    UNSURE = auto()  # the guest was sent the secret, and has not confirmed that it kept it
    WRONG_CODES = auto()
    EXPIRED = auto()
    CROWDED = auto()  # far more guests than anybody invites
    WITHDRAWN = auto()


@dataclass(frozen=True, slots=True)
class InviteOutcome:
    """The end of an invite.

    Attributes:
        how: how it ended.
        host: the name that the guest with the secret gives itself; use `printable` before showing it.
    """

    how: How
    host: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """Send `data` to a guest; with `last`, close its connection after that."""

    guest: int
    data: bytes = field(repr=False)
    last: bool = False


@dataclass(slots=True)
class _Visit:
    exchange: Exchange
    message: bytes


@dataclass(slots=True)
class _Given:
    guest: int
    exchange: Exchange
    host: str
    until: float


class Inviter:
    """An invite. `now` is in seconds of one monotonic clock; guests are numbers that are never used twice.

    Args:
        code: the code.
        secret: what the guest gets.
        expires_at: when the code expires.
        entropy: returns so many random bytes.

    Raises:
        UserError: the secret is too long to be sent.
    """

    def __init__(self, code: Code, secret: str, *, expires_at: float, entropy: Callable[[int], bytes]) -> None:
        self._code = code
        self._secret = secret.encode()
        if len(self._secret) > steps.MOST_SECRET_BYTES:
            raise UserError(f"a secret has at most {steps.MOST_SECRET_BYTES} bytes")
        self._expires_at = expires_at
        self._entropy = entropy
        self._visits: dict[int, _Visit] = {}
        self._given: _Given | None = None
        self._count = 0
        #: How many wrong codes are still allowed.
        self.tries_left = MOST_TRIES
        #: Set at the end.
        self.outcome: InviteOutcome | None = None

    @property
    def is_given(self) -> bool:
        """Whether the secret has been sent."""
        return self._given is not None

    def seconds_left(self, now: float) -> float:
        """Return for how many seconds the code is still valid."""
        return max(0.0, self._expires_at - now)

    def receive(self, guest: int, data: bytes, now: float) -> list[Say]:
        """Take a guest's step. The first right confirmation gets the secret, even while other guests are under way."""
        says = self.tick(now)
        if self.outcome is not None or (self._given is not None and self._given.guest != guest):
            return [*says, self._refuse(guest)]
        try:
            step = steps.read(data, steps.MOST_GUEST_BYTES)
            if self._given is not None:
                return says + self._kept(self._given, step)
            if guest not in self._visits:
                return says + self._greet(guest, step)
            return says + self._judge(guest, self._visits.pop(guest), step, now)
        except RemoteProtocolError:
            if self._given is not None:
                self._end(How.UNSURE, self._given.host)
            self._visits.pop(guest, None)
            return [*says, _failure(guest, InviteStep.MALFORMED)]

    def gone(self, guest: int) -> None:
        """Record that a guest's connection is gone. This costs no try: see the package."""
        self._visits.pop(guest, None)
        if self._given is not None and self._given.guest == guest and self.outcome is None:
            self._end(How.UNSURE, self._given.host)

    def tick(self, now: float) -> list[Say]:
        """Let time pass."""
        if self.outcome is not None:
            return []
        if self._given is not None:
            if now >= self._given.until:
                self._end(How.UNSURE, self._given.host)
            return []
        return self._end(How.EXPIRED) if now >= self._expires_at else []

    def withdraw(self) -> list[Say]:
        """End the invite."""
        if self.outcome is not None:
            return []
        return self._end(How.UNSURE, self._given.host) if self._given is not None else self._end(How.WITHDRAWN)

    def _greet(self, guest: int, step: InviteStep) -> list[Say]:
        if not step.spake2:
            raise RemoteProtocolError("a guest begins with SPAKE2")
        self._count += 1
        if self._count > MOST_VISITS:
            return [*self._end(How.CROWDED), self._refuse(guest)]
        forgotten: list[Say] = []
        if len(self._visits) >= MOST_GUESTS:
            oldest = next(iter(self._visits))
            del self._visits[oldest]
            forgotten.append(_failure(oldest, InviteStep.MALFORMED))
        exchange = Exchange(self._code, is_guest=False, entropy=self._entropy)
        self._visits[guest] = _Visit(exchange, step.spake2)
        return [*forgotten, Say(guest, InviteStep(spake2=exchange.message).SerializeToString())]

    def _judge(self, guest: int, visit: _Visit, step: InviteStep, now: float) -> list[Say]:
        """Decide on a confirmation."""
        if not step.confirmation:
            raise RemoteProtocolError("a guest confirms")
        if not _confirms(visit, step.confirmation):
            self.tries_left -= 1
            told = _failure(guest, InviteStep.WRONG_CODE, self.tries_left)
            return [told] if self.tries_left else [told, *self._end(How.WRONG_CODES)]
        host = steps.host_from(visit.exchange.open(step.sealed))
        self._given = _Given(guest, visit.exchange, host, now + KEEP_SECONDS)
        answer = InviteStep(
            confirmation=visit.exchange.tag(INVITER_CONFIRMS), sealed=visit.exchange.seal(self._secret)
        ).SerializeToString()
        return [Say(guest, answer), *self._send_away(InviteStep.USED)]

    def _kept(self, given: _Given, step: InviteStep) -> list[Say]:
        if not (step.kept and given.exchange.confirms(GUEST_KEPT, step.kept)):
            raise RemoteProtocolError("a guest says that it kept the secret")
        return self._end(How.JOINED, given.host)

    def _end(self, how: How, host: str = "") -> list[Say]:
        self.outcome = InviteOutcome(how, host)
        return self._send_away(_failure_of(how))

    def _send_away(self, why: InviteStep.Failure) -> list[Say]:
        visits, self._visits = self._visits, {}
        return [_failure(guest, why) for guest in visits]

    def _refuse(self, guest: int) -> Say:
        self._visits.pop(guest, None)
        return _failure(guest, InviteStep.USED if self.outcome is None else _failure_of(self.outcome.how))


def _confirms(visit: _Visit, confirmation: bytes) -> bool:
    """Tell whether a guest has the code.

    An invalid SPAKE2 message counts as a wrong code: where there is no invite, the relay answers alike
    (`natpass_relay.invites`), and can't check the message.
    """
    try:
        visit.exchange.finish(visit.message)  # only now: it costs time, and the guest might never confirm
    except RemoteProtocolError:
        return False
    return visit.exchange.confirms(GUEST_CONFIRMS, confirmation)


def _failure_of(how: How) -> InviteStep.Failure:
    match how:
        case How.JOINED | How.UNSURE:
            return InviteStep.USED
        case How.EXPIRED:
            return InviteStep.EXPIRED
        case _:
            return InviteStep.WITHDRAWN


def _failure(guest: int, why: InviteStep.Failure, tries_left: int = 0) -> Say:
    return Say(guest, InviteStep(failure=why, tries_left=tries_left).SerializeToString(), last=True)
