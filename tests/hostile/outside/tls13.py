"""A TLS 1.3 client (RFC 8446) with one suite, which can send what libraries do not: any number of KeyUpdates.

It checks nothing of its peer, so it is for attacks only.
"""

import hashlib
import hmac
import os
import socket
from struct import pack

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_HANDSHAKE, _APPLICATION, _CHANGE_CIPHER_SPEC = 22, 23, 20
_CLIENT_HELLO, _FINISHED = 1, 20
#: type key_update 24, length 1, update_not_requested; then the inner content type (handshake).
_KEY_UPDATE = b"\x18\x00\x00\x01\x00\x16"
_SHA256_BYTES = 32


def _expand(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of one block."""
    label = b"tls13 " + label
    info = pack(">HB", length, len(label)) + label + bytes([len(context)]) + context + b"\x01"
    return hmac.digest(secret, info, "sha256")[:length]


class _Keys:
    """One direction's keys."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.aead = AESGCM(_expand(secret, b"key", b"", 16))
        self.iv = int.from_bytes(_expand(secret, b"iv", b"", 12), "big")
        self.count = 0

    def nonce(self) -> bytes:
        number, self.count = self.iv ^ self.count, self.count + 1
        return number.to_bytes(12, "big")

    def seal(self, inner: bytes) -> bytes:
        head = b"\x17\x03\x03" + pack(">H", len(inner) + 16)
        return head + self.aead.encrypt(self.nonce(), inner, head)

    def next(self) -> "_Keys":
        return _Keys(_expand(self.secret, b"traffic upd", b"", _SHA256_BYTES))


class Tls13:
    """A connection after its handshake.

    Args:
        connected: a connected TCP socket, blocking.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._transcript = b""
        self._sending = self._handshake()

    def key_updates(self, count: int) -> bytes:
        """Return the records of `count` KeyUpdates, 27 bytes each; send them all, in order."""
        records = []
        for _ in range(count):
            records.append(self._sending.seal(_KEY_UPDATE))
            self._sending = self._sending.next()
        return b"".join(records)

    def data(self, content: bytes) -> bytes:
        """Return the record of some application data."""
        return self._sending.seal(content + bytes([_APPLICATION]))

    def _handshake(self) -> _Keys:
        private = X25519PrivateKey.generate()
        hello = _client_hello(private.public_key().public_bytes_raw())
        self.socket.sendall(b"\x16\x03\x01" + pack(">H", len(hello)) + hello)
        _, server_hello = self._record()
        shared = private.exchange(X25519PublicKey.from_public_bytes(_key_share(server_hello)))
        self._transcript = hello + server_hello
        empty = hashlib.sha256(b"").digest()
        early = hmac.digest(bytes(_SHA256_BYTES), bytes(_SHA256_BYTES), "sha256")
        secret = hmac.digest(_expand(early, b"derived", empty, _SHA256_BYTES), shared, "sha256")
        client, server = self._secret(secret, b"c hs traffic"), _Keys(self._secret(secret, b"s hs traffic"))
        waiting = b""
        while not self._take_finished(waiting):
            kind, body = self._record()
            if kind == _APPLICATION:
                head = b"\x17\x03\x03" + pack(">H", len(body))
                waiting += server.aead.decrypt(server.nonce(), body, head).rstrip(b"\0")[:-1]
        master = hmac.digest(_expand(secret, b"derived", empty, _SHA256_BYTES), bytes(_SHA256_BYTES), "sha256")
        sending = self._secret(master, b"c ap traffic")
        proof = hmac.digest(_expand(client, b"finished", b"", _SHA256_BYTES), self._hash(), "sha256")
        finished = bytes([_FINISHED]) + pack(">I", len(proof))[1:] + proof
        self.socket.sendall(_Keys(client).seal(finished + b"\x16"))
        return _Keys(sending)

    def _take_finished(self, waiting: bytes) -> bool:
        """Add the server's messages to the transcript if they are complete, to its Finished."""
        at = 0
        while at + 4 <= len(waiting):
            kind, at = waiting[at], at + 4 + int.from_bytes(waiting[at + 1 : at + 4], "big")
            if kind == _FINISHED and at <= len(waiting):
                self._transcript += waiting[:at]
                return True
        return False

    def _hash(self) -> bytes:
        return hashlib.sha256(self._transcript).digest()

    def _secret(self, secret: bytes, label: bytes) -> bytes:
        return _expand(secret, label, self._hash(), _SHA256_BYTES)

    def _record(self) -> tuple[int, bytes]:
        head = self._exactly(5)
        return head[0], self._exactly(int.from_bytes(head[3:], "big"))

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = self.socket.recv(size - len(found))
            if not piece:
                raise ConnectionError("closed during the handshake")
            found += piece
        return found


def _client_hello(public: bytes) -> bytes:
    def extension(number: int, body: bytes) -> bytes:
        return pack(">HH", number, len(body)) + body

    extensions = b"".join(
        [
            extension(10, b"\x00\x02\x00\x1d"),  # supported_groups: x25519
            extension(13, b"\x00\x0a\x04\x03\x08\x04\x08\x05\x04\x01\x08\x07"),  # signature_algorithms
            extension(43, b"\x02\x03\x04"),  # supported_versions: TLS 1.3
            extension(51, b"\x00\x24\x00\x1d\x00\x20" + public),  # key_share
        ]
    )
    body = b"\x03\x03" + os.urandom(32) + b"\x20" + os.urandom(32) + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += pack(">H", len(extensions)) + extensions
    return bytes([_CLIENT_HELLO]) + pack(">I", len(body))[1:] + body


def _key_share(server_hello: bytes) -> bytes:
    """Return the server's public key."""
    at = 4 + 2 + 32
    at += 1 + server_hello[at] + 2 + 1 + 2
    while at < len(server_hello):
        number, size = int.from_bytes(server_hello[at : at + 2], "big"), int.from_bytes(server_hello[at + 2 : at + 4])
        if number == 51:
            return server_hello[at + 8 : at + 4 + size]
        at += 4 + size
    raise ConnectionError("the server sent no key share")
