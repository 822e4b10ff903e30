"""The cost of sealing: records beside the bare cipher on the same bytes, handshakes beside the bare key exchanges."""

import os
import time
from collections.abc import Iterator
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from natpass_wire.sealed.handshake import LinkContext, OpenerHandshake, TargetHandshake
from natpass_wire.sealed.noise import CipherState
from natpass_wire.sealed.transport import SealedTransport
from tests.bench.limits import per_second

KEY = bytes(range(32))
#: Records sealed in advance, so that only opening them is measured.
READY_BYTES = 16 * 1024 * 1024
#: Each end's key exchanges: ee, es and se.
EXCHANGES = 3


def measure(size: int) -> None:
    """Print the figures for records of `size` bytes."""
    record, nonce = os.urandom(size), bytes(12)
    cipher = ChaCha20Poly1305(KEY)
    sealed = cipher.encrypt(nonce, record, None)
    sender = transport()
    rates = {
        "seal": (per_second(lambda: sender.seal(record)), per_second(lambda: cipher.encrypt(nonce, record, None))),
        "open": (opened_per_second(record), per_second(lambda: cipher.decrypt(nonce, sealed, None))),
    }
    print(f"records of {size} bytes:")
    for name, (rate, bare) in rates.items():
        of_bare = f"{rate / bare:.2f} of the bare cipher ({bare * size / 1e9:.2f} GB/s)"
        print(f"  {name}: {1e6 / rate:.2f} us, {rate * size / 1e9:.2f} GB/s, {of_bare}")


def transport() -> SealedTransport:
    """Return one end of a link with a single key."""
    return SealedTransport(CipherState(KEY), CipherState(KEY), time.monotonic)


def opened_per_second(record: bytes) -> float:
    """Return how many sealed copies of `record` are opened in a second: the best of three runs."""
    sender, best = transport(), 0.0
    receiver = transport()
    for _ in range(3):
        ready = [sender.seal(record) for _ in range(max(1, READY_BYTES // max(len(record), 1024)))]
        begin = time.perf_counter()
        for data in ready:
            receiver.open(data)
        best = max(best, len(ready) / (time.perf_counter() - begin))
    return best


def handshakes() -> Iterator[tuple[float, float]]:
    """Yield the seconds that opener and target spend on each handshake, without making new keys."""
    identities = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    context = LinkContext(opener="console-host-0123abcd", target="agent", link_id="0" * 16)
    for _ in range(200):
        fresh = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        times = [time.perf_counter()]
        opener = OpenerHandshake(identities[0], KEY, context, fresh[0], time.monotonic)
        first = opener.first()
        times.append(time.perf_counter())
        target = TargetHandshake(identities[1], KEY, context, fresh[1], time.monotonic)
        second = target.second(first)
        times.append(time.perf_counter())
        opener.second(second)
        third, _ = opener.third()
        times.append(time.perf_counter())
        target.third(third)
        times.append(time.perf_counter())
        spent = [end - begin for begin, end in pairwise(times)]
        yield spent[0] + spent[2], spent[1] + spent[3]


def main() -> int:
    """Measure key presses, full records and handshakes."""
    for size in (100, 60 * 1024):
        measure(size)
    key, other = X25519PrivateKey.generate(), X25519PrivateKey.generate().public_key()
    bare = EXCHANGES / per_second(lambda: key.exchange(other))
    for name, spent in zip(("opener", "target"), map(min, zip(*handshakes(), strict=True)), strict=True):
        print(f"handshake, {name}: {spent * 1e6:.0f} us, {spent / bare:.2f} of its {EXCHANGES} key exchanges alone")
    return 0


if __name__ == "__main__":
    main()
