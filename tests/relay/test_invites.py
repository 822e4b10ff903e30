"""Which guest's words reach which inviter, and no one else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_relay import invites as relay_invites
from natpass_relay.clients import Client, Role
from natpass_relay.invites import MAX_ANSWERS, MAX_MESSAGES, MAX_OF_CLIENT, InviteAnswer, Invites, Tell, Turn
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite.code import MOST_NAMEPLATE
from natpass_wire.invite.steps import MOST_GUEST_BYTES, MOST_INVITER_BYTES
from natpass_wire.pb.invite_pb2 import Guest, Invite
from natpass_wire.pb.login_pb2 import Refusal


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
    invites: Invites[str] = Invites()
    inviter, other = client(), client("other")
    assert opened(invites, inviter, 7) == opened(invites, other, 8) == Invite.OPENED
    (tell,) = invites.guest_says("g", hello())
    assert tell == Tell(inviter, Invite(step=Invite.SAID, guest=1, data=b"hello"))
    said = Invite(step=Invite.SAID, guest=1, data=b"answer")
    assert invites.inviter_says(inviter, said) == [InviteAnswer("g", b"answer")]
    assert invites.inviter_says(other, said) == []  # not its guest
    last = Invite(step=Invite.GONE, guest=1, data=b"bye")
    assert invites.inviter_says(inviter, last) == [InviteAnswer("g", b"bye"), Turn("g")]
    assert invites.inviter_says(inviter, said) == []
    assert invites.guest_gone("g") == []


def test_a_number_has_one_inviter() -> None:
    invites: Invites[str] = Invites()
    inviter = client()
    assert opened(invites, inviter, 7) == opened(invites, inviter, 7) == Invite.OPENED
    assert opened(invites, client("other"), 7) == Invite.TAKEN
    invites.removed(inviter)
    assert opened(invites, client("other"), 7) == Invite.OPENED


def test_a_client_has_so_many_invites_and_all_together_too(monkeypatch: pytest.MonkeyPatch) -> None:
    invites: Invites[str] = Invites()
    inviter = client()
    steps = [opened(invites, inviter, nameplate) for nameplate in range(1, MAX_OF_CLIENT + 2)]
    assert steps == [Invite.OPENED] * MAX_OF_CLIENT + [Invite.FULL]
    monkeypatch.setattr(relay_invites, "MAX_INVITES", MAX_OF_CLIENT + 1)
    assert opened(invites, client("b"), 100) == Invite.OPENED
    assert opened(invites, client("c"), 101) == Invite.FULL


@pytest.mark.parametrize("nameplate", [0, MOST_NAMEPLATE + 1, 2**32 - 1])
def test_a_number_out_of_range_is_the_clients_fault(nameplate: int) -> None:
    with pytest.raises(RemoteProtocolError):
        opened(Invites(), client(), nameplate)


def test_who_calls_for_nobody_is_told_so() -> None:
    (turn,) = Invites[str]().guest_says("g", hello(4711))
    assert isinstance(turn, Turn)
    assert turn.code == Refusal.NO_INVITE
    assert "4711" in turn.text


def test_an_invite_goes_with_its_client() -> None:
    invites: Invites[str] = Invites()
    inviter = client()
    opened(invites, inviter, 7)
    invites.guest_says("g", hello())
    (turn,) = invites.removed(inviter)
    assert isinstance(turn, Turn)
    assert (turn.who, turn.code) == ("g", Refusal.NO_INVITE)
    assert invites.removed(inviter) == []
    assert isinstance(invites.guest_says("h", hello())[0], Turn)


def test_an_inviter_hears_that_a_guest_is_gone_once() -> None:
    invites: Invites[str] = Invites()
    inviter = client()
    opened(invites, inviter, 7)
    invites.guest_says("g", hello())
    assert invites.guest_gone("g") == [Tell(inviter, Invite(step=Invite.GONE, guest=1))]
    assert invites.guest_gone("g") == []
    (tell,) = invites.guest_says("g2", hello())
    assert isinstance(tell, Tell)
    assert tell.invite.guest == 2  # never the number of another


def test_a_guest_says_no_more_than_guests_do() -> None:
    invites: Invites[str] = Invites()
    opened(invites, client(), 7)
    for _ in range(MAX_MESSAGES):
        invites.guest_says("g", hello())
    with pytest.raises(RemoteProtocolError):
        invites.guest_says("g", hello())
    for data in (b"", bytes(MOST_GUEST_BYTES + 1)):
        with pytest.raises(RemoteProtocolError):
            invites.guest_says("h", hello(data=data))


def test_an_inviter_says_nothing_else() -> None:
    invites: Invites[str] = Invites()
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
    invites: Invites[str] = Invites()
    inviter = client()
    opened(invites, inviter, 7)
    invites.guest_says("g", hello())
    said = Invite(step=Invite.SAID, guest=1, data=bytes(MOST_INVITER_BYTES))
    for _ in range(MAX_ANSWERS):
        assert invites.inviter_says(inviter, said) == [InviteAnswer("g", said.data)]
    with pytest.raises(RemoteProtocolError):
        invites.inviter_says(inviter, said)


def test_an_inviter_that_reads_nothing_gets_no_more_guests() -> None:
    """They come without a login: what they say may not pile up."""
    full: set[Client] = set()
    invites: Invites[str] = Invites(full.__contains__)
    inviter = client()
    opened(invites, inviter, 7)
    invites.guest_says("a", hello())
    full.add(inviter)
    (turn,) = invites.guest_says("b", hello())
    assert isinstance(turn, Turn)
    assert (turn.who, turn.code) == ("b", Refusal.OVERLOADED)
    assert isinstance(invites.guest_says("a", hello())[0], Tell)  # what it may still say is little


def test_where_there_are_too_many_guests_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_invites, "MAX_GUESTS", 2)
    invites: Invites[str] = Invites()
    inviter = client()
    opened(invites, inviter, 7)
    for who in ("a", "b"):
        invites.guest_says(who, hello())
    gone, turn, said = invites.guest_says("c", hello())
    assert gone == Tell(inviter, Invite(step=Invite.GONE, guest=1))
    assert isinstance(turn, Turn)
    assert (turn.who, turn.code) == ("a", Refusal.OVERLOADED)
    assert said == Tell(inviter, Invite(step=Invite.SAID, guest=3, data=b"hello"))


@given(st.lists(st.tuples(st.sampled_from("ogsxr"), st.integers(0, 3), st.integers(1, 3)), max_size=60))
def test_whatever_happens_nothing_is_left_when_all_are_gone(events: list[tuple[str, int, int]]) -> None:
    invites: Invites[str] = Invites()
    clients = [client(str(number)) for number in range(4)]
    for event, who, number in events:
        try:
            match event:
                case "o":
                    opened(invites, clients[who], number)
                case "g":
                    commands = invites.guest_says(f"g{who}", hello(number))
                    assert all(not isinstance(command, InviteAnswer) for command in commands)
                case "s":
                    invites.inviter_says(clients[who], Invite(step=Invite.GONE, guest=number, data=b"d"))
                case "x":
                    invites.guest_gone(f"g{who}")
                case _:
                    invites.removed(clients[who])
        except RemoteProtocolError:
            invites.guest_gone(f"g{who}")
    for inviter in clients:
        invites.removed(inviter)
    assert not any(value for value in vars(invites).values() if isinstance(value, dict))
