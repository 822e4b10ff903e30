"""Handshake v2: who knows the secret and sees the same connection is let in, and nobody else."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError, LoginRefusedError, RelayNotTrustedError, RemoteProtocolError
from natpass_wire.login.keys import LoginKey
from natpass_wire.login.v2 import (
    NO_TLS,
    Binding,
    Claims,
    ClientLogin,
    Continue,
    Proved,
    Refused,
    RelayLogin,
    instance_tag,
    refuse,
    tls_binding,
)
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.login_pb2 import Accept, Challenge, HandshakePayload, Hello, Proof, Refusal, Role, Transport

KEY = LoginKey(bytes(range(32)))
STRANGER = LoginKey(bytes(32))
CERTIFICATE, OTHER_CERTIFICATE = tls_binding(b"\xaa" * 32), tls_binding(b"\xbb" * 32)
CLIENT_NONCE, RELAY_NONCE = b"c" * 32, b"r" * 32
CLAIMS = Claims("web-1", Role.ROLE_AGENT, ("roster", "ping"), "natpass-agent 1.0", b"i" * 16)


def client_login(
    key: LoginKey = KEY, claims: Claims = CLAIMS, binding: Binding = CERTIFICATE, nonce: bytes = CLIENT_NONCE
) -> ClientLogin:
    return ClientLogin(key, claims, binding, nonce)


def relay_login(
    key: LoginKey = KEY, bindings: tuple[Binding, ...] = (CERTIFICATE,), nonce: bytes = RELAY_NONCE
) -> RelayLogin:
    return RelayLogin(key, bindings, ("roster",), "natpass-relay 1.0", nonce)


@dataclass
class Dialogue:
    """One login; `tamper` sits in the middle and changes messages in place."""

    client: ClientLogin = field(default_factory=client_login)
    relay: RelayLogin = field(default_factory=relay_login)
    tamper: Callable[[Msg], None] = lambda message: None
    keepalive_ms: int = 5000
    proved: Proved | None = None
    refused: Refused | None = None
    wire: list[bytes] = field(default_factory=list)

    def carry(self, message: Msg) -> Msg:
        """Take a message over the wire."""
        self.tamper(message)
        self.wire.append(message.SerializeToString())
        return envelope.parse(self.wire[-1])

    def run(self) -> "Dialogue":
        """Log in, as both programs do it."""
        message: Msg | None = self.client.hello()
        while message is not None:
            match self.relay.receive(self.carry(message)):
                case Continue(reply):
                    message = self.client.receive(self.carry(reply))
                case Proved() as proved:
                    self.proved = proved
                    message = self.client.receive(self.carry(self.relay.accept(self.keepalive_ms)))
                case Refused(reply) as refused:
                    self.refused = refused
                    message = self.client.receive(self.carry(reply))
        return self


def refusal_of(dialogue: Dialogue) -> LoginRefusedError:
    with pytest.raises(LoginRefusedError) as refused:
        dialogue.run()
    assert dialogue.proved is None
    assert dialogue.client.accepted is None
    return refused.value


@pytest.mark.parametrize(
    ("seen", "own"),
    [(CERTIFICATE, (CERTIFICATE,)), (NO_TLS, (NO_TLS,)), (OTHER_CERTIFICATE, (CERTIFICATE, OTHER_CERTIFICATE))],
)
def test_the_right_secret_logs_in(seen: Binding, own: tuple[Binding, ...]) -> None:
    dialogue = Dialogue(client_login(binding=seen), relay_login(bindings=own)).run()
    assert dialogue.proved == Proved(CLAIMS)
    assert dialogue.client.accepted is not None
    assert dialogue.client.accepted.keepalive_ms == 5000
    assert dialogue.client.relay_capabilities == {"roster"}
    assert dialogue.client.relay_program == "natpass-relay 1.0"
    assert KEY.key not in b"".join(dialogue.wire)


def _piece(*parts: bytes) -> bytes:
    """Return each part behind its length in four bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def test_the_proofs_are_what_architecture_md_says() -> None:
    """The transcript, written once more from the documentation: a change of it locks every deployed client out."""
    dialogue = Dialogue().run()
    transcript = _piece(
        pack(">II", 2, 2),
        CLIENT_NONCE,
        RELAY_NONCE,
        b"web-1",
        pack(">I", 1),
        pack(">I", 2) + _piece(b"roster", b"ping"),
        b"natpass-agent 1.0",
        pack(">I", 1) + _piece(b"roster"),
        b"natpass-relay 1.0",
        pack(">I", 2),
        b"\xaa" * 32,
        b"i" * 16,
    )
    client = hmac.new(KEY.key, _piece(b"natpass v2 client proof") + transcript, hashlib.sha256)
    relay = hmac.new(KEY.key, _piece(b"natpass v2 relay proof") + transcript + pack(">I", 5000), hashlib.sha256)
    _hello, _challenge, proof, accept = map(Msg.FromString, dialogue.wire)
    assert proof.hsp.proof.mac.hex() == client.hexdigest()
    assert accept.hsp.accept.mac.hex() == relay.hexdigest()
    assert client.hexdigest() == "653e135feb49a2082ae20b1407f82b566e60a51a23e9f555b2bc2d5b277b5319"
    assert relay.hexdigest() == "15c180215286d0ad7c26991355a723172ca9f4a7fb44fc6ba1bc00d787b4f4ec"


def test_an_instance_token_stays_secret() -> None:
    tag = instance_tag(KEY, b"token")
    assert tag == hmac.new(KEY.key, b"natpass v2 instance" + b"token", hashlib.sha256).digest()[:16]
    assert tag != instance_tag(STRANGER, b"token")


def test_a_wrong_secret_is_refused() -> None:
    refusal = refusal_of(Dialogue(client_login(key=STRANGER)))
    assert refusal.code == Refusal.WRONG_SECRET
    assert "secret" in refusal.text


def _change(path: str, value: object) -> Callable[[Msg], None]:
    """Return what sets one field of the login step that has it."""
    step, name = path.split(".")

    def tamper(message: Msg) -> None:
        if step == "envelope":
            setattr(message, name, value)
        elif message.hsp.HasField(step):
            part = getattr(message.hsp, step)
            if isinstance(value, list):
                getattr(part, name)[:] = value
            else:
                setattr(part, name, value)

    return tamper


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hello.nonce", b"x" * 32),
        ("hello.role", Role.ROLE_CONSOLE),
        ("hello.capabilities", ["roster"]),
        ("hello.capabilities", []),
        ("hello.capabilities", ["rosterping"]),
        ("hello.capabilities", ["ping", "roster"]),
        ("hello.program", "natpass-agent 0.9"),
        ("challenge.nonce", b"x" * 32),
        ("challenge.capabilities", []),
        ("challenge.program", "x"),
        ("proof.transport", Transport.TRANSPORT_NONE),
        ("proof.certificate_sha256", b"\xbb" * 32),
        ("proof.certificate_sha256", b""),
        ("proof.instance", b"j" * 16),
        ("proof.mac", b"m" * 32),
        ("proof.mac", b""),
    ],
)
def test_what_the_man_in_the_middle_changes_is_in_the_proof(path: str, value: object) -> None:
    assert refusal_of(Dialogue(tamper=_change(path, value))).code == Refusal.WRONG_SECRET


def test_another_id_in_the_hello_is_in_the_proof() -> None:
    def tamper(message: Msg) -> None:
        if message.hsp.HasField("hello"):
            message.from_id = "web-2"

    assert refusal_of(Dialogue(tamper=tamper)).code == Refusal.WRONG_SECRET


@pytest.mark.parametrize(
    ("path", "value"), [("accept.keepalive_ms", 60_000), ("accept.mac", b"m" * 32), ("accept.mac", b"")]
)
def test_what_is_changed_in_the_accept_is_not_trusted(path: str, value: object) -> None:
    dialogue = Dialogue(tamper=_change(path, value))
    with pytest.raises(RelayNotTrustedError):
        dialogue.run()
    assert dialogue.client.accepted is None


@pytest.mark.parametrize(
    ("seen", "own", "words"),
    [
        (OTHER_CERTIFICATE, CERTIFICATE, ["TLS bbbb", "TLS aaaa", "--proxy-cert", "in the middle"]),
        (NO_TLS, CERTIFICATE, ["you see no TLS", "--no-tls"]),
        (CERTIFICATE, NO_TLS, ["the relay has no TLS", "--no-tls"]),
    ],
)
def test_a_connection_that_looks_different_is_reported_as_that(seen: Binding, own: Binding, words: list[str]) -> None:
    refusal = refusal_of(Dialogue(client_login(binding=seen), relay_login(bindings=(own,))))
    assert refusal.code == Refusal.CERTIFICATE_MISMATCH
    assert all(word in refusal.text for word in words), refusal.text


def test_a_mismatch_is_told_only_to_who_knows_the_secret() -> None:
    refusal = refusal_of(Dialogue(client_login(key=STRANGER, binding=NO_TLS)))
    assert refusal.code == Refusal.WRONG_SECRET


def test_a_relay_without_the_secret_is_not_trusted() -> None:
    """It admits anybody, and lets the client believe that it were in."""
    client = client_login()
    impostor = relay_login(key=STRANGER)
    impostor.receive(client.hello())
    challenge = HandshakePayload(challenge=Challenge(version=2, nonce=RELAY_NONCE))
    assert client.receive(Msg(type=MsgType.handshake, from_id="server", hsp=challenge)) is not None
    forged = HandshakePayload(accept=Accept(mac=b"m" * 32, keepalive_ms=5000))
    with pytest.raises(RelayNotTrustedError):
        client.receive(Msg(type=MsgType.handshake, from_id="server", hsp=forged))


def test_a_recorded_login_is_worth_nothing_against_a_new_nonce() -> None:
    recorded = list(map(Msg.FromString, Dialogue().run().wire))
    relay = relay_login(nonce=b"R" * 32)
    assert isinstance(relay.receive(recorded[0]), Continue)
    answer = relay.receive(recorded[2])
    assert isinstance(answer, Refused)
    assert answer.reply.hsp.refusal.code == Refusal.WRONG_SECRET


def test_a_recorded_relay_is_worth_nothing_against_a_new_nonce() -> None:
    recorded = list(map(Msg.FromString, Dialogue().run().wire))
    client = client_login(nonce=b"C" * 32)
    assert client.receive(recorded[1]) is not None
    with pytest.raises(RelayNotTrustedError):
        client.receive(recorded[3])


def test_a_proof_that_is_reflected_is_not_trusted() -> None:
    client = client_login()
    challenge = HandshakePayload(challenge=Challenge(version=2, nonce=RELAY_NONCE))
    proof = client.receive(Msg(type=MsgType.handshake, hsp=challenge))
    assert proof is not None
    for keepalive_ms in (0, 5000):
        mirror = HandshakePayload(accept=Accept(mac=proof.hsp.proof.mac, keepalive_ms=keepalive_ms))
        with pytest.raises(RelayNotTrustedError):
            client.receive(Msg(type=MsgType.handshake, hsp=mirror))


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("hello.version", 1, Refusal.VERSION),
        ("hello.version", 3, Refusal.VERSION),
        ("hello.role", Role.ROLE_UNSET, Refusal.MALFORMED),
        ("hello.role", 77, Refusal.MALFORMED),
        ("hello.nonce", b"x" * 31, Refusal.MALFORMED),
        ("hello.nonce", b"x" * 33, Refusal.MALFORMED),
        ("envelope.from_id", "", Refusal.BAD_ID),
        ("envelope.from_id", "server", Refusal.BAD_ID),
        ("envelope.from_id", "a\u202eb", Refusal.BAD_ID),
        ("envelope.from_id", "x" * 65, Refusal.BAD_ID),
        ("proof.instance", b"", Refusal.MALFORMED),
        ("proof.instance", b"i" * 17, Refusal.MALFORMED),
        ("proof.certificate_sha256", b"x" * 31, Refusal.MALFORMED),
        ("proof.transport", Transport.TRANSPORT_UNSET, Refusal.MALFORMED),
        ("proof.transport", 7, Refusal.MALFORMED),
        ("proof.transport", -1, Refusal.MALFORMED),
    ],
)
def test_what_is_malformed_is_refused_with_the_reason(path: str, value: object, code: Refusal.Code) -> None:
    refusal = refusal_of(Dialogue(tamper=_change(path, value)))
    assert refusal.code == code
    assert refusal.text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hello.program", "x" * 129),
        ("hello.capabilities", ["x"] * 65),
        ("hello.capabilities", ["x" * 129]),
        ("challenge.program", "x" * 129),
        ("challenge.capabilities", ["x"] * 65),
        ("challenge.nonce", b"short"),
        ("challenge.version", 3),
    ],
)
def test_oversized_and_broken_fields_are_blamed_on_the_peer(path: str, value: object) -> None:
    with pytest.raises(RemoteProtocolError):
        Dialogue(tamper=_change(path, value)).run()


def test_a_refusal_of_a_monstrous_id_still_fits_a_frame() -> None:
    for version in (1, 2):
        hello = Msg(type=MsgType.handshake, from_id="x" * 65_500, hsp=HandshakePayload(hello=Hello(version=version)))
        assert envelope.fits(hello)
        answer = relay_login().receive(hello)
        assert isinstance(answer, Refused)
        assert envelope.to_frame(answer.reply)


def test_a_refusal_is_safe_to_print() -> None:
    client = client_login()
    hostile = refuse("web-1", Refusal.OVERLOADED, "come\r\nback \x1b]0;x\x07later" + "x" * 1000)
    with pytest.raises(LoginRefusedError) as refused:
        client.receive(hostile.reply)
    assert refused.value.text.isprintable()
    assert len(refused.value.text) <= 200
    assert refused.value.code == Refusal.OVERLOADED


def test_the_program_of_a_client_is_safe_to_print() -> None:
    dialogue = Dialogue(client_login(claims=replace(CLAIMS, program="\x1b[31mred"))).run()
    assert dialogue.proved is not None
    assert dialogue.proved.claims.program == "\ufffd[31mred"


def test_steps_have_their_order() -> None:
    done = Dialogue().run()
    hello, challenge, proof, accept = map(Msg.FromString, done.wire)
    for relay, wrong in [(relay_login(), proof), (relay_login(), accept), (done.relay, hello), (done.relay, proof)]:
        with pytest.raises(RemoteProtocolError):
            relay.receive(wrong)
    for client, wrong in [
        (client_login(), accept),
        (client_login(), hello),
        (done.client, challenge),
        (done.client, accept),
    ]:
        with pytest.raises(RemoteProtocolError):
            client.receive(wrong)
    for step in (Msg(type=MsgType.keepalive), Msg(type=MsgType.handshake), Msg()):
        with pytest.raises(RemoteProtocolError):
            relay_login().receive(step)
        with pytest.raises(RemoteProtocolError):
            client_login().receive(step)


def test_a_relay_judges_one_proof_a_login() -> None:
    """A second guess needs a second connection, however many steps a client puts into one frame's batch."""
    relay = relay_login()
    client = client_login(key=STRANGER)
    challenge = relay.receive(client.hello())
    assert isinstance(challenge, Continue)
    wrong = client.receive(challenge.reply)
    assert wrong is not None
    assert isinstance(relay.receive(wrong), Refused)
    for again in (wrong, client.hello(), client_login().hello()):
        with pytest.raises(RemoteProtocolError):
            relay.receive(again)
    refused_at_once = relay_login()
    assert isinstance(
        refused_at_once.receive(Msg(type=MsgType.handshake, hsp=HandshakePayload(hello=Hello()))), Refused
    )
    with pytest.raises(RemoteProtocolError):
        refused_at_once.receive(client.hello())


def test_our_own_mistakes_are_ours() -> None:
    with pytest.raises(LocalProtocolError):
        client_login(claims=replace(CLAIMS, client_id="server"))
    with pytest.raises(LocalProtocolError):
        relay_login().accept(5000)


steps = st.builds(
    HandshakePayload,
    enc=st.binary(max_size=20),
    hello=st.none()
    | st.builds(
        Hello,
        version=st.sampled_from([0, 1, 2, 2**32 - 1]),
        nonce=st.sampled_from([b"", CLIENT_NONCE]),
        role=st.sampled_from([0, 1, 2, 9, -1, -(2**31)]),
        capabilities=st.lists(st.text(max_size=5), max_size=3),
        program=st.text(max_size=200),
    ),
    challenge=st.none()
    | st.builds(Challenge, version=st.sampled_from([0, 2]), nonce=st.sampled_from([b"", RELAY_NONCE])),
    proof=st.none()
    | st.builds(
        Proof,
        transport=st.sampled_from([0, 1, 2, 3, -1, 2**31 - 1]),
        certificate_sha256=st.sampled_from([b"", b"\xaa" * 32, b"x"]),
        instance=st.sampled_from([b"", b"i" * 16]),
        mac=st.binary(max_size=40),
    ),
    accept=st.none() | st.builds(Accept, mac=st.binary(max_size=40), keepalive_ms=st.integers(0, 2**32 - 1)),
    refusal=st.none() | st.builds(Refusal, code=st.integers(-5, 20), text=st.text(max_size=300)),
)
messages = st.builds(
    Msg,
    type=st.sampled_from([1, 1, 1, 1, 0, 2, 77]),
    from_id=st.text(max_size=70),
    to=st.text(max_size=3),
    hsp=steps,
)


@given(st.lists(messages, max_size=5))
@settings(max_examples=300)
def test_a_relay_judges_or_blames_whatever_comes(steps: list[Msg]) -> None:
    relay = relay_login()
    for step in steps:
        try:
            answer = relay.receive(envelope.parse(step.SerializeToString()))
        except RemoteProtocolError:
            return
        assert not isinstance(answer, Proved)
        assert envelope.to_frame(answer.reply)


@given(st.lists(messages, max_size=5))
@settings(max_examples=300)
def test_a_client_goes_on_or_blames_whatever_comes(steps: list[Msg]) -> None:
    client = client_login()
    for step in steps:
        try:
            answer = client.receive(envelope.parse(step.SerializeToString()))
        except (RemoteProtocolError, LoginRefusedError, RelayNotTrustedError):
            break
        assert answer is None or envelope.to_frame(answer)
    assert client.accepted is None
