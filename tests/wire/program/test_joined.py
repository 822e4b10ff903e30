"""The relays that this machine has joined, as its state directory tells."""

import stat
from pathlib import Path

import pytest

from natpass_wire.aio.dial import RelayAddress
from natpass_wire.errors import UserError
from natpass_wire.program import joined
from natpass_wire.program.joined import JoinedRelay, file_name, hint_elsewhere, joined_relays, only_joined_relay
from natpass_wire.program.state import StateDir

SECRET = b"correct horse battery staple\n"


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "state")


def join(state: StateDir, *found: JoinedRelay) -> None:
    for one in found:
        joined._remember(state, one)
        state.replace(file_name(one.relay), SECRET)


@pytest.mark.parametrize(
    "host", ["relay.example.org", "Relay.Example.ORG", "::1", "bücher.example", 'a"b\\', "x" * 300]
)
@pytest.mark.parametrize("tls", [True, False])
def test_a_joined_relay_is_remembered_as_it_was_given(state: StateDir, host: str, tls: bool) -> None:
    given = JoinedRelay(RelayAddress(host, 7), tls)
    join(state, given)
    assert joined_relays(state) == [given]
    assert only_joined_relay("natpass-tui", state) == given
    for path in state.path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("host", ["relay.example.org", "10.0.0.1", "::1", "bücher.example"])
def test_a_relay_joined_before_is_known_by_its_files_name(state: StateDir, host: str) -> None:
    state.replace(file_name(RelayAddress(host, 6154)), SECRET)
    assert joined_relays(state) == [JoinedRelay(RelayAddress(host, 6154))]


def test_a_long_name_of_before_is_no_ones(state: StateDir) -> None:
    state.replace(file_name(RelayAddress("x" * 300, 6154)), SECRET)
    assert joined_relays(state) == []


def test_a_relay_without_its_secret_counts_for_nothing(state: StateDir) -> None:
    joined._remember(state, JoinedRelay(RelayAddress("relay", 1)))
    assert joined_relays(state) == []


def test_none_and_several(state: StateDir) -> None:
    with pytest.raises(UserError, match=r"which relay\? natpass-tui --relay HOST:PORT"):
        only_joined_relay("natpass-tui", state)
    assert hint_elsewhere("natpass-tui", state) == ""
    join(state, *(JoinedRelay(RelayAddress(f"relay{number}", 6154)) for number in range(6)))
    relays = "relay0:6154, relay1:6154, relay2:6154, relay3:6154 and 2 more"
    text = f"this machine has joined {relays}: natpass-tui --relay relay0:6154"
    with pytest.raises(UserError) as raised:
        only_joined_relay("natpass-tui", state)
    assert str(raised.value) == f"which relay? {text}"
    assert hint_elsewhere("natpass-tui", state) == text


@pytest.mark.parametrize("content", [b"", b"\xff", b"host = 1", b'host = "a"\nport = "x"\ntls = true', b"[["])
def test_a_damaged_file_is_one_line(state: StateDir, content: bytes) -> None:
    join(state, JoinedRelay(RelayAddress("relay", 1)))
    state.replace(file_name(RelayAddress("relay", 1)).replace(".secret", ".relay"), content)
    with pytest.raises(UserError, match="is damaged: remove it"):
        joined_relays(state)
