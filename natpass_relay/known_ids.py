"""Which handshake has used which id since the relay's start, in bounded memory."""

#: Ids remembered for each sort: some 20 MB at worst.
MAX_IDS = 100_000


class KnownIds:
    """Protects ids of handshake v2 from the older dialects, whose logins anyone can replay.

    When there are more ids than it can remember, it fails closed: an older dialect then gets only ids that it is known
    to have used and v2 has not.
    """

    def __init__(self, most: int = MAX_IDS) -> None:
        self._most = most
        self._of_v2: set[str] = set()
        self._of_legacy: set[str] = set()
        self._forgotten = False

    def used_by_v2(self, client_id: str) -> None:
        """Record that a v2 client has this id."""
        self._of_legacy.discard(client_id)
        if client_id in self._of_v2:
            return
        if len(self._of_v2) < self._most:
            self._of_v2.add(client_id)
        else:
            self._forgotten = True

    def used_by_legacy(self, client_id: str) -> None:
        """Record that a client with an older dialect has this id."""
        if len(self._of_legacy) < self._most:
            self._of_legacy.add(client_id)

    def open_to_legacy(self, client_id: str) -> bool:
        """Tell whether no v2 client can have used this id."""
        if self._forgotten:
            return client_id in self._of_legacy
        return client_id not in self._of_v2
