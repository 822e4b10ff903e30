"""The layer between a stream's records and the link that carries them.

A transport belongs to one link. A stream that goes on over the next link gets a new one, with a new handshake.
"""

from typing import Protocol


class Transport(Protocol):
    """Turns records into the bytes that travel, and back."""

    def seal(self, record: bytes) -> bytes:
        """Return the bytes to send for the next record."""
        ...

    def open(self, data: bytes) -> bytes:
        """Return the record in the next received bytes.

        Raises:
            RemoteProtocolError: they are not what the other end sent next.
        """
        ...


class Unsealed:
    """Sends records unchanged: the relay's operator can read and change them."""

    def seal(self, record: bytes) -> bytes:
        """Return the record."""
        return record

    def open(self, data: bytes) -> bytes:
        """Return the record."""
        return data
