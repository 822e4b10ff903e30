"""The openers that have sealed links to this agent."""

# Why: docs/decisions/028-who-is-trusted.md

from collections import OrderedDict

#: Ids that are remembered: consoles use a new one each time, so old ones are useless.
_MOST_PEERS = 1024


class SealedPeers:
    """Accepts every key (`authorized_consoles` decides on rights later), and remembers the peers that sealed links."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, None] = OrderedDict()

    def check(self, peer: str, key: bytes) -> None:
        """Accept every key."""

    def proved(self, peer: str, key: bytes) -> None:
        """Record that `peer` seals its links."""
        self._peers[peer] = None
        self._peers.move_to_end(peer)
        if len(self._peers) > _MOST_PEERS:
            self._peers.popitem(last=False)

    def is_sealed(self, peer: str) -> bool:
        """Tell whether `peer` has sealed its links before: then links under its id must be sealed."""
        return peer in self._peers
