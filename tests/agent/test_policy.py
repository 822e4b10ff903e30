import pytest

from natpass_agent.policy import Policy, kind_name
from natpass_wire.identity.authorized import Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse

SHELLS = Policy(frozenset({ConnectRequest.shell}), max_links=2)


def test_what_is_served_is_allowed_while_there_is_room() -> None:
    assert SHELLS.refusal(ConnectRequest.shell, 0) is None
    assert SHELLS.refusal(ConnectRequest.shell, 1) is None


@pytest.mark.parametrize("links", [2, 3])
def test_there_is_a_limit(links: int) -> None:
    refusal = SHELLS.refusal(ConnectRequest.shell, links)
    assert refusal is not None
    assert refusal.text == f"this agent has {links} links already and takes no more"
    assert refusal.reason == ConnectResponse.REFUSED


def test_one_opener_does_not_get_all_the_room() -> None:
    policy = Policy(frozenset({ConnectRequest.shell}), max_links=8, max_links_of_opener=4)
    assert policy.refusal(ConnectRequest.shell, 7, of_opener=3) is None
    refusal = policy.refusal(ConnectRequest.shell, 4, of_opener=4)
    assert refusal is not None
    assert refusal.text == "you have 4 links to this agent already"


def test_other_kinds_are_refused_by_name_and_with_what_is_served() -> None:
    refusal = SHELLS.refusal(ConnectRequest.vnc, 0)
    assert refusal is not None
    assert refusal.text == "this agent does not serve vnc links (it serves: shell)"


def test_rights_come_before_room() -> None:
    """Nobody is put out for somebody who may not come in."""
    full = SHELLS.refusal(ConnectRequest.shell, 2, rights=Rights(read_only=True))
    assert full is not None
    assert full.text == "your console's key may only look at the desktop here (read-only)"
    assert not full.is_for_room
    assert SHELLS.refusal(ConnectRequest.shell, 0, rights=Rights(frozenset({ConnectRequest.shell}))) is None


def test_a_kind_from_the_future_is_refused_by_its_number() -> None:
    kind = ConnectRequest.FromString(b"\x10\x2a").kind
    assert kind_name(kind) == "kind 42"
    refusal = Policy(frozenset()).refusal(kind, 0)
    assert refusal is not None
    assert refusal.text == "this agent does not serve kind 42 links (it serves: nothing)"
