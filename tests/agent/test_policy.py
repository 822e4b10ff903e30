import pytest

from natpass_agent.links import KINDS
from natpass_agent.links.kind import Kind, Limits
from natpass_agent.policy import Policy, Refusal
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse

SHELL, EXEC, DESKTOP = KINDS[:3]
SHELLS = Policy([SHELL])
ALL_KINDS = Policy(KINDS)
NUMBERS = [kind.number for kind in KINDS]


def made_up(limits: Limits, *, allows_unsealed: bool = True) -> Kind:
    return Kind(
        number=ConnectRequest.code,
        wire_name="code",
        name="made-up",
        make_server=lambda _: pytest.fail("nobody asked for it"),
        allows_unsealed=allows_unsealed,
        limits=limits,
    )


def text(refusal: Refusal | None) -> str:
    return "" if refusal is None else refusal.text


def test_what_is_served_is_allowed() -> None:
    assert SHELLS.refusal(ConnectRequest.shell) is None


def test_a_kind_may_insist_on_sealed_links() -> None:
    strict = made_up(Limits(), allows_unsealed=False)
    assert Policy([strict]).refusal(strict.number) is None
    refusal = Policy([strict]).refusal(strict.number, is_sealed=False)
    assert refusal == Refusal("this agent serves sealed code links only", ConnectResponse.REFUSED)
    assert all((ALL_KINDS.refusal(kind.number, is_sealed=False) is None) == kind.allows_unsealed for kind in KINDS)


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


def test_a_kind_from_the_future_is_refused_by_its_number() -> None:
    number = ConnectRequest.FromString(b"\x10\x2a").kind
    assert SHELLS.kind_name(number) == "kind 42"
    assert text(Policy([]).refusal(number)) == "this agent does not serve kind 42 links (it serves: nothing)"


def test_kinds_have_the_names_of_the_wire() -> None:
    for kind in KINDS:
        assert kind.wire_name == ConnectRequest.Kind.Name(kind.number) == ALL_KINDS.kind_name(kind.number)
    assert ALL_KINDS.kind_name(ConnectRequest.tcp) == "tcp"
