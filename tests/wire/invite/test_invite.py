"""Guests and inviters: who gets the secret, and after how many guesses nobody does."""

import contextlib
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from natpass_wire.errors import RemoteProtocolError, UserError
from natpass_wire.invite import inviter as inviting
from natpass_wire.invite.code import Code
from natpass_wire.invite.guest import Guest
from natpass_wire.invite.inviter import How, InviteOutcome, Inviter, Say
from natpass_wire.invite.steps import MOST_GUEST_BYTES, MOST_HOST_BYTES, MOST_SECRET_BYTES
from natpass_wire.pb.invite_pb2 import InviteStep

SECRET = "a secret that only tests know"
RIGHT, WRONG = Code.parse("7-acorn-acorn-acorn"), Code.parse("7-acorn-acorn-agent")
SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def entropy(seed: int = 0) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def inviter(secret: str = SECRET, expires_at: float = 600.0) -> Inviter:
    return Inviter(RIGHT, secret, expires_at=expires_at, entropy=entropy())


def guest(code: Code = RIGHT, seed: int = 1, host: str = "web") -> Guest:
    return Guest(code, host, entropy(seed))


def to(says: list[Say], number: int) -> Say:
    (say,) = [say for say in says if say.guest == number]
    return say


def failure(say: Say) -> int:
    assert say.last
    return InviteStep.FromString(say.data).failure


def begin(host: Inviter, visitor: Guest, number: int, now: float = 0.0) -> bytes:
    """Go on until the guest's confirmation, and return that."""
    confirmation = visitor.receive(to(host.receive(number, visitor.hello(), now), number).data)
    assert confirmation is not None
    return confirmation


def guess(host: Inviter, number: int, now: float = 0.0) -> Say:
    return to(host.receive(number, begin(host, guest(WRONG, number), number, now), now), number)


def join(host: Inviter, number: int = 1, now: float = 0.0) -> Guest:
    visitor = guest()
    assert visitor.receive(to(host.receive(number, begin(host, visitor, number, now), now), number).data) is None
    assert host.receive(number, visitor.kept(), now) == []
    return visitor


def test_who_has_the_code_gets_the_secret() -> None:
    host = inviter()
    assert join(host).secret == SECRET
    assert host.outcome == InviteOutcome(How.JOINED, "web")


def test_no_secret_or_code_travels_in_clear() -> None:
    host, visitor = inviter(), guest()
    says = [visitor.hello(), to(host.receive(1, visitor.hello(), 0.0), 1).data]
    confirmation = visitor.receive(says[-1])
    assert confirmation is not None
    says += [confirmation, to(host.receive(1, confirmation, 0.0), 1).data]
    assert visitor.receive(says[-1]) is None
    for what in (SECRET, "acorn", "web"):
        assert all(what.encode() not in said for said in [*says, visitor.kept()])


def test_three_wrong_codes_end_it_for_everybody() -> None:
    host = inviter()
    waiting = begin(host, guest(seed=9), 9)
    for left in (2, 1, 0):
        say = guess(host, left + 1)
        assert failure(say) == InviteStep.WRONG_CODE
        with pytest.raises(UserError, match="wrong invite code"):
            guest().receive(say.data)
        assert host.tries_left == left
    assert host.outcome == InviteOutcome(How.WRONG_CODES)
    assert failure(to(host.receive(9, waiting, 0.0), 9)) == InviteStep.WITHDRAWN
    assert failure(to(host.receive(10, guest().hello(), 0.0), 10)) == InviteStep.WITHDRAWN


def test_a_wrong_code_leaves_the_invite_to_others() -> None:
    host = inviter()
    guess(host, 1)
    guess(host, 2)
    assert join(host, 3).secret == SECRET


def test_a_guest_that_goes_away_before_it_confirms_costs_no_try_and_learns_nothing() -> None:
    host = inviter()
    for number in range(1, 20):
        begin(host, guest(WRONG, number), number)
        host.gone(number)
    assert host.tries_left == 3
    assert join(host, 99).secret == SECRET


def test_one_confirmation_is_one_guess() -> None:
    host, visitor = inviter(), guest(WRONG)
    confirmation = begin(host, visitor, 1)
    host.receive(1, confirmation, 0.0)
    (again,) = host.receive(1, confirmation, 0.0)  # its exchange is over: this is no guess any more
    assert failure(again) == InviteStep.MALFORMED
    assert host.tries_left == 2


def test_what_another_guest_said_is_of_no_use() -> None:
    host = inviter()
    confirmation = begin(host, guest(seed=1), 1)
    hello = guest(seed=1).hello()
    host.receive(2, hello, 0.0)  # the same first message, but the inviter's answer is a fresh one
    assert failure(to(host.receive(2, confirmation, 0.0), 2)) == InviteStep.WRONG_CODE
    assert host.tries_left == 2


def test_an_inviters_own_message_is_no_guests() -> None:
    host = inviter()
    said = to(host.receive(1, guest().hello(), 0.0), 1).data
    host.receive(2, said, 0.0)
    assert host.outcome is None
    assert not host.is_given


@pytest.mark.parametrize("nameplate", [8, 70])
def test_the_number_is_part_of_the_code(nameplate: int) -> None:
    host = inviter()
    visitor = guest(Code(nameplate, RIGHT.words))
    assert failure(to(host.receive(1, begin(host, visitor, 1), 0.0), 1)) == InviteStep.WRONG_CODE


def test_the_first_of_many_gets_it_and_the_others_are_told_so() -> None:
    host = inviter()
    visitors = {number: guest(seed=number) for number in range(1, 9)}
    confirmations = {number: begin(host, visitor, number) for number, visitor in visitors.items()}
    says = host.receive(5, confirmations[5], 0.0)
    assert {say.guest for say in says if say.last} == set(visitors) - {5}
    assert all(failure(say) == InviteStep.USED for say in says if say.last)
    for number in (1, 8):
        assert failure(to(host.receive(number, confirmations[number], 0.0), number)) == InviteStep.USED
    assert host.outcome is None
    assert visitors[5].receive(to(says, 5).data) is None
    host.receive(5, visitors[5].kept(), 1.0)
    assert host.outcome == InviteOutcome(How.JOINED, "web")


def test_it_expires() -> None:
    host = inviter(expires_at=600.0)
    confirmation = begin(host, guest(), 1, now=599.9)
    assert host.tick(599.9) == []
    (say,) = host.tick(600.0)
    assert failure(say) == InviteStep.EXPIRED
    assert host.outcome == InviteOutcome(How.EXPIRED)
    assert failure(to(host.receive(1, confirmation, 600.0), 1)) == InviteStep.EXPIRED


def test_a_confirmation_at_the_very_end_is_too_late() -> None:
    host = inviter(expires_at=600.0)
    confirmation = begin(host, guest(), 1, now=599.9)
    assert all(failure(say) == InviteStep.EXPIRED for say in host.receive(1, confirmation, 600.0))
    assert not host.is_given


@pytest.mark.parametrize("how", ["gone", "silent", "nonsense", "withdrawn"])
def test_a_guest_that_got_the_secret_and_says_no_more_spends_the_invite(how: str) -> None:
    host, visitor = inviter(), guest()
    host.receive(1, begin(host, visitor, 1), 0.0)
    if how == "gone":
        host.gone(1)
    elif how == "silent":
        assert host.tick(inviting.KEEP_SECONDS - 0.1) == []
        assert host.outcome is None
        host.tick(inviting.KEEP_SECONDS)
    elif how == "nonsense":
        host.receive(1, InviteStep(kept=bytes(32)).SerializeToString(), 0.0)
    else:
        host.withdraw()
    assert host.outcome == InviteOutcome(How.UNSURE, "web")
    assert failure(to(host.receive(2, guest(seed=2).hello(), 0.0), 2)) == InviteStep.USED


def test_withdrawing_tells_who_waits() -> None:
    host = inviter()
    begin(host, guest(), 1)
    assert [failure(say) for say in host.withdraw()] == [InviteStep.WITHDRAWN]
    assert host.withdraw() == []


def test_who_comes_and_goes_for_ever_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inviting, "MOST_VISITS", 3)
    host = inviter()
    for number in range(1, 5):
        host.receive(number, guest().hello(), 0.0)
    assert host.outcome == InviteOutcome(How.CROWDED)


def test_guests_that_wait_are_bounded_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inviting, "MOST_GUESTS", 2)
    host = inviter()
    for number in (1, 2):
        begin(host, guest(seed=number), number)
    assert [say.guest for say in host.receive(3, guest().hello(), 0.0) if say.last] == [1]


def test_a_guest_does_not_believe_who_does_not_have_the_code() -> None:
    liar = Inviter(WRONG, "another secret altogether", expires_at=600.0, entropy=entropy())
    visitor = guest()
    begin(liar, visitor, 1)
    forged = InviteStep(confirmation=bytes(32), sealed=bytes(40)).SerializeToString()
    with pytest.raises(RemoteProtocolError, match="in the middle"):
        visitor.receive(forged)
    assert visitor.secret is None


@pytest.mark.parametrize("secret", ["2short", "with a\nline end in it", "escape \x1b[31m sequences", "x" * 15])
def test_a_guest_takes_no_secret_that_is_none(secret: str) -> None:
    host, visitor = inviter(secret), guest()
    with pytest.raises((RemoteProtocolError, UserError)) as refused:
        visitor.receive(to(host.receive(1, begin(host, visitor, 1), 0.0), 1).data)
    assert secret not in str(refused.value)
    assert visitor.secret is None


def test_the_longest_names_and_secrets_fit() -> None:
    secret = "x" * MOST_SECRET_BYTES
    host, visitor = inviter(secret), guest(host="ä" * 1000)
    confirmation = begin(host, visitor, 1)
    assert len(confirmation) <= MOST_GUEST_BYTES
    assert visitor.receive(to(host.receive(1, confirmation, 0.0), 1).data) is None
    assert visitor.secret == secret
    host.receive(1, visitor.kept(), 0.0)
    assert host.outcome == InviteOutcome(How.JOINED, "ä" * (MOST_HOST_BYTES // 2))
    with pytest.raises(UserError, match="at most"):
        inviter(secret + "x")


def test_nothing_secret_shows() -> None:
    host, visitor = inviter(), guest()
    says = host.receive(1, begin(host, visitor, 1), 0.0)
    visitor.receive(says[0].data)
    for shown in (repr(host), repr(visitor), repr(says), str(vars(says[0]) if hasattr(says[0], "__dict__") else "")):
        assert SECRET not in shown
        assert "acorn" not in shown


@SLOW
@given(st.binary(max_size=600), st.sampled_from(["hello", "confirmation", "kept"]))
def test_nonsense_gets_no_secret_and_no_exception(data: bytes, at: str) -> None:
    host, visitor = inviter(), guest()
    if at != "hello":
        confirmation = begin(host, visitor, 1)
        if at == "kept":
            host.receive(1, confirmation, 0.0)
    host.receive(1, data, 0.0)
    assert host.outcome is None or host.outcome.how in {How.UNSURE, How.WRONG_CODES}
    assert host.is_given == (at == "kept")


@SLOW
@given(st.binary(max_size=200), st.booleans())
def test_nonsense_of_an_inviter_is_its_fault(data: bytes, later: bool) -> None:
    visitor = guest()
    if later:
        begin(inviter(), visitor, 1)
    with contextlib.suppress(RemoteProtocolError, UserError):
        visitor.receive(data)
    assert visitor.secret is None


@SLOW
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=8), st.randoms(use_true_random=False))
def test_in_any_order_at_most_one_gets_it_and_three_guesses_are_judged(
    visits: list[tuple[bool, int]], rng: random.Random
) -> None:
    """Each visit has the code or not, and goes on for so many steps; steps of all of them come in any order."""
    host = inviter()
    visitors = {number: guest(RIGHT if right else WRONG, number) for number, (right, _) in enumerate(visits, 1)}
    pending = {number: [visitor.hello()] for number, visitor in visitors.items()}
    steps = {number: count for number, (_, count) in enumerate(visits, 1)}
    got: set[int] = set()
    wrong = 0
    turns = [number for number, (_, count) in enumerate(visits, 1) for _ in range(count)]
    rng.shuffle(turns)
    for number in turns:
        if not pending[number] or not steps[number]:
            continue
        steps[number] -= 1
        for say in host.receive(number, pending[number].pop(), 0.0):
            wrong += InviteStep.FromString(say.data).failure == InviteStep.WRONG_CODE
            if say.last:
                pending[say.guest] = []
                continue
            answer = visitors[say.guest].receive(say.data)
            if visitors[say.guest].secret is not None:
                got.add(say.guest)
                answer = visitors[say.guest].kept()
            pending[say.guest] = [answer] if answer is not None else []
    assert len(got) <= 1
    assert all(visits[number - 1][0] for number in got)
    assert wrong <= 3
    assert host.tries_left == 3 - wrong
