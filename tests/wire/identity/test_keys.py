"""A key is made once, kept from others, and never replaced in silence."""

import base64
import stat
import traceback
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.errors import UserError
from natpass_wire.identity.keys import PREFIX, Identity, PublicKey, load_identity
from natpass_wire.program.platform import HAS_FILE_MODES
from natpass_wire.program.state import StateDir

RAW = st.binary(min_size=32, max_size=32)


@given(RAW)
def test_a_public_key_survives_being_written(raw: bytes) -> None:
    key = PublicKey(raw)
    assert PublicKey.parse(str(key)) == key
    assert str(key).isascii()
    assert not set(str(key)) & set(" ,\"'#\\")


@given(RAW, st.text(max_size=60))
def test_what_is_read_as_a_key_is_what_that_key_is_written_as(raw: bytes, other: str) -> None:
    for word in (other, PREFIX + other, str(PublicKey(raw)) + other, str(PublicKey(raw))[: len(other)]):
        with suppress(ValueError):
            assert str(PublicKey.parse(word)) == word


@pytest.mark.parametrize("word", ["", "x25519:", "X25519:" + "A" * 43 + "=", "x25519:" + "\x1b" * 44, "x25519:é"])
def test_what_is_no_key_is_said_without_showing_it(word: str) -> None:
    with pytest.raises(ValueError, match=r"^a key is written x25519: and 44 characters of base64$"):
        PublicKey.parse(word)


def test_one_key_has_one_word() -> None:
    word = str(PublicKey(bytes(32)))
    assert word.endswith("AAA=")
    with pytest.raises(ValueError, match="last character"):
        PublicKey.parse(word[:-2] + "B=")  # a decoder takes it for the same bytes


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        PublicKey(bytes(length))


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


def test_nothing_shows_a_private_key(tmp_path: Path) -> None:
    identity = load_identity(StateDir(tmp_path), "agent")
    raw = identity.private.private_bytes_raw()
    for form in (raw.hex(), base64.b64encode(raw).decode(), base64.b64encode(identity.to_pem()).decode(), repr(raw)):
        assert form not in f"{identity!r} {identity} {identity.private!r}"
    assert repr(identity) == "Identity()"


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


def test_an_identity_comes_back_from_its_pem() -> None:
    identity = Identity(X25519PrivateKey.generate())
    assert Identity.from_pem(identity.to_pem()).public == identity.public
