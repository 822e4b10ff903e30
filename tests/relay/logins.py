"""Clients' halves of logins, for tests of the relay."""

import hashlib

from natpass_relay.admission import Admission, Command, Doors, Visitor, VisitorReply
from natpass_wire.login import legacy, v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.login_pb2 import HandshakePayload, Role

KEY = LoginKey(b"k" * 32)
LEGACY_SECRET = "an old secret"
UNIX = 1_700_000_000.0
AGENT, CONSOLE = Role.ROLE_AGENT, Role.ROLE_CONSOLE


def doors(*dialects: legacy.Dialect) -> Doors:
    return Doors(KEY, (v2.NO_TLS,), frozenset(dialects), LEGACY_SECRET if dialects else None, ("roster",), "relay 1")


def claims(client_id: str, role: Role = AGENT, instance: str = "one") -> v2.Claims:
    return v2.Claims(client_id, role, (), "test 1", hashlib.md5(instance.encode()).digest())


def log_in(
    admission: Admission,
    client_id: str,
    instance: str = "one",
    *,
    role: Role = AGENT,
    key: LoginKey = KEY,
    binding: v2.Binding = v2.NO_TLS,
) -> tuple[Visitor, list[Command], v2.ClientLogin]:
    """Go through handshake v2 up to the relay's verdict; return the visitor, the verdict, and the client's half."""
    visitor = admission.visitor(b"n" * 32)
    client = v2.ClientLogin(key, claims(client_id, role, instance), binding, b"c" * 32)
    (greeting,) = admission.receive(visitor, client.hello(), UNIX)
    assert isinstance(greeting, VisitorReply)
    proof = client.receive(greeting.message)
    assert proof is not None
    return visitor, list(admission.receive(visitor, proof, UNIX)), client


def legacy_hello(
    client_id: str, dialect: legacy.Dialect, secret: str = LEGACY_SECRET, unix: float = UNIX, idx: int = 0
) -> Msg:
    hello = HandshakePayload(enc=legacy.encode(dialect, secret, unix))
    return Msg(type=MsgType.handshake, from_id=client_id, from_idx=idx, to="server", hsp=hello)
