"""One end of TLS between two blocks of memory: it encrypts what is sent, and decrypts what comes; no socket.

TLS is an `ssl.MemoryBIO` over the shared read buffers. The event loops' own TLS transports keep hundreds of KiB
for each connection after a burst (552 KiB with uvloop, 287 KiB with asyncio); this keeps next to nothing.
"""

# Why: docs/decisions/022-short-tls-records.md
# Why: docs/decisions/077-work-in-one-turn.md

import contextlib
import ssl

from natpass_wire.aio.short_records import SHORT_RECORD, ShortRecords
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.tls_records import DataRecords, RecordCutter

#: TLS records that are decrypted in one turn, and bytes and records that are given to TLS at once: they are judged
#: afterwards. A short one costs about 2 µs, one without data up to 20 µs.
RECORDS_A_TURN, RECORDS_AT_ONCE, BYTES_AT_ONCE = 512, 64, 64 * 1024
#: How much longer than the encrypted bytes the memory for their data has to be: records that were incomplete before may
#: be complete now.
MORE_BYTES = 64 * 1024


class TlsLayer:
    """One end of TLS. Drop it when the connection closes: its memory is free at once then.

    Args:
        context: the TLS context.
        server_side: which side of TLS this is.
        server_name: the name that a client asks for, and verifies if its context does.
    """

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        #: What TLS itself has to send: its handshake, alerts, answers to key updates.
        self.outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self.outgoing, server_side, server_name)
        self._cutter, self._data_records = RecordCutter(), DataRecords()
        self._short_records = ShortRecords()
        #: Whether the handshake is done.
        self.is_up = False
        #: Whether the peer has closed TLS in order: it sends no more data.
        self.has_ended = False

    def peer_certificate(self) -> bytes | None:
        """Return the certificate that the other side showed, in DER; None before the handshake is done."""
        return self._tls.getpeercert(binary_form=True) if self.is_up else None

    def shake_hands(self) -> bool:
        """Go on with the handshake; return whether it is done.

        Raises:
            ssl.SSLError: it failed; `outgoing` has the alert that tells the peer why.
        """
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
            self.is_up = True
        return self.is_up

    def encrypt(self, data: bytes | memoryview, now: float) -> bytes:
        """Return the bytes to send for `data`, after what waits in `outgoing`.

        Args:
            data: any number of bytes.
            now: seconds of a monotonic clock.
        """
        short = 0 if len(data) <= SHORT_RECORD else self._short_records.take(len(data), now)
        if short <= SHORT_RECORD:
            self._tls.write(data)
            return self.outgoing.read()
        view = memoryview(data)
        for start in range(0, short, SHORT_RECORD):
            self._tls.write(view[start : min(start + SHORT_RECORD, short)])
        if short < len(view):
            self._tls.write(view[short:])
        return self.outgoing.read()

    def decrypt(self, raw: memoryview, into: memoryview) -> tuple[int, int]:
        """Take received bytes, as far as a turn's work allows.

        Args:
            raw: the bytes.
            into: the memory for the data in them, longer by `MORE_BYTES`.

        Returns:
            How many of the bytes were taken, and how many bytes of data are in `into`.

        Raises:
            RemoteProtocolError: there are too many TLS records without data.
            ssl.SSLError: the peer broke TLS.
        """
        filled = used = all_records = 0
        while used < len(raw) and all_records < RECORDS_A_TURN:
            size, records = self._cutter.take(raw[used : used + BYTES_AT_ONCE], RECORDS_AT_ONCE)
            self._incoming.write(raw[used : used + size])
            used += size
            all_records += records
            if not self.is_up:
                if not self.shake_hands():
                    continue
                size = records = 0  # of the handshake
            with_data, before = 0, filled
            while not self.has_ended:
                try:
                    got = self._tls.read(len(into) - filled, into[filled:])
                except ssl.SSLWantReadError:
                    break
                self.has_ended = not got
                filled += got  # type: ignore[operator]  # a number, where a buffer is given
                with_data += 1
            if not self._data_records.note(size, records, with_data, filled - before):
                raise RemoteProtocolError("too many TLS records without data")
        return used, filled

    def close(self) -> None:
        """Put the alert into `outgoing` that ends TLS in order; the peer need not answer it."""
        if self.is_up:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
