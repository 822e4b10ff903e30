"""A key is made once, kept from others, and never replaced in silence."""

import stat
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from natpass_wire.errors import UserError
from natpass_wire.program.identity import load_identity
from natpass_wire.program.platform import HAS_FILE_MODES
from natpass_wire.program.state import StateDir


def test_an_identity_is_the_same_each_time_and_for_its_users_eyes(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    first = load_identity(state, "agent")
    assert load_identity(state, "agent").public == first.public
    assert load_identity(state, "console").public != first.public
    assert sorted(path.name for path in state.path.iterdir()) == ["agent.key", "console.key"]
    if HAS_FILE_MODES:
        assert {stat.S_IMODE(path.stat().st_mode) for path in state.path.iterdir()} == {0o600}
    other = X25519PrivateKey.generate()
    assert other.exchange(first.private.public_key()) == first.private.exchange(other.public_key())


@pytest.mark.skipif(not HAS_FILE_MODES, reason="no file modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    load_identity(StateDir(tmp_path), "agent")
    (tmp_path / "agent.key").chmod(mode)
    with pytest.raises(UserError, match="chmod 600"):
        load_identity(StateDir(tmp_path), "agent")


def _ed25519() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"half", _ed25519()], ids=["empty", "bytes", "text", "ed25519"])
def test_a_damaged_key_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "agent.key").write_bytes(content)
    (tmp_path / "agent.key").chmod(0o600)
    with pytest.raises(UserError, match=r"agent\.key is damaged .* restore it; or remove it"):
        load_identity(StateDir(tmp_path), "agent")
    assert (tmp_path / "agent.key").read_bytes() == content


def test_a_truncated_key_is_not_shown_by_its_error(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"
    load_identity(StateDir(tmp_path), "agent")
    pem = path.read_text()
    path.write_text(pem[:-40])
    with pytest.raises(UserError) as caught:
        load_identity(StateDir(tmp_path), "agent")
    assert pem.splitlines()[1][:20] not in "".join(traceback.format_exception(caught.value))
