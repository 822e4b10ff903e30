"""A cache of the router's decisions, keyed by the bytes that led to them.

A frame whose envelope has the same bytes as an earlier one is for the same client, for as long as the link lives: the
relay need not parse it. The cache keeps a whole prefix of the message,

    canonical envelope | tag of the payload field | its size | tag of `data` | its size

A frame that begins with this prefix and has the length that the sizes say is one well-formed message to the last byte.
The cache takes only plain data: `record`, `forward` with `data`, and `shell_data` with `sdata`, without other payload
fields and without strings. The relay parses everything else, so that a receiver never gets a message that does not
parse and blames the relay for it.
"""

# Why: docs/decisions/003-fast-path.md

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from natpass_relay.routing import Route
from natpass_wire import envelope
from natpass_wire.pb.envelope_pb2 import MsgType

#: The cached types, each with the canonical tag of its payload field (number << 3 | 2 as a varint). The payload is a
#: message whose one field is `bytes data = 1`. Other payloads may hold strings, which must be checked each time.
PLAIN_DATA = {
    MsgType.forward: b"\x6a",  # data = 13
    MsgType.shell_data: b"\xaa\x01",  # sdata = 21
    MsgType.record: b"\xc2\x07",  # record = 120
}

#: Envelopes cached for one link and direction. Honest senders need one for each type.
MAX_ENVELOPES = 16
#: Frame lengths cached with one envelope; terminal output has many, bulk data one or two.
_MAX_LENGTHS = 128
#: Different envelope lengths that are tried; frames with others are parsed.
_MAX_ENVELOPE_LENGTHS = 16
#: Ended links are swept out when this many envelopes are cached, then at twice what is left.
_FIRST_SWEEP = 64

_DATA_TAG = b"\x0a"  # data = 1, length-delimited

To = TypeVar("To")


@dataclass(eq=False, slots=True)
class FastRoute(Generic[To]):
    """The destination of the frames with one envelope.

    Attributes:
        to: the receiver.
        route: valid until this link ends.
        envelope: the addressing fields and the payload field's tag.
    """

    to: To
    route: Route
    envelope: bytes
    _prefixes: dict[int, bytes] = field(default_factory=dict)

    def prefix(self, size: int) -> bytes:
        """Return the prefix of a message of `size` bytes on this route, see the module's docstring.

        Empty if plain data can't have this size.
        """
        found = self._prefixes.get(size)
        if found is None:
            if len(self._prefixes) >= _MAX_LENGTHS:
                self._prefixes.clear()
            found = self._prefixes[size] = self._make_prefix(size)
        return found

    def _make_prefix(self, size: int) -> bytes:
        payload, payload_size = _sized(size - len(self.envelope))
        data, _ = _sized(payload - 1)
        if payload <= 0 or data <= 0:
            return b""
        return self.envelope + payload_size + _DATA_TAG + envelope.encode_varint(data)


class FastRoutes(Generic[To]):
    """The routes of one sender."""

    def __init__(self) -> None:
        self._fast_routes: dict[int, dict[bytes, FastRoute[To]]] = {}
        self._count = 0
        self._sweep_at = _FIRST_SWEEP
        self._of_route: dict[Route, int] = {}

    def __len__(self) -> int:
        return self._count

    def find(self, data: bytes, start: int, end: int) -> FastRoute[To] | None:
        """Return the route of the message at `data[start:end]`; None if the caller has to parse it."""
        for length, fast_routes in self._fast_routes.items():
            fast_route = fast_routes.get(data[start : start + length])
            if fast_route is not None:
                if fast_route.route.ended:
                    return None
                prefix = fast_route.prefix(end - start)
                return fast_route if prefix and data.startswith(prefix, start) else None
        return None

    def learn(self, data: bytes, kind: MsgType, route: Route, to: To) -> None:
        """Remember where a parsed message went, if others like it can go the same way.

        Args:
            data: the message, its envelope canonical and its sender's id as the relay would stamp it.
            kind: its type.
            route: the link that it belongs to.
            to: where it went.
        """
        tag = PLAIN_DATA.get(kind)
        if tag is None:
            return
        at = envelope.canonical_envelope_end(memoryview(data), 0, len(data))
        if not at or not data.startswith(tag, at):
            return
        known = data[: at + len(tag)]
        if self._count >= self._sweep_at:
            self.sweep()
        remembered = self._of_route.get(route, 0)
        fast_routes = self._fast_routes.get(len(known))
        if remembered >= MAX_ENVELOPES or (fast_routes is None and len(self._fast_routes) >= _MAX_ENVELOPE_LENGTHS):
            return
        if fast_routes is None:
            fast_routes = self._fast_routes[len(known)] = {}
        elif (old := fast_routes.get(known)) is not None:
            if not old.route.ended:
                return
            self._forget(old)
            fast_routes = self._fast_routes.setdefault(len(known), fast_routes)
        fast_routes[known] = FastRoute(to, route, known)
        self._of_route[route] = remembered + 1
        self._count += 1

    def sweep(self) -> None:
        """Forget ended links and their receivers."""
        for fast_route in [
            r for fast_routes in self._fast_routes.values() for r in fast_routes.values() if r.route.ended
        ]:
            self._forget(fast_route)
        self._sweep_at = max(_FIRST_SWEEP, 2 * self._count)

    def _forget(self, fast_route: FastRoute[To]) -> None:
        fast_routes = self._fast_routes[len(fast_route.envelope)]
        del fast_routes[fast_route.envelope]
        if not fast_routes:
            del self._fast_routes[len(fast_route.envelope)]
        self._of_route[fast_route.route] -= 1
        if not self._of_route[fast_route.route]:
            del self._of_route[fast_route.route]
        self._count -= 1


def _sized(total: int) -> tuple[int, bytes]:
    """Return n and its varint such that the varint and n bytes take `total` bytes; n is -1 if there is no such n."""
    for width in (1, 2, 3):
        size = total - width
        if size >= 0 and len(encoded := envelope.encode_varint(size)) == width:
            return size, encoded
    return -1, b""
