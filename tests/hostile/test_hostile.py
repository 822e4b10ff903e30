"""A hostile relay gets nothing. To prove the checks, each promise is broken once, and the checks notice."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from natpass_tui.model.trust import PinnedAgents
from natpass_wire.aio import carriers, streams
from natpass_wire.aio.carrier import Carrier
from natpass_wire.sealed import handshake, noise
from natpass_wire.stream.records import parse_hello
from natpass_wire.stream.transport import Unsealed
from tests.hostile import attempts, certificate, forgery, programs
from tests.hostile import keys as own_keys
from tests.hostile.attack import LinkAttack
from tests.hostile.noise import BitFlips
from tests.hostile.relay import ViolationError

pytestmark = pytest.mark.programs

Break = Callable[[pytest.MonkeyPatch], None]


async def test_a_hostile_relay_gets_nothing(tmp_path: Path) -> None:
    """`make hostile` makes 100 000 attacks, and lists them."""
    found = await attempts.run(tmp_path, "20", 600, consoles=12, told=lambda _: None)
    assert found.attempts == 600
    assert found.resumed > 100
    assert {name for name, _ in found.outcomes} >= {kind.name for kind in attempts.ATTACKS if kind.weight >= 1}


async def test_somebody_in_the_middle_of_tls_lets_nobody_in(tmp_path: Path) -> None:
    import random

    async with certificate.middle(tmp_path) as middle:
        assert {await middle.attempt(random.Random(seed)) for seed in range(8)} == {
            "passed on: no login, with a reason",
            "played: no login, with a reason",
        }


async def test_a_real_agent_runs_what_consoles_asked_for_each_once(tmp_path: Path) -> None:
    found = await programs.run(tmp_path, "20", 40)
    assert found.attempts > 20


def unauthenticated(patch: pytest.MonkeyPatch) -> None:
    """Open records without checking their tags."""

    def decrypt(self: noise.CipherState, ciphertext: bytes, data: bytes | None = None) -> bytes:
        if self._aead is None:
            return ciphertext
        nonce, self.nonce = self.nonce, self.nonce + 1
        body = ciphertext[: -noise.TAG_BYTES]
        counted = (1).to_bytes(4, "little") + nonce.to_bytes(12, "big")[-8:][::-1].rjust(12, b"\0")
        return Cipher(ChaCha20(keys[id(self)], counted), None).decryptor().update(body)

    keys: dict[int, bytes] = {}
    make = noise.CipherState.__init__

    def init(self: noise.CipherState, key: bytes | None = None) -> None:
        make(self, key)
        if key is not None:
            keys[id(self)] = key

    patch.setattr(noise.CipherState, "__init__", init)
    patch.setattr(noise.CipherState, "decrypt", decrypt)


def unsealed_links(patch: pytest.MonkeyPatch) -> None:
    """Accept unsealed links."""
    patch.setattr(carriers.Carriers, "_fault_of_offer", lambda *_: "")


def no_sealing(patch: pytest.MonkeyPatch) -> None:
    """Seal nothing, without telling the user."""
    patch.setattr(handshake._Handshake, "_transport", lambda _: Unsealed())


def any_key(patch: pytest.MonkeyPatch) -> None:
    """Accept any key as the agent's."""
    patch.setattr(PinnedAgents, "check", lambda *_: None)


def pins_at_once(patch: pytest.MonkeyPatch) -> None:
    """Pin a key before its owner has proved that it knows the secret."""
    patch.setattr(PinnedAgents, "check", PinnedAgents.proved)


def any_link(patch: pytest.MonkeyPatch) -> None:
    """Leave the link's names out of its handshake."""
    patch.setattr(handshake.LinkContext, "prologue", lambda _: b"")


def any_secret(patch: pytest.MonkeyPatch) -> None:
    """Leave out the secret."""
    make = noise.HandshakeState.__init__

    def init(self: noise.HandshakeState, *args: object, **options: object) -> None:
        make(self, *args, **options | {"psk": bytes(32)})  # type: ignore[arg-type]

    patch.setattr(noise.HandshakeState, "__init__", init)


def anybodys_stream(patch: pytest.MonkeyPatch) -> None:
    """Resume a stream for any peer that knows its id."""
    arrived = streams.Streams._arrived

    def take(self: streams.Streams, carrier: Carrier, record: bytes) -> None:
        stream = self._streams.get((carrier.peer, parse_hello(record).hello.stream_id))
        if stream is not None:
            stream._peer_key = carrier.peer_key
        arrived(self, carrier, record)

    patch.setattr(streams.Streams, "_arrived", take)


@pytest.mark.parametrize(
    ("broken", "attack"),
    [
        (unauthenticated, BitFlips),
        (unsealed_links, forgery.Stripped),
        (no_sealing, BitFlips),
        (any_key, own_keys.OwnKeysWithSecret),
        (pins_at_once, own_keys.OwnKeysForStranger),
        (any_link, forgery.Swapped),
        (any_secret, own_keys.OwnKeysForAgent),
        (anybodys_stream, own_keys.Hijacked),
    ],
    ids=lambda value: value.__name__,
)
async def test_a_broken_promise_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Break, attack: type[LinkAttack]
) -> None:
    broken(monkeypatch)
    monkeypatch.setattr(attempts, "ATTACKS", (attack,))
    monkeypatch.setattr(attempts, "SECONDS_TO_END", 1.0)
    with pytest.raises(ViolationError):
        await attempts.run(tmp_path, "1", 100, consoles=4, told=lambda _: None)
