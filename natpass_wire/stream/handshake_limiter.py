"""The handshake limiter: which offers of streams a target answers with arithmetic, and which have to come again. Pure.

A stranger is an opener that has not proved its key lately. Strangers share what arithmetic there is: each client id,
each network (`origin`) and all of them together have a bucket. Openers that have proved a key have buckets of their
own, so strangers never take their turn. Owners are those of `places`.
"""

# Why: docs/decisions/072-arithmetic-in-turn.md

from dataclasses import dataclass
from enum import Enum, auto

from natpass_wire.buckets import TokenBuckets
from natpass_wire.stream.cookies import is_cookie, make_cookie
from natpass_wire.stream.places import Owner

#: Handshakes a second, and at once: of one stranger, of the strangers of one network, of all strangers. One handshake
#: costs about 0.3 ms, so all strangers together cost less than a tenth of a core.
STRANGER = (1.0, 8.0)
NETWORK = (60.0, 256.0)
ALL_STRANGERS = (200.0, 400.0)
#: The same for one owner with a proved key: at once it may resume all its streams. Anybody can prove a key that is not
#: listed, so those of one network share a bucket, and all of them another: less than a third of a core.
PROVED = (200.0, 1024.0)
SHARED = (400.0, 2048.0)
ALL_UNLISTED = (800.0, 4096.0)
#: Handshakes that a client with a proved key gets before it proves the key again; who takes over its id can't do that.
#: A cut connection may cost an honest client as many as may wait for a hello (64), and the next one the same again.
MOST_UNPROVED = 128
#: Links without a hello from which on strangers need a cookie.
BUSY = 32
#: Seconds for which a proved key is remembered under a client id, and how many are.
REMEMBER_SECONDS = 3600.0
MOST_REMEMBERED = 1024
#: Buckets in each table.
_MOST_BUCKETS = 4096


class Verdict(Enum):
    """What an offer gets."""

    ACCEPT = auto()
    COOKIE = auto()  # come again at once, with the cookie
    LATER = auto()  # come again later


@dataclass(slots=True)
class _Known:
    """A client that has proved a key.

    Attributes:
        owner: the owner of the key.
        until: when that is forgotten.
        unproved: handshakes since the last proof.
    """

    owner: Owner
    until: float
    unproved: int = 0


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer of a stream.

    Attributes:
        peer: its opener's client id.
        link_id: the link.
        origin: the relay's name for the network that its opener is in; empty if the relay gives none.
        cookie: the cookie that came with it, empty if there is none.
    """

    peer: str
    link_id: str
    origin: bytes = b""
    cookie: bytes = b""


class HandshakeLimiter:
    """Judges offers. `now` is in seconds of one monotonic clock.

    Args:
        secret: for cookies: 32 random bytes.
        busy: links of strangers that have not said hello, from which on a cookie is needed.
    """

    def __init__(self, secret: bytes, busy: int = BUSY) -> None:
        self._secret = secret
        self._busy = busy
        self._strangers: TokenBuckets[str] = TokenBuckets(*STRANGER, _MOST_BUCKETS)
        self._networks: TokenBuckets[bytes] = TokenBuckets(*NETWORK, _MOST_BUCKETS)
        self._all: TokenBuckets[None] = TokenBuckets(*ALL_STRANGERS, 1)
        self._proved: TokenBuckets[Owner] = TokenBuckets(*PROVED, _MOST_BUCKETS)
        self._shared: TokenBuckets[Owner] = TokenBuckets(*SHARED, _MOST_BUCKETS)
        self._unlisted: TokenBuckets[Owner] = TokenBuckets(*ALL_UNLISTED, 1)
        self._known: dict[str, _Known] = {}
        self._peers_of: dict[Owner, dict[str, None]] = {}  # who they are by share of the table, the oldest first

    def proved(self, peer: str, owner: Owner, now: float) -> None:
        """Record that a client has proved a key, which belongs to `owner`.

        A client chooses its id. So where the table is full, the oldest of the key or network with most ids goes.
        """
        self.failed(peer)
        if len(self._known) >= MOST_REMEMBERED:
            most_peers = max(self._peers_of.values(), key=len)
            self.failed(next(iter(most_peers)))
        self._known[peer] = _Known(owner, now + REMEMBER_SECONDS)
        self._peers_of.setdefault(_table_share(owner), {})[peer] = None

    def failed(self, peer: str) -> None:
        """Record that a link under this client id came to nothing: somebody else may have the id by now."""
        known = self._known.pop(peer, None)
        if known is None:
            return
        peers = self._peers_of[_table_share(known.owner)]
        del peers[peer]
        if not peers:
            del self._peers_of[_table_share(known.owner)]

    def owner(self, peer: str, now: float) -> Owner | None:
        """Return the owner of the key that a client has proved lately, None if it is a stranger."""
        known = self._known.get(peer)
        return known.owner if known is not None and known.until > now else None

    def judge(self, offer: Offered, waiting: int, now: float) -> Verdict:
        """Judge an offer, and charge it if it is accepted.

        Args:
            offer: the offer.
            waiting: links of strangers that have been accepted and have not said hello.
            now: the time.
        """
        owner = self.owner(offer.peer, now)
        if owner is not None and self._take_own(owner, now):
            self._charge(offer.peer)
            return Verdict.ACCEPT
        if self._strangers.level(offer.peer, now) < 1:
            return Verdict.LATER
        has_cookie = is_cookie(offer.cookie, self._secret, offer.peer, offer.link_id, now)
        if not has_cookie and (waiting >= self._busy or self._all.level(None, now) < ALL_STRANGERS[1] / 2):
            return Verdict.COOKIE
        if self._networks.level(offer.origin, now) < 1 or self._all.level(None, now) < 1:
            return Verdict.LATER
        self._strangers.take(offer.peer, now)
        self._networks.take(offer.origin, now)
        self._all.take(None, now)
        return Verdict.ACCEPT

    def cookie(self, offer: Offered, now: float) -> bytes:
        """Return the cookie with which the same opener may come again."""
        return make_cookie(self._secret, offer.peer, offer.link_id, now)

    def _charge(self, peer: str) -> None:
        """Count a handshake of a client with a proved key, however its link ends: only a proof makes up for it."""
        known = self._known[peer]
        known.unproved += 1
        if known.unproved >= MOST_UNPROVED:
            self.failed(peer)

    def _take_own(self, owner: Owner, now: float) -> bool:
        """Charge an owner with a proved key; return False, and charge nothing, if it has had its share."""
        network, unlisted = owner[:-1], owner[:-2]  # empty if its key is listed
        if network and min(self._shared.level(network, now), self._unlisted.level(unlisted, now)) < 1:
            return False
        if not self._proved.take(owner, now):
            return False
        return not network or (self._shared.take(network, now) and self._unlisted.take(unlisted, now))


def _table_share(owner: Owner) -> Owner:
    """Return who is counted together in the table of proved keys: a listed key, or the unlisted ones of a network."""
    return owner[:2]
