"""Keys from the secret: known answers, so that nobody changes the derivation by accident."""

import hashlib
import hmac

import pytest

from natpass_wire.errors import UserError
from natpass_wire.login.keys import LoginKey, RootKey, check_secret

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
