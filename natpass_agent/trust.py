"""Which openers an agent has heard sealed links from."""

# Why: docs/decisions/028-who-is-trusted.md

from collections import OrderedDict

#: Ids that are remembered: consoles have a new one each time, so that old ones are of no use.
_MOST_PEERS = 4096


class SealedPeers:
    """Takes every key (`authorized_consoles` says later what it may do), and remembers whose links were sealed."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, None] = OrderedDict()

    def check(self, peer: str, key: bytes) -> None:
        """Take every key."""

    def proved(self, peer: str, key: bytes) -> None:
        """Take note that `peer` seals its links."""
        self._peers[peer] = None
        self._peers.move_to_end(peer)
        if len(self._peers) > _MOST_PEERS:
            self._peers.popitem(last=False)

    def is_sealed(self, peer: str) -> bool:
        """Tell whether `peer` has sealed its links before: nobody else may come under its id, and not sealed."""
        return peer in self._peers
