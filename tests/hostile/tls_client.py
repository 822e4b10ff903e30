"""A TLS 1.3 client that sends the records it likes: key updates, empty ones, or data.

Python's `ssl` makes the handshake and reads. It tells the secret of our direction (`keylog_filename`, as SSLKEYLOGFILE
does in browsers), and with that we write the records ourselves (RFC 8446 §5.2 and §7).
"""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from natpass_wire import envelope
from natpass_wire.frame import FrameDecoder
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.login_pb2 import Role
from tests.support.waiting import patience

HANDSHAKE, DATA = 22, 23
_SUITES: dict[str, tuple[type[AESGCM] | type[ChaCha20Poly1305], int, hashes.HashAlgorithm]] = {
    "TLS_AES_128_GCM_SHA256": (AESGCM, 16, hashes.SHA256()),
    "TLS_AES_256_GCM_SHA384": (AESGCM, 32, hashes.SHA384()),
    "TLS_CHACHA20_POLY1305_SHA256": (ChaCha20Poly1305, 32, hashes.SHA256()),
}


class RecordWriter:
    """Makes the records of one direction.

    Args:
        suite: the cipher suite's name.
        secret: the direction's application traffic secret.
    """

    def __init__(self, suite: str, secret: bytes) -> None:
        self._aead_class, self._key_bytes, self._hash = _SUITES[suite]
        self._use(secret)

    def record(self, content: bytes, content_type: int = DATA, padding: int = 0) -> bytes:
        """Return a record."""
        inner = content + bytes([content_type]) + bytes(padding)
        header = struct.pack(">BHH", DATA, 0x0303, len(inner) + 16)
        nonce = (int.from_bytes(self._iv, "big") ^ self._number).to_bytes(12, "big")
        self._number += 1
        return header + self._aead.encrypt(nonce, inner, header)

    def key_update(self, *, asks: bool = False) -> bytes:
        """Return a record that updates the key (RFC 8446 §4.6.3); `asks`: the other side shall update its own, too."""
        record = self.record(b"\x18\0\0\1" + bytes([asks]), HANDSHAKE)
        self._use(self._expand(self._secret, "traffic upd", self._hash.digest_size))
        return record

    def _use(self, secret: bytes) -> None:
        self._secret, self._number = secret, 0
        self._aead = self._aead_class(self._expand(secret, "key", self._key_bytes))
        self._iv = self._expand(secret, "iv", 12)

    def _expand(self, secret: bytes, label: str, size: int) -> bytes:
        full = b"tls13 " + label.encode()
        info = struct.pack(">HB", size, len(full)) + full + b"\0"
        return HKDFExpand(self._hash, size, info).derive(secret)


class TlsClient:
    """A connection to a relay with TLS that sends what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._decoder = FrameDecoder()
        self._messages: list[Msg] = []
        self._tls: ssl.SSLObject
        #: Makes what `send` sends.
        self.records: RecordWriter

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, host: str, port: int) -> AsyncIterator["TlsClient"]:
        """Connect, and make the handshake."""
        reader, writer = await asyncio.open_connection(host, port)
        try:
            client = cls(reader, writer)
            await client._shake_hands()
            yield client
        finally:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _shake_hands(self) -> None:
        with TemporaryDirectory() as folder:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.keylog_filename = str(Path(folder, "keys"))
            self._tls = context.wrap_bio(self._incoming, self._outgoing)
            while True:
                try:
                    self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    self._writer.write(self._outgoing.read())
                    got = await self._reader.read(65536)
                    assert got, "closed"
                    self._incoming.write(got)
                else:
                    break
            self._writer.write(self._outgoing.read())
            self.records = _writer(self._tls, Path(folder, "keys"))

    def send(self, records: bytes) -> None:
        """Send records."""
        self._writer.write(records)

    async def drain(self) -> None:
        """Wait while more is sent than the relay reads."""
        await self._writer.drain()

    @property
    def untaken(self) -> int:
        """How many bytes wait in this process."""
        return self._writer.transport.get_write_buffer_size()

    async def receive(self) -> Msg:
        """Return the next message."""
        async with asyncio.timeout(patience(20)):
            while not self._messages:
                got = await self._reader.read(65536)
                assert got, "closed"
                self._incoming.write(got)
                with contextlib.suppress(ssl.SSLWantReadError):
                    while data := self._tls.read(65536):
                        for batch in self._decoder.feed(data):
                            self._messages += [envelope.parse(payload) for payload in batch.payloads()]
        return self._messages.pop(0)

    async def closed(self) -> None:
        """Wait until the relay has closed the connection."""
        async with asyncio.timeout(patience(20)):
            with contextlib.suppress(ConnectionError):
                while await self._reader.read(65536):
                    pass

    async def log_in(self, client_id: str, key: LoginKey, role: Role = Role.ROLE_CONSOLE) -> None:
        """Log in with handshake v2."""
        claims = v2.Claims(client_id, role, (), "raw", b"r" * 16)
        certificate = self._tls.getpeercert(binary_form=True)
        assert certificate is not None
        login = v2.ClientLogin(key, claims, v2.tls_binding(sha256(certificate).digest()), b"c" * 32)
        self.send(self.records.record(envelope.to_frame(login.hello())))
        while login.accepted is None:
            answer = login.receive(await self.receive())
            if answer is not None:
                self.send(self.records.record(envelope.to_frame(answer)))


def _writer(tls: ssl.SSLObject, keys: Path) -> RecordWriter:
    """Return the writer of a client, whose keys were logged."""
    lines = [line.split() for line in keys.read_text().splitlines()]
    (secret,) = (words[2] for words in lines if words[0] == "CLIENT_TRAFFIC_SECRET_0")
    cipher = tls.cipher()
    assert cipher is not None
    return RecordWriter(cipher[0], bytes.fromhex(secret))
