"""Handshake v2: a mutual challenge and response over one secret, without I/O.

    client                                relay
    hello(nonce, role, capabilities)  ->
                                      <-  challenge(nonce, capabilities)
    proof(transport, certificate,     ->
          instance, mac)
                                      <-  accept(mac) | refusal(code, text)

Both macs are HMAC-SHA256 under the login key over the same transcript: everything that either side sent, and the
client's view of the connection. A direction label in front keeps one mac from serving as the other. The client proves
first, so that a stranger who dials a relay gets nothing to guess a weak secret against. The transcript has the TLS
certificate that the client was shown, so a self-signed one needs no pin: a man in the middle shows another.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import pack

from natpass_wire.errors import LocalProtocolError, LoginRefusedError, RelayNotTrustedError, RemoteProtocolError
from natpass_wire.ids import RELAY_ID, client_id_fault
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.login_pb2 import (
    Accept,
    Challenge,
    HandshakePayload,
    Hello,
    Proof,
    Refusal,
    Role,
    Transport,
)
from natpass_wire.text import printable

VERSION = 2
NONCE_BYTES = 32
INSTANCE_BYTES = 16
SHA256_BYTES = 32

#: Seconds from the connection to the relay's last message; both sides give up then.
LOGIN_SECONDS = 10.0

_CLIENT_LABEL = b"natpass v2 client proof"
_RELAY_LABEL = b"natpass v2 relay proof"
_INSTANCE_LABEL = b"natpass v2 instance"
_MOST_CAPABILITIES = 64
_MOST_TEXT = 128


@dataclass(frozen=True, slots=True)
class Binding:
    """The connection as one end sees it.

    Attributes:
        transport: with TLS or without.
        certificate_sha256: of the relay's certificate in DER, 32 bytes; empty without TLS.
    """

    transport: Transport
    certificate_sha256: bytes = b""


NO_TLS = Binding(Transport.TRANSPORT_NONE)


def tls_binding(certificate_sha256: bytes) -> Binding:
    """Return the binding of a TLS connection that shows the certificate with this SHA-256."""
    return Binding(Transport.TRANSPORT_TLS, certificate_sha256)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a client claims about itself at login.

    Attributes:
        client_id: its id.
        role: agent or console. While all share one secret this is only a claim, not a security boundary.
        capabilities: what it supports beyond docs/wire.md §2.
        program: name and version, for logs.
        instance: 16 bytes that stay the same for one installation (agent) or process (console).
    """

    client_id: str
    role: Role
    capabilities: tuple[str, ...]
    program: str
    instance: bytes


def instance_tag(key: LoginKey, token: bytes) -> bytes:
    """Return what replaces the secret instance token on the wire: strangers can't link it to anything."""
    return hmac.digest(key.key, _INSTANCE_LABEL + token, "sha256")[:INSTANCE_BYTES]


class ClientLogin:
    """The client's half. Send `hello()`, then each message that `receive` returns, until `accepted` is set."""

    def __init__(self, key: LoginKey, claims: Claims, binding: Binding, nonce: bytes) -> None:
        if fault := client_id_fault(claims.client_id):
            raise LocalProtocolError(fault)
        self._key = key
        self._claims = claims
        self._binding = binding
        self._hello = Hello(
            version=VERSION,
            nonce=nonce,
            role=claims.role,
            capabilities=claims.capabilities,
            program=claims.program,
        )
        self._transcript: bytes | None = None
        #: Set once the relay has proved that it has the secret.
        self.accepted: Accept | None = None
        #: What the relay supports beyond docs/wire.md §2.
        self.relay_capabilities: frozenset[str] = frozenset()
        #: Name and version of the relay's program, safe to print.
        self.relay_program = ""

    def hello(self) -> Msg:
        """Return the first message."""
        return self._message(HandshakePayload(hello=self._hello))

    def receive(self, message: Msg) -> Msg | None:
        """Take a message from the relay; return the answer, or None after the last.

        Raises:
            LoginRefusedError: the relay refuses, with its reason.
            RelayNotTrustedError: the relay does not have the secret.
            RemoteProtocolError: the message is not the expected one.
        """
        if message.type != MsgType.handshake:
            raise RemoteProtocolError("the relay sent another message before the login was done")
        step = message.hsp
        if step.HasField("refusal"):
            raise LoginRefusedError(printable(step.refusal.text), step.refusal.code)
        if step.HasField("challenge") and self._transcript is None:
            return self._prove(step.challenge)
        if step.HasField("accept") and self._transcript is not None and self.accepted is None:
            self._check(step.accept, self._transcript)
            return None
        raise RemoteProtocolError("the relay's answer does not belong at this point of the login")

    def _prove(self, challenge: Challenge) -> Msg:
        if challenge.version != VERSION or len(challenge.nonce) != NONCE_BYTES:
            raise RemoteProtocolError("the relay's challenge is malformed")
        _check_strings(challenge.capabilities, challenge.program)
        claims, binding = self._claims, self._binding
        self._transcript = _transcript(self._hello, challenge, claims.client_id, binding, claims.instance)
        self.relay_capabilities = frozenset(challenge.capabilities)
        self.relay_program = printable(challenge.program, _MOST_TEXT)
        proof = Proof(
            transport=binding.transport,
            certificate_sha256=binding.certificate_sha256,
            instance=claims.instance,
            mac=_mac(self._key, _CLIENT_LABEL, self._transcript),
        )
        return self._message(HandshakePayload(proof=proof))

    def _check(self, accept: Accept, transcript: bytes) -> None:
        expected = _mac(self._key, _RELAY_LABEL, transcript + pack(">I", accept.keepalive_ms))
        if not hmac.compare_digest(accept.mac, expected):
            raise RelayNotTrustedError(
                "the relay does not know the secret: it is not yours, or there is a man in the middle"
            )
        self.accepted = accept

    def _message(self, payload: HandshakePayload) -> Msg:
        return Msg(type=MsgType.handshake, from_id=self._claims.client_id, to=RELAY_ID, hsp=payload)


@dataclass(frozen=True, slots=True)
class Continue:
    """The relay's half goes on: send `reply`."""

    reply: Msg


@dataclass(frozen=True, slots=True)
class Proved:
    """The client knows the secret. Admit it and send `RelayLogin.accept()`, or send a refusal."""

    claims: Claims


@dataclass(frozen=True, slots=True)
class Refused:
    """The client is not let in: send `reply` and close."""

    reply: Msg
    reason: str


class RelayLogin:
    """The relay's half of one login.

    Args:
        key: the login key.
        bindings: the valid views of the connection: our own certificate's binding, or a TLS proxy's.
        capabilities: what this relay supports beyond docs/wire.md §2.
        program: name and version.
        nonce: 32 random bytes.
    """

    def __init__(
        self, key: LoginKey, bindings: Sequence[Binding], capabilities: Sequence[str], program: str, nonce: bytes
    ) -> None:
        self._key = key
        self._bindings = bindings
        self._challenge = Challenge(version=VERSION, nonce=nonce, capabilities=capabilities, program=program)
        self._client_id = ""
        self._hello: Hello | None = None
        self._transcript: bytes | None = None
        # One verdict per login: another guess needs another connection, even if it came in the same read.
        self._judged = False

    def receive(self, message: Msg) -> Continue | Proved | Refused:
        """Take a message from the client.

        Raises:
            RemoteProtocolError: it is not a login step, or is out of order.
        """
        if message.type != MsgType.handshake:
            raise RemoteProtocolError("the client sent another message before the login was done")
        if message.hsp.HasField("hello") and self._hello is None and not self._judged:
            answer: Continue | Proved | Refused = self._greet(message)
        elif message.hsp.HasField("proof") and self._hello is not None and not self._judged:
            answer = self._judge(message.hsp.proof, self._hello)
        else:
            raise RemoteProtocolError("a login step that does not belong at this point")
        self._judged = not isinstance(answer, Continue)
        return answer

    def accept(self, keepalive_ms: int) -> Msg:
        """Return the relay's proof, after `Proved`.

        Raises:
            LocalProtocolError: the client has proved nothing.
        """
        if self._transcript is None:
            raise LocalProtocolError("accept before the client's proof")
        mac = _mac(self._key, _RELAY_LABEL, self._transcript + pack(">I", keepalive_ms))
        return _from_relay(self._client_id, HandshakePayload(accept=Accept(mac=mac, keepalive_ms=keepalive_ms)))

    def _greet(self, message: Msg) -> Continue | Refused:
        hello = message.hsp.hello
        fault = client_id_fault(message.from_id)
        if hello.version != VERSION:
            addressee = "" if fault else message.from_id
            return refuse(addressee, Refusal.VERSION, f"this relay speaks login version {VERSION} only")
        if fault:  # an invalid id is not repeated: with our reason it may exceed a frame
            return refuse("", Refusal.BAD_ID, fault)
        if hello.role not in {Role.ROLE_AGENT, Role.ROLE_CONSOLE}:
            return refuse(message.from_id, Refusal.MALFORMED, "a client is an agent or a console")
        if len(hello.nonce) != NONCE_BYTES:
            return refuse(message.from_id, Refusal.MALFORMED, f"a nonce has {NONCE_BYTES} bytes")
        _check_strings(hello.capabilities, hello.program)
        self._client_id = message.from_id
        self._hello = Hello()
        self._hello.CopyFrom(hello)
        return Continue(_from_relay(self._client_id, HandshakePayload(challenge=self._challenge)))

    def _judge(self, proof: Proof, hello: Hello) -> Proved | Refused:
        seen = Binding(proof.transport, proof.certificate_sha256)
        good = len(proof.instance) == INSTANCE_BYTES and len(seen.certificate_sha256) in {0, SHA256_BYTES}
        if not good or seen.transport not in {Transport.TRANSPORT_NONE, Transport.TRANSPORT_TLS}:
            return refuse(self._client_id, Refusal.MALFORMED, "the proof is malformed")
        transcript = _transcript(hello, self._challenge, self._client_id, seen, proof.instance)
        if not hmac.compare_digest(proof.mac, _mac(self._key, _CLIENT_LABEL, transcript)):
            return refuse(self._client_id, Refusal.WRONG_SECRET, "wrong secret")
        if seen not in self._bindings:  # only now: the mac proves that an honest client saw this
            return refuse(self._client_id, Refusal.CERTIFICATE_MISMATCH, _mismatch(seen, self._bindings))
        self._transcript = transcript
        return Proved(
            Claims(
                client_id=self._client_id,
                role=hello.role,
                capabilities=tuple(hello.capabilities),
                program=printable(hello.program, _MOST_TEXT),
                instance=proof.instance,
            )
        )


def refuse(client_id: str, code: Refusal.Code, text: str) -> Refused:
    """Return the refusal of a login."""
    return Refused(_from_relay(client_id, HandshakePayload(refusal=Refusal(code=code, text=text))), text)


def _from_relay(client_id: str, payload: HandshakePayload) -> Msg:
    return Msg(type=MsgType.handshake, from_id=RELAY_ID, to=client_id, hsp=payload)


def _mismatch(seen: Binding, bindings: Sequence[Binding]) -> str:
    """Return what is wrong with a connection that looks different to its two ends."""
    ours = " or ".join(_describe(binding) for binding in bindings)
    hint = "a proxy that ends TLS needs the relay's --proxy-cert; without such a proxy, there is a man in the middle"
    if seen.transport == Transport.TRANSPORT_NONE or all(b.transport == Transport.TRANSPORT_NONE for b in bindings):
        hint = "use --no-tls on both sides or on neither"
    return f"certificate mismatch: you see {_describe(seen)}, the relay has {ours}; {hint}"


def _describe(binding: Binding) -> str:
    return f"TLS {binding.certificate_sha256.hex()[:16]}…" if binding.certificate_sha256 else "no TLS"


def _check_strings(capabilities: Sequence[str], program: str) -> None:
    if len(capabilities) > _MOST_CAPABILITIES or any(len(text) > _MOST_TEXT for text in (program, *capabilities)):
        raise RemoteProtocolError("a login with oversized fields")


def _mac(key: LoginKey, label: bytes, transcript: bytes) -> bytes:
    return hmac.digest(key.key, _joined([label]) + transcript, "sha256")


def _transcript(hello: Hello, challenge: Challenge, client_id: str, binding: Binding, instance: bytes) -> bytes:
    """Return what both macs cover: each field after its length, each list after its count."""
    return _joined(
        [
            pack(">II", hello.version, challenge.version),
            hello.nonce,
            challenge.nonce,
            client_id.encode(),
            pack(">I", hello.role),
            _list(hello.capabilities),
            hello.program.encode(),
            _list(challenge.capabilities),
            challenge.program.encode(),
            pack(">I", binding.transport),
            binding.certificate_sha256,
            instance,
        ]
    )


def _list(texts: Sequence[str]) -> bytes:
    return pack(">I", len(texts)) + _joined(text.encode() for text in texts)


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(pack(">I", len(part)) + part for part in parts)
