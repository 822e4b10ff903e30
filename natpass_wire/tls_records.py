"""TLS records, as the bytes on the wire show them: where they end, and how many of them carry no data.

A TLS record with data costs its receiver little more than its bytes. One without, such as a key update (RFC 8446
§4.6.3) or a session ticket, costs up to 20 µs and has as few as 27 bytes. No TLS library bounds how many of them it
takes in one call. So they are counted here: whoever sends many of them and little data is no honest peer.
"""

# Why: docs/decisions/077-work-in-one-turn.md

from dataclasses import dataclass, field
from struct import Struct

#: Bytes before a record's content (RFC 8446 §5.1): type, version, and length u16.
_HEADER_BYTES = 5
_length = Struct(">3xH").unpack_from
#: Records without data that may come in a row. An OpenSSL server sends two session tickets; no stack updates its keys
#: more often than every 2**24 records by itself (RFC 8446 §5.5), and Go's ends a connection after 16.
MOST_WITHOUT_DATA = 32
#: Records with data that make up for one without.
_DATA_FOR_ONE = 16
#: Bytes that may come without data: one record that is not complete yet (16 KiB and 256 bytes, RFC 8446 §5.2), and as
#: much again for session tickets and padding.
MOST_BYTES_WITHOUT_DATA = 2 * (16 * 1024 + 256)
#: Bytes around the data of a record at most: header, type and tag; with TLS 1.2 and CBC, IV, digest and padding.
_AROUND_BYTES = 128


@dataclass(slots=True)
class RecordCutter:
    """Cuts a byte stream between TLS records, wherever its chunks are cut."""

    _header: bytearray = field(default_factory=bytearray)  # of a record, incomplete
    _lacking: int = 0  # bytes of the current record's content that are still to come

    def take(self, data: memoryview, most: int) -> tuple[int, int]:
        """Take the next bytes of the stream, up to the end of `most` records.

        Returns:
            How many bytes were taken, and how many records end in them.
        """
        at, ended, lacking, length = 0, 0, self._lacking, len(data)
        if not lacking and not self._header and length > _HEADER_BYTES and _length(data)[0] == length - _HEADER_BYTES:
            return length, 1  # a key press
        while ended < most:
            if not lacking:
                if self._header or length - at < _HEADER_BYTES:
                    more = data[at : at + _HEADER_BYTES - len(self._header)]
                    self._header += more
                    at += len(more)
                    if len(self._header) < _HEADER_BYTES:
                        self._lacking = 0
                        return at, ended
                    (lacking,) = _length(self._header)
                    self._header.clear()
                else:
                    (lacking,) = _length(data, at)
                    at += _HEADER_BYTES
            if length - at < lacking:
                self._lacking = lacking - (length - at)
                return length, ended
            at += lacking
            lacking = 0
            ended += 1
        self._lacking = 0
        return at, ended


@dataclass(slots=True)
class DataRecords:
    """Judges a connection by how many of its TLS records carry data."""

    _left: float = MOST_WITHOUT_DATA
    _bytes: int = 0
    _with_data: int = 0  # records not counted in `_left` yet

    def note(self, size: int, records: int, with_data: int, data: int) -> bool:
        """Record what was decrypted; return whether an honest peer may send so.

        Args:
            size: bytes on the wire.
            records: how many TLS records ended in them.
            with_data: how many of these carried data.
            data: bytes of that data.
        """
        waiting = self._bytes + size - data - _AROUND_BYTES * with_data
        self._with_data += with_data
        if waiting <= 0 and records <= with_data:  # nothing but data, which is nearly always so
            self._bytes = 0
            return True
        self._bytes = max(0, waiting)
        self._left = min(MOST_WITHOUT_DATA, self._left + self._with_data / _DATA_FOR_ONE) - max(0, records - with_data)
        self._with_data = 0
        return self._left >= 0 and self._bytes <= MOST_BYTES_WITHOUT_DATA
