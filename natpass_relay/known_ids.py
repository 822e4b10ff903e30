"""Which handshake has used which id since the relay's start, in bounded memory."""

# Why: docs/decisions/101-ids-are-known-by-bits.md

#: Ids of v2 that are known, and ids that are kept of older dialects (up to 10 MB, and only if those are admitted).
MAX_IDS = 100_000
#: Bits for each of the former, and how many of them an id sets: of ids that v2 has not used, 1 in 23 000 counts as
#: used when there are `MAX_IDS` (`0.6185 ** 21`).
_BITS_OF_ID, _PROBES = 21, 14


class _IdBits:
    """A set of ids that may also hold others (a Bloom filter): 256 KiB for 100 000 ids, and never more.

    What Python's hash gives depends on a key that is new with each start, so nobody can choose ids that count as used.
    """

    def __init__(self, most: int) -> None:
        self._bits = bytearray(most * _BITS_OF_ID // 8 + 8)
        self._count = len(self._bits) * 8

    def __contains__(self, client_id: str) -> bool:
        return all(self._bits[place >> 3] >> (place & 7) & 1 for place in self._places(client_id))

    def add(self, client_id: str) -> None:
        for place in self._places(client_id):
            self._bits[place >> 3] |= 1 << (place & 7)

    def _places(self, client_id: str) -> list[int]:
        """Return the bits of an id, by double hashing (Kirsch and Mitzenmacher, "Less hashing, same performance")."""
        number = hash(client_id)
        first, step = number & 0xFFFFFFFF, number >> 32 & 0xFFFFFFFF | 1
        return [(first + turn * step) % self._count for turn in range(_PROBES)]


class KnownIds:
    """Protects ids of handshake v2 from the older dialects, whose logins anyone can replay.

    When there are more ids than it can remember, it fails closed: an older dialect then gets only ids that it is known
    to have used and v2 has not.
    """

    def __init__(self, most: int = MAX_IDS) -> None:
        self._most = most
        self._of_v2 = _IdBits(most)
        self._count_v2 = 0
        self._of_legacy: set[str] = set()

    def used_by_v2(self, client_id: str) -> None:
        """Record that a v2 client has this id."""
        self._of_legacy.discard(client_id)
        if client_id not in self._of_v2 and self._count_v2 <= self._most:
            self._count_v2 += 1
            self._of_v2.add(client_id)

    def used_by_legacy(self, client_id: str) -> None:
        """Record that a client with an older dialect has this id."""
        if len(self._of_legacy) < self._most:
            self._of_legacy.add(client_id)

    def open_to_legacy(self, client_id: str) -> bool:
        """Tell whether no v2 client can have used this id."""
        if self._count_v2 > self._most:
            return client_id in self._of_legacy
        return client_id not in self._of_v2
