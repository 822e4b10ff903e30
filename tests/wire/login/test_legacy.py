"""The dialects in the field, against values that were computed by hand (openssl), and the edges of the minute."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.login.legacy import Dialect, dialect_of, encode, verify

SECRET = "0123456789"


def test_known_answers() -> None:
    # printf 0123456789 | openssl md5
    assert encode(Dialect.MD5, SECRET, 0).hex() == "781e5e245d69b566979b86e28d23f2c7"
    # 1 700 000 000 // 60 = 28 333 333 = 0x1b05515
    # printf '\x00\x00\x00\x00\x01\xb0\x55\x15' | openssl sha512 -hmac 0123456789
    window = bytes.fromhex("0000000001b05515")
    assert encode(Dialect.HMAC, SECRET, 1_700_000_000) == hmac.new(SECRET.encode(), window, hashlib.sha512).digest()
    assert encode(Dialect.HMAC, SECRET, 1_700_000_000).hex() == (
        "f9fa055a33794485c463f584eb96f6f81b97d2d982e6c400ce9e70d1676387e7"
        "2193ffe45838246e9351a4d91df639ba48653923cbb97799d35d320ccf912018"
    )


def test_md5_is_the_same_at_any_time() -> None:
    assert verify(Dialect.MD5, SECRET, encode(Dialect.MD5, SECRET, 0), 1e9)
    assert not verify(Dialect.MD5, SECRET, encode(Dialect.MD5, "other", 0), 0)


@pytest.mark.parametrize(
    ("then", "now", "good"),
    [
        (600.0, 600.0, True),
        (600.0, 659.999, True),  # the same minute
        (600.0, 719.999, True),  # the minute after
        (600.0, 720.0, False),
        (659.999, 720.0, False),
        (660.0, 600.0, True),  # the client's clock is ahead
        (719.999, 600.0, True),
        (720.0, 659.999, False),
        (720.0, 660.0, True),
        (0.0, 0.0, True),
        (0.0, 119.9, True),
        (60.0, 59.0, True),
    ],
)
def test_hmac_takes_one_minute_either_side(then: float, now: float, good: bool) -> None:
    assert verify(Dialect.HMAC, SECRET, encode(Dialect.HMAC, SECRET, then), now) is good


@given(st.sampled_from(Dialect), st.binary(max_size=80), st.floats(0, 4e9))
def test_any_other_bytes_are_refused(dialect: Dialect, enc: bytes, now: float) -> None:
    assert not verify(dialect, SECRET, enc, now)


@given(st.floats(0, 4e9), st.integers(0, 63), st.integers(1, 255))
def test_a_changed_byte_is_refused(now: float, at: int, change: int) -> None:
    enc = bytearray(encode(Dialect.HMAC, SECRET, now))
    assert verify(Dialect.HMAC, SECRET, bytes(enc), now)
    enc[at] ^= change
    assert not verify(Dialect.HMAC, SECRET, bytes(enc), now)


def test_a_dialect_is_known_by_its_length() -> None:
    assert dialect_of(bytes(16)) is Dialect.MD5
    assert dialect_of(bytes(64)) is Dialect.HMAC
    assert dialect_of(b"") is None
    assert dialect_of(bytes(32)) is None
