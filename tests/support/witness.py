"""An independent client of the protocol: it builds its bytes from the description of the wire alone.

It imports nothing of natpass. If it and our programs disagree, one of them has misread the protocol of existing natpass
programs. It can be an opener and a target, on one blocking socket.
"""

import contextlib
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

# `msg`: field numbers
TYPE, FROM, FROM_IDX, TO, TO_IDX, LINK_ID = 1, 2, 3, 4, 5, 6
HSP, CREQ, CREP, DATA, SRESIZE, SDATA = 10, 11, 12, 13, 20, 21
# `type`
HANDSHAKE, KEEPALIVE, CONNECT_REQ, CONNECT_REP, DISCONNECT, FORWARD, SHELL_RESIZE, SHELL_DATA = 1, 2, 3, 4, 5, 6, 10, 11
# connect_request
NAME, KIND, CADDR, CSHELL = 1, 2, 10, 11
TCP, UDP, SHELL, BENCH = 0, 1, 2, 4

#: Seconds to wait for a message.
PATIENCE = 10.0

Field = tuple[int, int | bytes]


def varint(value: int) -> bytes:
    """Return a protobuf varint: seven bits a byte, the lowest first; the top bit means that more follow."""
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number_field(number: int, value: int) -> bytes:
    """Return a field of wire type 0."""
    return varint(number << 3) + varint(value)


def bytes_field(number: int, value: bytes | str) -> bytes:
    """Return a field of wire type 2."""
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def frame(payload: bytes) -> bytes:
    """Return the frame of a payload."""
    return struct.pack(">HI", len(payload), zlib.crc32(payload)) + payload


def fields_of(message: bytes) -> list[Field]:
    """Return the fields of a protobuf message: numbers and byte strings.

    Raises:
        ValueError: it is invalid, or has fields of fixed size, which existing messages do not have.
    """
    found: list[Field] = []
    at = 0

    def read_varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while at < len(message):
        tag = read_varint()
        if tag & 7 == 0:
            found.append((tag >> 3, read_varint()))
        elif tag & 7 == 2:
            size = read_varint()
            found.append((tag >> 3, message[at : at + size]))
            at += size
        else:
            raise ValueError(f"wire type {tag & 7} of field {tag >> 3}")
    return found


@dataclass(frozen=True)
class Message:
    """A message, or a part of one; the last of repeated fields counts."""

    raw: bytes
    fields: dict[int, int | bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes) -> "Message":
        return cls(raw, dict(fields_of(raw)))

    def number(self, number: int) -> int:
        value = self.fields.get(number, 0)
        assert isinstance(value, int)
        return value

    def content(self, number: int) -> bytes:
        value = self.fields.get(number, b"")
        assert isinstance(value, bytes)
        return value

    def text(self, number: int) -> str:
        return self.content(number).decode()

    def part(self, number: int) -> "Message":
        return Message.parse(self.content(number))

    @property
    def kind(self) -> int:
        return self.number(TYPE)


def message(kind: int, sender: str, to: str, link_id: str = "", payload: bytes = b"", *, sender_idx: int = 0) -> bytes:
    """Return a `msg`: the envelope's fields in order, then `payload`, whole fields."""
    out = number_field(TYPE, kind) + bytes_field(FROM, sender)
    if sender_idx:
        out += number_field(FROM_IDX, sender_idx)
    out += bytes_field(TO, to)
    if link_id:
        out += bytes_field(LINK_ID, link_id)
    return out + payload


def md5_proof(secret: str) -> bytes:
    """Return `hsp.enc` of natpass up to 0.10."""
    return hashlib.md5(secret.encode()).digest()


def hmac_proof(secret: str, unix_seconds: float | None = None) -> bytes:
    """Return `hsp.enc` of natpass 0.11 and later."""
    now = time.time() if unix_seconds is None else unix_seconds
    return hmac.new(secret.encode(), struct.pack(">Q", int(now // 60)), hashlib.sha512).digest()


class Closed(Exception):  # noqa: N818 - an event, not a fault
    """The relay has closed the connection."""


class Witness:
    """One connection; with TLS if a context is given, which may verify the relay as `host`."""

    def __init__(
        self, host: str, port: int, client_id: str, idx: int = 0, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.client_id = client_id
        self.idx = idx
        self._buffer = b""
        self._socket: socket.socket = socket.create_connection((host, port), timeout=PATIENCE)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=host)

    @classmethod
    def of(cls, connection: socket.socket, client_id: str) -> Self:
        """Return the relay's side of an accepted connection, as an existing relay; `client_id` is the client."""
        witness = cls.__new__(cls)
        witness.client_id, witness.idx = client_id, 0
        witness._buffer, witness._socket = b"", connection
        return witness

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    # frames and messages

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send(self, kind: int, to: str, link_id: str = "", payload: bytes = b"") -> None:
        self.send_raw(frame(message(kind, self.client_id, to, link_id, payload, sender_idx=self.idx)))

    def receive(self, timeout: float = PATIENCE, *, keepalives: bool = False) -> Message:
        """Return the next message; without keepalives unless `keepalives`.

        Raises:
            Closed: the connection is closed.
            TimeoutError: nothing came.
        """
        until = time.monotonic() + timeout
        while True:
            size, crc = struct.unpack(">HI", self._exactly(6, until))
            payload = self._exactly(size, until)
            assert zlib.crc32(payload) == crc
            found = Message.parse(payload)
            if keepalives or found.kind != KEEPALIVE:
                return found

    def receive_where(self, wanted: Callable[[Message], bool], timeout: float = PATIENCE) -> Message:
        """Return the next message that `wanted` accepts; the ones before it are dropped."""
        until = time.monotonic() + timeout
        while not wanted(found := self.receive(max(until - time.monotonic(), 0.01))):
            pass
        return found

    def is_closed(self, timeout: float = PATIENCE) -> bool:
        """Tell whether the relay closes the connection within `timeout`, without sending a message first."""
        try:
            self.receive(timeout)
        except Closed:
            return True
        except TimeoutError:
            return False
        raise AssertionError("a message came")

    def _exactly(self, size: int, until: float) -> bytes:
        while len(self._buffer) < size:
            rest = until - time.monotonic()
            if rest <= 0:
                raise TimeoutError
            self._socket.settimeout(rest)
            try:
                got = self._socket.recv(256 * 1024)
            except ConnectionError as error:
                raise Closed from error
            if not got:
                raise Closed
            self._buffer += got
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    # the protocol's messages

    def log_in(self, proof: bytes) -> None:
        """Log in. The relay answers only a failure."""
        self.send(HANDSHAKE, "server", payload=bytes_field(HSP, bytes_field(1, proof)))

    def keepalive(self) -> None:
        self.send(KEEPALIVE, "server")

    def ask_for_shell(
        self, target: str, *, program: str = "", env: Sequence[str] = (), link_id: str | None = None, ours: bytes = b""
    ) -> str:
        """Send a `connect_req`; return its link id. `ours`: our extra fields of `connect_shell`."""
        link_id = link_id or secrets.token_hex(8)
        shell = (bytes_field(1, program) if program else b"") + b"".join(bytes_field(2, item) for item in env) + ours
        request = bytes_field(NAME, f"shell-{link_id}") + number_field(KIND, SHELL) + bytes_field(CSHELL, shell)
        self.send(CONNECT_REQ, target, link_id, bytes_field(CREQ, request))
        return link_id

    def ask_for_address(self, target: str, kind: int, host: str, port: int) -> str:
        """Ask for a connection to an address (TCP), or for datagrams (UDP); return its link id."""
        link_id = secrets.token_hex(8)
        address = bytes_field(1, host) + number_field(2, port)
        request = bytes_field(NAME, "rule") + (number_field(KIND, kind) if kind else b"") + bytes_field(CADDR, address)
        self.send(CONNECT_REQ, target, link_id, bytes_field(CREQ, request))
        return link_id

    def ask_for_bench(self, target: str) -> str:
        """Ask for a link of kind bench; return its link id."""
        link_id = secrets.token_hex(8)
        self.send(
            CONNECT_REQ, target, link_id, bytes_field(CREQ, bytes_field(NAME, "bench") + number_field(KIND, BENCH))
        )
        return link_id

    def send_data(self, target: str, link_id: str, data: bytes) -> None:
        """Send a `forward` message."""
        self.send(FORWARD, target, link_id, bytes_field(DATA, bytes_field(1, data)))

    def data_of(self, link_id: str, timeout: float = PATIENCE) -> Iterator[bytes]:
        """Yield the data of `forward` messages until the link ends; `timeout` is for each piece."""
        while True:
            found = self.receive(timeout)
            if found.text(LINK_ID) != link_id:
                continue
            if found.kind == DISCONNECT:
                return
            if found.kind == FORWARD:
                yield found.part(DATA).content(1)

    def answer_of(self, link_id: str, timeout: float = PATIENCE) -> tuple[bool, str]:
        """Wait for the `connect_rep` of a link; return whether it accepts, and the reason if not."""
        found = self.receive_where(lambda m: m.kind == CONNECT_REP and m.text(LINK_ID) == link_id, timeout)
        return bool(found.part(CREP).number(1)), found.part(CREP).text(2)

    def open_shell(self, target: str, **options: object) -> str:
        """Open a shell; return its link id. The target has to accept."""
        link_id = self.ask_for_shell(target, **options)  # type: ignore[arg-type]
        assert self.answer_of(link_id) == (True, "")
        return link_id

    def accept(self, request: Message) -> None:
        """Accept a link, as a target."""
        self.send(CONNECT_REP, request.text(FROM), request.text(LINK_ID), bytes_field(CREP, number_field(1, 1)))

    def refuse(self, request: Message, reason: str) -> None:
        """Refuse a link, as a target."""
        self.send(CONNECT_REP, request.text(FROM), request.text(LINK_ID), bytes_field(CREP, bytes_field(2, reason)))

    def send_shell(self, target: str, link_id: str, data: bytes) -> None:
        self.send(SHELL_DATA, target, link_id, bytes_field(SDATA, bytes_field(1, data)))

    def resize(self, target: str, link_id: str, rows: int, cols: int) -> None:
        size = number_field(1, rows) + number_field(2, cols)
        self.send(SHELL_RESIZE, target, link_id, bytes_field(SRESIZE, size))

    def say_gone(self, opener: str, link_id: str) -> None:
        """Report that the other end of a link is gone, as an existing relay."""
        self.send_raw(frame(message(DISCONNECT, "server", opener, link_id)))

    def disconnect(self, target: str, link_id: str) -> None:
        self.send(DISCONNECT, target, link_id)

    def shell_output(self, link_id: str, timeout: float = PATIENCE) -> Iterator[bytes]:
        """Yield a shell's output until its link ends; `timeout` is for each piece."""
        while True:
            found = self.receive(timeout)
            if found.text(LINK_ID) != link_id:
                continue
            if found.kind == DISCONNECT:
                return
            if found.kind == SHELL_DATA:
                yield found.part(SDATA).content(1)

    def read_until(self, link_id: str, wanted: bytes, timeout: float = PATIENCE) -> bytes:
        """Return a shell's output up to the piece that completes `wanted`."""
        output = b""
        with contextlib.closing(self.shell_output(link_id, timeout)) as pieces:  # type: ignore[type-var]
            for piece in pieces:
                output += piece
                if wanted in output:
                    return output
        raise AssertionError(f"the link ended before {wanted!r} came: {output[-1000:]!r}")
