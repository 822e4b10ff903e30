"""Keys from the secret: known answers, so that nobody changes the derivation by accident."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.errors import UserError
from natpass_wire.login.keys import VERIFIER_PREFIX, LoginKey, RootKey, check_secret

SECRET = "correct horse battery"


def test_known_answer() -> None:
    # openssl kdf -keylen 32 -kdfopt salt:'natpass v2 root' -kdfopt n:32768 -kdfopt r:8 -kdfopt p:1 ... SCRYPT
    openssl = "b51a7236a4e124ea5024fabe90ff7de8ae0ef822de359be97caa39261ba8d99a"
    root = hashlib.scrypt(SECRET.encode(), salt=b"natpass v2 root", n=32768, r=8, p=1, maxmem=2**26, dklen=32)
    assert root.hex() == openssl
    # HKDF-Expand (RFC 5869) of 32 bytes is one block: HMAC(root, info || 0x01).
    login_key = hmac.new(root, b"natpass v2 login" + b"\x01", hashlib.sha256).digest()
    assert LoginKey.from_secret(SECRET).key == login_key
    assert login_key.hex() == "aa698991e71e92c1154d9ff2f9bb00cbb7bf1fd34f975904d9b728975c446d6c"


def test_a_key_does_not_show() -> None:
    root = RootKey.from_secret(SECRET)
    key = root.login_key()
    assert key.key.hex() not in repr(key)
    assert repr(key.key) not in repr(key)
    assert repr(root) == "RootKey()"


def test_secrets_under_16_characters_are_refused_with_the_reason() -> None:
    assert check_secret("x" * 16) == "x" * 16
    with pytest.raises(UserError, match="is 15 long and needs at least 16") as refused:
        check_secret("hunter2hunter22")
    assert "hunter2" not in str(refused.value)


def test_a_secret_that_is_no_text_is_refused() -> None:
    with pytest.raises(UserError, match="UTF-8"):
        check_secret("x" * 20 + "\udcff")  # what argv makes of a byte that is no UTF-8


def test_the_verifier_is_the_login_key_and_nothing_else() -> None:
    key = LoginKey.from_secret(SECRET)
    assert key.to_verifier() == "natpass-verifier-1:" + base64.urlsafe_b64encode(key.key).decode().rstrip("=")
    assert SECRET not in key.to_verifier()
    assert LoginKey.from_verifier(key.to_verifier()) == key


@given(st.binary(min_size=32, max_size=32))
def test_a_verifier_comes_back_as_it_was(key: bytes) -> None:
    assert LoginKey.from_verifier(f" {LoginKey(key).to_verifier()}\n").key == key


@given(st.text() | st.binary(max_size=80).map(lambda data: VERIFIER_PREFIX + base64.urlsafe_b64encode(data).decode()))
def test_what_is_no_verifier_is_refused_and_not_repeated(text: str) -> None:
    if len(text.strip()) == len(LoginKey(bytes(32)).to_verifier()):
        return  # may be one
    with pytest.raises(UserError, match="natpass-verifier-1:") as refused:
        LoginKey.from_verifier(text)
    assert len(text) < 24 or text not in str(refused.value)


def test_one_verifier_has_one_form() -> None:
    text = LoginKey(bytes(32)).to_verifier()
    for other in (text[:-1] + "B", text + "=", text[:-1], text + "A", text.removeprefix(VERIFIER_PREFIX), text.upper()):
        with pytest.raises(UserError):
            LoginKey.from_verifier(other)


def test_a_verifier_is_not_taken_for_the_secret() -> None:
    with pytest.raises(UserError, match="verifier") as refused:
        check_secret(LoginKey(b"k" * 32).to_verifier())
    assert LoginKey(b"k" * 32).to_verifier() not in str(refused.value)
