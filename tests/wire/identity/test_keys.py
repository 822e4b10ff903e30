"""How keys are written, read and not shown."""

import base64
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.identity.keys import PREFIX, Identity, PublicKey

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
    with pytest.raises(ValueError, match=r"^a key is x25519: and 44 characters of base64$"):
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


def test_nothing_shows_a_private_key() -> None:
    identity = Identity(X25519PrivateKey.generate())
    raw = identity.private.private_bytes_raw()
    for form in (raw.hex(), base64.b64encode(raw).decode(), base64.b64encode(identity.to_pem()).decode(), repr(raw)):
        assert form not in f"{identity!r} {identity} {identity.private!r}"
    assert repr(identity) == "Identity()"


def test_an_identity_comes_back_from_its_pem() -> None:
    identity = Identity(X25519PrivateKey.generate())
    assert Identity.from_pem(identity.to_pem()).public == identity.public
