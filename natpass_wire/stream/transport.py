"""What stands between a stream's records and the link that carries them.

A transport belongs to one link. A stream that goes on over the next link gets a new one, with a new handshake.
"""

from typing import Protocol


class Transport(Protocol):
    """Turns records into the bytes that travel, and back."""

    def seal(self, record: bytes) -> bytes:
        """Return what travels for the next record."""
        ...

    def open(self, data: bytes) -> bytes:
        """Return the record in what came next.

        Raises:
            RemoteProtocolError: it is not what the other end sent next.
        """
        ...


class Unsealed:
    """Records as they are: whoever runs the relay can read and change them."""

    def seal(self, record: bytes) -> bytes:
        """Return the record."""
        return record

    def open(self, data: bytes) -> bytes:
        """Return the record."""
        return data
