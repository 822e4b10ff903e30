"""Logins: both halves take any messages, and refuse what is not a login."""

from contextlib import suppress

from natpass_wire import envelope
from natpass_wire.errors import LoginRefusedError, RelayNotTrustedError, RemoteProtocolError
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.login_pb2 import Challenge, HandshakePayload, Refusal, Role
from tests.fuzz.targets.pieces import joined, pieces

_KEY = LoginKey(bytes(32))
_CLAIMS = v2.Claims("client", Role.ROLE_AGENT, ("roster",), "fuzz 1", bytes(16))


def _relay() -> v2.RelayLogin:
    return v2.RelayLogin(_KEY, [v2.NO_TLS], ("roster",), "relay 1", bytes(32))


def _client() -> v2.ClientLogin:
    return v2.ClientLogin(_KEY, _CLAIMS, v2.NO_TLS, bytes(32))


def _whole_login() -> tuple[bytes, bytes]:
    client, relay = _client(), _relay()
    hello = client.hello()
    challenge = relay.receive(hello)
    assert isinstance(challenge, v2.Continue)
    proof = client.receive(challenge.reply)
    assert proof is not None
    assert isinstance(relay.receive(proof), v2.Proved)
    towards = joined(hello.SerializeToString(), proof.SerializeToString())
    return towards, joined(challenge.reply.SerializeToString(), relay.accept(15_000).SerializeToString())


def _step(payload: HandshakePayload) -> bytes:
    return Msg(type=MsgType.handshake, from_id="server", to="client", hsp=payload).SerializeToString()


SEEDS = (
    *_whole_login(),
    joined(_step(HandshakePayload(refusal=Refusal(code=Refusal.WRONG_SECRET, text="no")))),
    joined(_step(HandshakePayload(challenge=Challenge(version=2, nonce=bytes(32), capabilities=["x"] * 70)))),
)


def target(data: bytes) -> None:
    """The pieces go to both halves; nobody who does not know the key is let in."""
    relay, client = _relay(), _client()
    for payload in pieces(data):
        try:
            message = envelope.parse(payload)
        except RemoteProtocolError:
            continue
        with suppress(RemoteProtocolError):
            outcome = relay.receive(message)
            reply = outcome.reply if isinstance(outcome, v2.Continue | v2.Refused) else relay.accept(1000)
            assert envelope.fits(reply)
        with suppress(RemoteProtocolError, LoginRefusedError, RelayNotTrustedError):
            answer = client.receive(message)
            assert answer is None or envelope.fits(answer)
