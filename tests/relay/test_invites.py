"""Which guest's words reach which inviter, and no one else."""

import secrets
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_relay import invites as relay_invites
from natpass_relay.clients import Client, Role
from natpass_relay.invites import MAX_ANSWERS, MAX_MESSAGES, MAX_OF_CLIENT, InviteAnswer, Invites, Tell, Turn
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite.code import MOST_NAMEPLATE, Code
from natpass_wire.invite.inviter import LIFETIME_SECONDS, Inviter
from natpass_wire.invite.steps import MOST_GUEST_BYTES, MOST_INVITER_BYTES
from natpass_wire.pb.invite_pb2 import Guest, Invite, InviteStep
from natpass_wire.pb.login_pb2 import Refusal

#: What passes for an inviter's SPAKE2 message; and the time.
ELEMENT, NOW = b"B" + bytes(32), 1000.0


def client(name: str = "i") -> Client:
    return Client(name, Role.CONSOLE)


def opened(invites: Invites[str], inviter: Client, nameplate: int) -> Invite.Step:
    (tell,) = invites.inviter_says(inviter, Invite(step=Invite.OPEN, nameplate=nameplate))
    assert isinstance(tell, Tell)
    assert tell.client is inviter
    return tell.invite.step


def hello(nameplate: int = 7, data: bytes = b"hello") -> Guest:
    return Guest(nameplate=nameplate, data=data)


def test_what_a_guest_says_reaches_its_inviter_and_back() -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter, other = client(), client("other")
    assert opened(invites, inviter, 7) == opened(invites, other, 8) == Invite.OPENED
    (tell,) = invites.guest_says("g", hello(), NOW)
    assert tell == Tell(inviter, Invite(step=Invite.SAID, guest=1, data=b"hello"))
    said = Invite(step=Invite.SAID, guest=1, data=b"answer")
    assert invites.inviter_says(inviter, said) == [InviteAnswer("g", b"answer")]
    assert invites.inviter_says(other, said) == []  # not its guest
    last = Invite(step=Invite.GONE, guest=1, data=b"bye")
    assert invites.inviter_says(inviter, last) == [InviteAnswer("g", b"bye"), Turn("g")]
    assert invites.inviter_says(inviter, said) == []
    assert invites.guest_gone("g") == []


def test_a_number_has_one_inviter() -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter = client()
    assert opened(invites, inviter, 7) == opened(invites, inviter, 7) == Invite.OPENED
    assert opened(invites, client("other"), 7) == Invite.TAKEN
    invites.removed(inviter, NOW)
    assert opened(invites, client("other"), 7) == Invite.OPENED


def test_a_client_has_so_many_invites_and_all_together_too(monkeypatch: pytest.MonkeyPatch) -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter = client()
    steps = [opened(invites, inviter, nameplate) for nameplate in range(1, MAX_OF_CLIENT + 2)]
    assert steps == [Invite.OPENED] * MAX_OF_CLIENT + [Invite.FULL]
    monkeypatch.setattr(relay_invites, "MAX_INVITES", MAX_OF_CLIENT + 1)
    assert opened(invites, client("b"), 100) == Invite.OPENED
    assert opened(invites, client("c"), 101) == Invite.FULL


@pytest.mark.parametrize("nameplate", [0, MOST_NAMEPLATE + 1, 2**32 - 1])
def test_a_number_out_of_range_is_the_clients_fault(nameplate: int) -> None:
    with pytest.raises(RemoteProtocolError):
        opened(Invites(lambda: ELEMENT), client(), nameplate)


def confirmation() -> bytes:
    return InviteStep(confirmation=bytes(32), sealed=b"x" * 20).SerializeToString()


def told(commands: Sequence[object]) -> InviteStep:
    """Return what a guest is told, and then closed."""
    answer, turn = commands
    assert isinstance(answer, InviteAnswer)
    assert turn == Turn(answer.who)
    return InviteStep.FromString(answer.data)


def wrong_code_at_decoy(invites: Invites[str], number: int, now: float = NOW) -> InviteStep:
    (answer,) = invites.guest_says("g", hello(number, spake2()), now)
    assert answer == InviteAnswer("g", InviteStep(spake2=ELEMENT).SerializeToString())
    return told(invites.guest_says("g", Guest(data=confirmation()), now))


def test_a_number_that_nobody_has_answers_as_one_whose_code_is_wrong() -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    for left in (2, 1, 0):
        step = wrong_code_at_decoy(invites, 4711)
        assert (step.failure, step.tries_left) == (InviteStep.WRONG_CODE, left)
    (turn,) = invites.guest_says("g", hello(4711, spake2()), NOW)  # as if three wrong codes had ended it
    assert isinstance(turn, Turn)
    assert (turn.code, "4711" in turn.text) == (Refusal.NO_INVITE, True)
    assert wrong_code_at_decoy(invites, 4711, NOW + LIFETIME_SECONDS).tries_left == 2


@pytest.mark.parametrize("data", [b"hello", InviteStep(kept=bytes(32)).SerializeToString()])
def test_who_breaks_the_rules_there_is_told_what_an_inviter_says(data: bytes) -> None:
    inviter = Inviter(Code(7, "acorn-acorn-acorn"), "secret" * 4, expires_at=9.0, entropy=lambda size: b"e" * size)
    invites: Invites[str] = Invites(lambda: ELEMENT)
    (real,) = inviter.receive(1, data, 0.0)
    assert told(invites.guest_says("g", hello(4711, data), NOW)) == InviteStep.FromString(real.data)
    inviter.receive(2, spake2(), 0.0)
    invites.guest_says("h", hello(4711, spake2()), NOW)
    (real,) = inviter.receive(2, data, 0.0)
    assert told(invites.guest_says("h", Guest(data=data), NOW)) == InviteStep.FromString(real.data)


@pytest.mark.parametrize("element", [b"A" + bytes(32), b"A" + b"\xff" * 32, b"B" + bytes(32)])
def test_a_message_that_is_none_of_spake2_counts_as_a_wrong_code_at_both(element: bytes) -> None:
    """Otherwise, who sends one could tell an inviter from none without using up a try."""
    inviter = Inviter(Code(7, "acorn-acorn-acorn"), "secret" * 4, expires_at=9.0, entropy=secrets.token_bytes)
    first = InviteStep(spake2=element).SerializeToString()
    inviter.receive(1, first, 0.0)
    (real,) = inviter.receive(1, confirmation(), 0.0)
    invites: Invites[str] = Invites(lambda: ELEMENT)
    invites.guest_says("g", hello(4711, first), NOW)
    assert told(invites.guest_says("g", Guest(data=confirmation()), NOW)) == InviteStep.FromString(real.data)


def spake2() -> bytes:
    return InviteStep(spake2=b"A" + bytes(32)).SerializeToString()


def test_a_decoy_ends_with_its_guest_and_a_real_invite_has_tries_of_its_own() -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    assert wrong_code_at_decoy(invites, 7).tries_left == 2
    invites.guest_says("g", hello(7, spake2()), NOW)
    assert invites.guest_gone("g") == []
    inviter = client()
    assert opened(invites, inviter, 7) == Invite.OPENED
    assert isinstance(invites.guest_says("g", hello(7, spake2()), NOW)[0], Tell)
    invites.removed(inviter, NOW)
    (turn,) = invites.guest_says("g", hello(7, spake2()), NOW + 1)
    assert isinstance(turn, Turn)
    assert turn.code == Refusal.NO_INVITE  # for people: it has been one


def test_a_number_that_was_used_long_ago_is_like_any_other() -> None:
    """Otherwise its answers would tell that nobody has it now, and leave fewer numbers to look at."""
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter = client()
    assert opened(invites, inviter, 7) == Invite.OPENED
    invites.removed(inviter, NOW)
    later = NOW + LIFETIME_SECONDS
    assert [wrong_code_at_decoy(invites, 7, later).tries_left for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("number", [0, MOST_NAMEPLATE + 1])
def test_a_number_that_can_be_none_is_refused(number: int) -> None:
    (turn,) = Invites[str](lambda: ELEMENT).guest_says("g", hello(number, spake2()), NOW)
    assert isinstance(turn, Turn)
    assert turn.code == Refusal.NO_INVITE


def test_an_invite_goes_with_its_client() -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter = client()
    opened(invites, inviter, 7)
    invites.guest_says("g", hello(), NOW)
    (turn,) = invites.removed(inviter, NOW)
    assert isinstance(turn, Turn)
    assert (turn.who, turn.code) == ("g", Refusal.NO_INVITE)
    assert invites.removed(inviter, NOW) == []
    assert isinstance(invites.guest_says("h", hello(), NOW)[0], Turn)


def test_an_inviter_hears_that_a_guest_is_gone_once() -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter = client()
    opened(invites, inviter, 7)
    invites.guest_says("g", hello(), NOW)
    assert invites.guest_gone("g") == [Tell(inviter, Invite(step=Invite.GONE, guest=1))]
    assert invites.guest_gone("g") == []
    (tell,) = invites.guest_says("g2", hello(), NOW)
    assert isinstance(tell, Tell)
    assert tell.invite.guest == 2  # never the number of another


def test_a_guest_says_no_more_than_guests_do() -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    opened(invites, client(), 7)
    for _ in range(MAX_MESSAGES):
        invites.guest_says("g", hello(), NOW)
    with pytest.raises(RemoteProtocolError):
        invites.guest_says("g", hello(), NOW)
    for data in (b"", bytes(MOST_GUEST_BYTES + 1)):
        with pytest.raises(RemoteProtocolError):
            invites.guest_says("h", hello(data=data), NOW)


def test_an_inviter_says_nothing_else() -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter = client()
    opened(invites, inviter, 7)
    for invite in (
        Invite(step=Invite.OPENED),
        Invite(),
        Invite(step=Invite.SAID, guest=1, data=bytes(MOST_INVITER_BYTES + 1)),
    ):
        with pytest.raises(RemoteProtocolError):
            invites.inviter_says(inviter, invite)


def test_an_inviter_says_no_more_than_inviters_do() -> None:
    """A guest that reads nothing would fill the relay's memory as fast as the inviter can send."""
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter = client()
    opened(invites, inviter, 7)
    invites.guest_says("g", hello(), NOW)
    said = Invite(step=Invite.SAID, guest=1, data=bytes(MOST_INVITER_BYTES))
    for _ in range(MAX_ANSWERS):
        assert invites.inviter_says(inviter, said) == [InviteAnswer("g", said.data)]
    with pytest.raises(RemoteProtocolError):
        invites.inviter_says(inviter, said)


def test_an_inviter_that_reads_nothing_gets_no_more_guests() -> None:
    """They come without a login: what they say may not pile up."""
    full: set[Client] = set()
    invites: Invites[str] = Invites(lambda: ELEMENT, full.__contains__)
    inviter = client()
    opened(invites, inviter, 7)
    invites.guest_says("a", hello(), NOW)
    full.add(inviter)
    (turn,) = invites.guest_says("b", hello(), NOW)
    assert isinstance(turn, Turn)
    assert (turn.who, turn.code) == ("b", Refusal.OVERLOADED)
    assert isinstance(invites.guest_says("a", hello(), NOW)[0], Tell)  # what it may still say is little


def test_where_there_are_too_many_guests_the_largest_network_loses_its_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_invites, "MAX_GUESTS", 3)
    invites: Invites[str] = Invites(lambda: ELEMENT)
    inviter = client()
    opened(invites, inviter, 7)
    for who, source in (("honest", "192.0.2.1"), ("a", "192.0.2.2"), ("b", "192.0.2.2")):
        invites.guest_says(who, hello(), NOW, source)
    gone, turn, said = invites.guest_says("c", hello(), NOW, "192.0.2.2")
    assert gone == Tell(inviter, Invite(step=Invite.GONE, guest=2))
    assert isinstance(turn, Turn)
    assert (turn.who, turn.code) == ("a", Refusal.OVERLOADED)
    assert said == Tell(inviter, Invite(step=Invite.SAID, guest=4, data=b"hello"))


@given(st.lists(st.tuples(st.sampled_from("ogsxr"), st.integers(0, 3), st.integers(1, 3)), max_size=60))
def test_whatever_happens_nothing_is_left_when_all_are_gone(events: list[tuple[str, int, int]]) -> None:
    invites: Invites[str] = Invites(lambda: ELEMENT)
    clients = [client(str(number)) for number in range(4)]
    for event, who, number in events:
        try:
            match event:
                case "o":
                    opened(invites, clients[who], number)
                case "g":
                    commands = invites.guest_says(f"g{who}", hello(number), NOW)
                    assert not any(
                        isinstance(command, InviteAnswer) and command.who != f"g{who}" for command in commands
                    )
                case "s":
                    invites.inviter_says(clients[who], Invite(step=Invite.GONE, guest=number, data=b"d"))
                case "x":
                    invites.guest_gone(f"g{who}")
                case _:
                    invites.removed(clients[who], NOW)
        except RemoteProtocolError:
            invites.guest_gone(f"g{who}")
    for inviter in clients:
        invites.removed(inviter, NOW)
    for number in range(4):
        invites.guest_gone(f"g{number}")
    by_number = {"_tries", "_ended"}  # of at most 9999 numbers
    assert not any(value for name, value in vars(invites).items() if isinstance(value, dict) and name not in by_number)
