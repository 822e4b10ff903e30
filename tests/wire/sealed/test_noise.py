"""The state machine says what the specification's other implementations say, and takes nothing else."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st
from noise.connection import Keypair, NoiseConnection

from natpass_wire.errors import LocalProtocolError
from natpass_wire.sealed.noise import (
    MAX_MESSAGE_BYTES,
    MAX_NONCE,
    TAG_BYTES,
    XX_PSK3,
    CipherState,
    HandshakeState,
    NoiseError,
    Pattern,
)

VECTOR: dict[str, Any] = json.loads((Path(__file__).parent / "noise_xxpsk3_vector.json").read_text())

#: Others than ours, for which the oracle has a name as well: the machine reads patterns, it does not know them.
PATTERNS = [
    XX_PSK3,
    Pattern("NN", (("e",), ("e", "ee"))),
    Pattern("NX", (("e",), ("e", "ee", "s", "es"))),
    Pattern("XX", (("e",), ("e", "ee", "s", "es"), ("s", "se"))),
    Pattern("IX", (("e", "s"), ("e", "ee", "se", "s", "es"))),
    Pattern("XXpsk0", (("psk", "e"), ("e", "ee", "s", "es"), ("s", "se"))),
    Pattern("NNpsk2", (("e",), ("e", "ee", "psk"))),
]
#: The only token that no pattern without pre-messages has; made up, for both ends ours.
WITH_SS = Pattern("XXss", (("e",), ("e", "ee", "s", "es"), ("s", "se", "ss")))

KEYS = st.binary(min_size=32, max_size=32)
#: Points of small order (RFC 7748 section 7 and the curve's twist): every exchange with one gives zeros.
SMALL_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]


def private(key: str | bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(bytes.fromhex(key) if isinstance(key, str) else key)


def state(pattern: Pattern = XX_PSK3, *, initiator: bool, **more: Any) -> HandshakeState:
    arguments = {"prologue": b"", "ephemeral": X25519PrivateKey.generate(), "static": X25519PrivateKey.generate()}
    return HandshakeState(pattern, initiator=initiator, **{**arguments, "psk": bytes(32), **more})


def finish(pattern: Pattern = XX_PSK3) -> tuple[HandshakeState, HandshakeState]:
    ends = state(pattern, initiator=True), state(pattern, initiator=False)
    for number in range(len(pattern.messages)):
        ends[1 - number % 2].read_message(ends[number % 2].write_message())
    return ends


def test_the_published_vector() -> None:
    """Every byte of the handshake, its hash and the messages behind it, from both ends."""
    assert XX_PSK3.protocol_name == VECTOR["protocol_name"].encode()
    ends = [
        HandshakeState(
            XX_PSK3,
            initiator=side == "init",
            prologue=bytes.fromhex(VECTOR[f"{side}_prologue"]),
            static=private(VECTOR[f"{side}_static"]),
            ephemeral=private(VECTOR[f"{side}_ephemeral"]),
            psk=bytes.fromhex(VECTOR[f"{side}_psks"][0]),
        )
        for side in ("init", "resp")
    ]
    messages = [(bytes.fromhex(m["payload"]), bytes.fromhex(m["ciphertext"])) for m in VECTOR["messages"]]
    for number, (payload, ciphertext) in enumerate(messages[:3]):
        assert ends[number % 2].write_message(payload) == ciphertext
        assert ends[1 - number % 2].read_message(ciphertext) == payload
    assert {end.handshake_hash for end in ends} == {bytes.fromhex(VECTOR["handshake_hash"])}
    ciphers = [end.split() for end in ends]
    for number, (payload, ciphertext) in enumerate(messages[3:], 3):
        assert ciphers[number % 2][number % 2].encrypt(payload) == ciphertext
        assert ciphers[1 - number % 2][number % 2].decrypt(ciphertext) == payload


def oracle(pattern: Pattern, *, initiator: bool, prologue: bytes, static: bytes, ephemeral: bytes, psk: bytes) -> Any:
    other = NoiseConnection.from_name(pattern.protocol_name)
    (other.set_as_initiator if initiator else other.set_as_responder)()
    other.set_prologue(prologue)
    if pattern.has_psk:
        other.set_psks(psk)
    if any("s" in tokens for tokens in pattern.messages[1 - initiator :: 2]):
        other.set_keypair_from_private_bytes(Keypair.STATIC, static)
    other.set_keypair_from_private_bytes(Keypair.EPHEMERAL, ephemeral)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One of ephemeral keypairs is already set")  # as in every test of it
        other.start_handshake()
    return other


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
@settings(deadline=None, max_examples=30)
@given(
    initiator=st.booleans(),
    keys=st.tuples(KEYS, KEYS, KEYS, KEYS),
    psk=KEYS,
    prologue=st.binary(max_size=100),
    payloads=st.lists(st.binary(max_size=200), min_size=3, max_size=3),
    messages=st.lists(st.tuples(st.booleans(), st.booleans(), st.binary(max_size=300)), max_size=12),
)
def test_an_independent_implementation_agrees(  # noqa: PLR0917
    pattern: Pattern,
    initiator: bool,
    keys: tuple[bytes, bytes, bytes, bytes],
    psk: bytes,
    prologue: bytes,
    payloads: list[bytes],
    messages: list[tuple[bool, bool, bytes]],
) -> None:
    """`noiseprotocol` is the other end: in either role, with any keys and payloads, and through changes of keys."""
    ours = state(
        pattern, initiator=initiator, prologue=prologue, static=private(keys[0]), ephemeral=private(keys[1]), psk=psk
    )
    other = oracle(pattern, initiator=not initiator, prologue=prologue, static=keys[2], ephemeral=keys[3], psk=psk)
    for number in range(len(pattern.messages)):
        payload = payloads[number]
        if initiator == (number % 2 == 0):
            assert bytes(other.read_message(ours.write_message(payload))) == payload
        else:
            assert ours.read_message(bytes(other.write_message(payload))) == payload
    assert ours.handshake_hash == other.get_handshake_hash()
    if ours.remote_static:
        assert ours.remote_static == private(keys[2]).public_key().public_bytes_raw()
    first, second = ours.split()
    sending, receiving = (first, second) if initiator else (second, first)
    for is_ours, rekeys, data in messages:
        if is_ours:
            assert other.decrypt(sending.encrypt(data)) == data
            if rekeys:
                sending.rekey()
                other.rekey_inbound_cipher()
        else:
            assert receiving.decrypt(other.encrypt(data)) == data
            if rekeys:
                receiving.rekey()
                other.rekey_outbound_cipher()


@pytest.mark.parametrize("pattern", [*PATTERNS, WITH_SS], ids=lambda pattern: pattern.name)
def test_both_ends_come_to_the_same_keys(pattern: Pattern) -> None:
    initiator, responder = finish(pattern)
    assert initiator.handshake_hash == responder.handshake_hash
    for sender, receiver in zip(initiator.split(), responder.split(), strict=True):
        assert receiver.decrypt(sender.encrypt(b"text")) == b"text"


@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_no_message_but_the_one_that_was_sent_is_taken(data: Any) -> None:
    ends = state(initiator=True), state(initiator=False)
    bad = data.draw(st.integers(0, 2))
    for number in range(bad):
        ends[1 - number % 2].read_message(ends[number % 2].write_message())
    message = bytearray(ends[bad % 2].write_message(b"payload"))
    match data.draw(st.sampled_from(["flip", "cut", "more"])):
        case "flip":
            # The top bit of a plain ephemeral key counts as well: X25519 ignores it, what is mixed in does not.
            message[data.draw(st.integers(0, len(message) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del message[data.draw(st.integers(0, len(message) - 1)) :]
        case "more":
            message += data.draw(st.binary(min_size=1, max_size=20))
    reader = ends[1 - bad % 2]
    with pytest.raises(NoiseError) as caught:
        reader.read_message(bytes(message))
    assert str(caught.value) == str(NoiseError())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    with pytest.raises(LocalProtocolError):
        reader.write_message()
    with pytest.raises(LocalProtocolError):
        reader.read_message(bytes(message))
    with pytest.raises(LocalProtocolError):
        reader.split()


@pytest.mark.parametrize("point", SMALL_ORDER, ids=lambda point: point.hex()[:8])
def test_keys_that_give_a_known_result_are_refused(point: bytes) -> None:
    pattern = Pattern("NN", (("e",), ("e", "ee")))
    responder = state(pattern, initiator=False)
    responder.read_message(point)
    with pytest.raises(NoiseError) as caught:
        responder.write_message()
    assert str(caught.value) == str(NoiseError())
    with pytest.raises(LocalProtocolError):
        responder.split()
    initiator = state(pattern, initiator=True)
    initiator.write_message()
    with pytest.raises(NoiseError):
        initiator.read_message(point)


def test_steps_out_of_their_turn_are_ours() -> None:
    initiator, responder = state(initiator=True), state(initiator=False)
    with pytest.raises(LocalProtocolError):
        initiator.read_message(bytes(48))
    with pytest.raises(LocalProtocolError):
        responder.write_message()
    with pytest.raises(LocalProtocolError):
        initiator.split()
    initiator.write_message()
    with pytest.raises(LocalProtocolError):
        initiator.write_message()
    done, _ = finish()
    with pytest.raises(LocalProtocolError):
        done.write_message()
    with pytest.raises(LocalProtocolError):
        done.read_message(bytes(48))


@pytest.mark.parametrize("psk", [None, b"", bytes(31), bytes(33)])
def test_a_preshared_key_has_one_size(psk: bytes | None) -> None:
    with pytest.raises(LocalProtocolError):
        state(initiator=True, psk=psk)


def test_a_pattern_that_lacks_a_key_is_ours() -> None:
    with pytest.raises(LocalProtocolError):
        state(Pattern("X", (("s",),)), initiator=True, static=None).write_message()
    with pytest.raises(LocalProtocolError):
        state(Pattern("K", (("e", "es"),)), initiator=True).write_message()


def test_messages_have_65535_bytes_at_most() -> None:
    pattern = Pattern("NN", (("e",), ("e", "ee")))
    most = MAX_MESSAGE_BYTES - 32
    initiator, responder = state(pattern, initiator=True), state(pattern, initiator=False)
    assert responder.read_message(initiator.write_message(bytes(most))) == bytes(most)
    with pytest.raises(LocalProtocolError):
        state(pattern, initiator=True).write_message(bytes(most + 1))
    with pytest.raises(NoiseError):
        state(pattern, initiator=False).read_message(bytes(MAX_MESSAGE_BYTES + 1))
    sender, receiver = CipherState(bytes(32)), CipherState(bytes(32))
    most = MAX_MESSAGE_BYTES - TAG_BYTES
    assert receiver.decrypt(sender.encrypt(bytes(most))) == bytes(most)
    with pytest.raises(LocalProtocolError):
        sender.encrypt(bytes(most + 1))
    with pytest.raises(NoiseError):
        receiver.decrypt(bytes(MAX_MESSAGE_BYTES + 1))


def test_the_last_nonce_is_not_used() -> None:
    sender, receiver = CipherState(bytes(32)), CipherState(bytes(32))
    sender.nonce = receiver.nonce = MAX_NONCE - 1
    assert receiver.decrypt(sender.encrypt(b"the last")) == b"the last"
    with pytest.raises(LocalProtocolError):
        sender.encrypt(b"one more")
    reserved = ChaCha20Poly1305(bytes(32)).encrypt(bytes(4) + b"\xff" * 8, b"one more", None)
    with pytest.raises(NoiseError):
        receiver.decrypt(reserved)


def test_what_does_not_open_leaves_the_nonce() -> None:
    sender, receiver = CipherState(bytes(32)), CipherState(bytes(32))
    message = sender.encrypt(b"text", b"data")
    for wrong in ((message, b"other"), (message[:-1], b"data"), (b"", b"data")):
        with pytest.raises(NoiseError):
            receiver.decrypt(*wrong)
    assert receiver.decrypt(message, b"data") == b"text"


def test_the_next_key_is_another_one_and_the_nonce_goes_on() -> None:
    sender, receiver, stays = CipherState(bytes(32)), CipherState(bytes(32)), CipherState(bytes(32))
    for cipher in (sender, receiver, stays):
        cipher.nonce = 7
    sender.rekey()
    receiver.rekey()
    message = sender.encrypt(b"text")
    assert (sender.nonce, receiver.nonce) == (8, 7)
    with pytest.raises(NoiseError):
        stays.decrypt(message)
    assert receiver.decrypt(message) == b"text"
    with pytest.raises(LocalProtocolError):
        CipherState().rekey()


def test_no_key_shows() -> None:
    key = bytes(range(32))
    end = state(initiator=True, static=private(key), ephemeral=private(key), psk=key)
    shown = repr([end, CipherState(key), end._symmetric])
    for secret in (repr(key)[2:-1], key.hex(), str(list(key))[1:-1]):
        assert secret not in shown
