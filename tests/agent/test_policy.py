import pytest

from natpass_agent.links import KINDS
from natpass_agent.links.kind import Kind, Limits
from natpass_agent.policy import Policy, Refusal
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse

SHELL, EXEC, DESKTOP = KINDS
SHELLS = Policy([SHELL], max_links=2)
ALL_KINDS = Policy(KINDS)
NUMBERS = [kind.number for kind in KINDS]


def made_up(limits: Limits, *, allows_unsealed: bool = True) -> Kind:
    return Kind(
        number=ConnectRequest.bench,
        wire_name="bench",
        name="made-up",
        make_server=lambda _: pytest.fail("nobody asked for it"),
        allows_unsealed=allows_unsealed,
        limits=limits,
    )


def text(refusal: Refusal | None) -> str:
    return "" if refusal is None else refusal.text


def test_what_is_served_is_allowed_while_there_is_room() -> None:
    assert SHELLS.refusal(ConnectRequest.shell) is None
    assert SHELLS.refusal(ConnectRequest.shell, [SHELL]) is None


@pytest.mark.parametrize("links", [2, 3])
def test_there_is_a_limit(links: int) -> None:
    refusal = SHELLS.refusal(ConnectRequest.shell, [SHELL] * links)
    assert refusal == Refusal(
        f"this agent has {links} links already and takes no more", ConnectResponse.REFUSED, is_for_room=True
    )


def test_links_with_a_process_share_their_places() -> None:
    policy = Policy(KINDS, max_links=3)
    assert policy.refusal(ConnectRequest.vnc, [SHELL, EXEC]) is None
    assert "has 3 links" in text(policy.refusal(ConnectRequest.vnc, [SHELL, EXEC, EXEC]))


def test_one_opener_does_not_get_all_the_room() -> None:
    policy = Policy([SHELL], max_links=8, max_links_of_opener=4)
    assert policy.refusal(ConnectRequest.shell, [SHELL] * 7, [SHELL] * 3) is None
    refusal = policy.refusal(ConnectRequest.shell, [SHELL] * 4, [SHELL] * 4)
    assert text(refusal) == "you have 4 links to this agent already"


def test_a_kind_without_processes_has_places_of_its_own() -> None:
    light = made_up(Limits(holds_process=False, places=4))
    policy = Policy([SHELL, light], max_links=2)
    shells = [SHELL] * 2
    assert policy.refusal(light.number, [*shells, *[light] * 3], [light]) is None
    refusal = policy.refusal(light.number, [*shells, *[light] * 4])
    assert refusal == Refusal("this agent has 4 bench links already and takes no more", ConnectResponse.REFUSED)
    assert (
        text(policy.refusal(light.number, [light] * 2, [light] * 2)) == "you have 2 bench links to this agent already"
    )
    assert policy.refusal(SHELL.number, [light] * 4, [light] * 4) is None
    with pytest.raises(ValueError, match="number of places"):
        Limits(holds_process=False)


def test_a_kind_with_processes_can_have_fewer_places() -> None:
    rare = made_up(Limits(places=1))
    policy = Policy([SHELL, rare], max_links=3)
    assert policy.refusal(rare.number, [SHELL]) is None
    assert "has 1 bench links" in text(policy.refusal(rare.number, [rare]))
    assert "has 3 links" in text(policy.refusal(rare.number, [SHELL, SHELL, SHELL]))
    full = policy.refusal(rare.number, [SHELL, SHELL, rare])
    assert full is not None
    assert not full.is_for_room  # nobody is put out for it


def test_a_kind_may_insist_on_sealed_links() -> None:
    strict = made_up(Limits(), allows_unsealed=False)
    assert Policy([strict]).refusal(strict.number) is None
    refusal = Policy([strict]).refusal(strict.number, is_sealed=False)
    assert refusal == Refusal("this agent serves sealed bench links only", ConnectResponse.REFUSED)
    assert all(ALL_KINDS.refusal(number, is_sealed=False) is None for number in NUMBERS)


def test_other_kinds_are_refused_by_name_and_with_what_is_served() -> None:
    assert text(SHELLS.refusal(ConnectRequest.vnc)) == "this agent does not serve vnc links (it serves: shell)"


@pytest.mark.parametrize("number", ConnectRequest.Kind.values())
def test_what_rights_allow(number: ConnectRequest.Kind) -> None:
    served = number in NUMBERS
    assert (ALL_KINDS.refusal(number, rights=ALL) is None) == served
    two = ALL_KINDS.refusal(number, rights=Rights(frozenset({"exec", "shell"})))
    assert (two is None) == (number in {SHELL.number, EXEC.number})
    assert text(two) in {"", "your console's key may not do this here (it may: shell, exec)"}
    looking = ALL_KINDS.refusal(number, rights=Rights(read_only=True))
    assert (looking is None) == (number == DESKTOP.number)
    assert text(looking) in {"", "your console's key may only look at the desktop here (read-only)"}
    assert ALL_KINDS.refusal(number, rights=Rights(frozenset({"shell"}), read_only=True)) is not None


def test_rights_come_before_room() -> None:
    """Nobody is put out for somebody who may not come in."""
    full = SHELLS.refusal(ConnectRequest.shell, [SHELL] * 2, rights=Rights(read_only=True))
    assert full is not None
    assert full.text == "your console's key may only look at the desktop here (read-only)"
    assert not full.is_for_room
    assert SHELLS.refusal(ConnectRequest.shell, rights=Rights(frozenset({"shell"}))) is None


def test_a_kind_from_the_future_is_refused_by_its_number() -> None:
    number = ConnectRequest.FromString(b"\x10\x2a").kind
    assert SHELLS.kind_name(number) == "kind 42"
    assert text(Policy([]).refusal(number)) == "this agent does not serve kind 42 links (it serves: nothing)"


def test_kinds_have_the_names_of_the_wire() -> None:
    for kind in KINDS:
        assert kind.wire_name == ConnectRequest.Kind.Name(kind.number) == ALL_KINDS.kind_name(kind.number)
    assert ALL_KINDS.kind_name(ConnectRequest.tcp) == "tcp"
