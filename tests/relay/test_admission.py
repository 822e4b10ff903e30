"""Who gets in, under which id."""

import tracemalloc

import pytest

from natpass_relay.admission import (
    MAX_INDEXES,
    PROBE_SECONDS,
    Admission,
    Admit,
    Close,
    Command,
    Drop,
    Probe,
    VisitorReply,
)
from natpass_relay.clients import Role
from natpass_relay.known_ids import KnownIds
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.login.legacy import Dialect
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Notice
from natpass_wire.pb.invite_pb2 import Guest
from natpass_wire.pb.login_pb2 import HandshakePayload, Refusal
from tests.relay.logins import CONSOLE, KEY, UNIX, claims, doors, legacy_hello, log_in

MD5, HMAC = Dialect.MD5, Dialect.HMAC


def admitted(commands: list[Command]) -> Admit:
    (command,) = (c for c in commands if isinstance(c, Admit))
    return command


def refused(commands: list[Command]) -> tuple[int, str]:
    reply, close = commands
    assert isinstance(reply, VisitorReply)
    assert isinstance(close, Close)
    return reply.message.hsp.refusal.code, reply.message.hsp.refusal.text


def kinds(commands: list[Command]) -> list[str]:
    return [type(command).__name__ for command in commands]


def old_login(admission: Admission, client_id: str, dialect: Dialect = MD5, **options: object) -> list[Command]:
    visitor = admission.visitor(b"n" * 32)
    return list(admission.receive(visitor, legacy_hello(client_id, dialect, **options), UNIX))  # type: ignore[arg-type]


def test_who_knows_the_secret_gets_in_and_the_relay_proves_itself() -> None:
    _, commands, client = log_in(Admission(doors()), "a")
    admit = admitted(commands)
    assert (admit.client.client_id, admit.client.role) == ("a", Role.AGENT)
    assert admit.reply is not None
    assert client.receive(admit.reply) is None
    assert client.accepted is not None
    assert client.accepted.keepalive_ms == 5000
    assert client.relay_capabilities == {"roster"}


def test_a_console_gets_a_console_s_port() -> None:
    assert admitted(log_in(Admission(doors()), "tui", role=CONSOLE)[1]).client.role is Role.CONSOLE


def test_a_wrong_secret_and_a_wrong_certificate_are_told_apart() -> None:
    admission = Admission(doors())
    assert refused(log_in(admission, "a", key=LoginKey(b"x" * 32))[1])[0] == Refusal.WRONG_SECRET
    assert refused(log_in(admission, "a", binding=v2.tls_binding(b"h" * 32))[1])[0] == Refusal.CERTIFICATE_MISMATCH


def test_the_same_instance_replaces_its_older_connection_which_is_told() -> None:
    admission = Admission(doors())
    old = admitted(log_in(admission, "a")[1]).client
    drop, admit = log_in(admission, "a")[1]
    assert isinstance(drop, Drop)
    assert drop.client is old
    assert drop.notice is not None
    assert drop.notice.notice.code == Notice.REPLACED
    assert isinstance(admit, Admit)
    assert admission.removed(old) == []  # its late clean-up
    assert kinds(log_in(admission, "a", "other")[1]) == ["Probe"]  # the id is still held


def test_another_instance_is_refused_while_the_holder_answers() -> None:
    admission = Admission(doors())
    holder = admitted(log_in(admission, "a")[1]).client
    newcomer, commands, _ = log_in(admission, "a", "other")
    assert commands == [Probe(holder)]
    second, commands, _ = log_in(admission, "a", "third")
    assert commands == []  # one probe is under way
    told = list(admission.heard(holder))
    assert refused(told[:2])[0] == refused(told[2:])[0] == Refusal.ID_TAKEN
    assert [c.visitor for c in told if isinstance(c, Close)] == [newcomer, second]
    assert admission.heard(holder) == []
    assert list(admission.tick(0.0)) + list(admission.tick(100.0)) == []


def test_a_silent_holder_is_dropped_after_the_limit() -> None:
    admission = Admission(doors())
    holder = admitted(log_in(admission, "a")[1]).client
    newcomer, _, _ = log_in(admission, "a", "other")
    for step in range(round(PROBE_SECONDS * 4)):  # the first tick starts the clock
        assert admission.tick(10.0 + step * 0.25) == []
    drop, admit = admission.tick(10.0 + PROBE_SECONDS)
    assert isinstance(drop, Drop)
    assert drop.client is holder
    assert isinstance(admit, Admit)
    assert admit.visitor is newcomer


def test_our_own_stall_is_not_the_holder_s_silence() -> None:
    admission = Admission(doors())
    log_in(admission, "a")
    log_in(admission, "a", "other")
    assert admission.tick(10.0) == []
    assert admission.tick(100.0) == []  # we stood still: its answer may wait to be read
    for second in range(1, round(PROBE_SECONDS) - 1):
        assert admission.tick(100.0 + second) == []
    assert kinds(list(admission.tick(99.0 + PROBE_SECONDS))) == ["Drop", "Admit"]


def test_when_the_holder_goes_the_first_newcomer_gets_the_id_and_is_probed_for_the_second() -> None:
    admission = Admission(doors())
    holder = admitted(log_in(admission, "a")[1]).client
    first, _, _ = log_in(admission, "a", "two")
    log_in(admission, "a", "three")
    admit, probe = admission.removed(holder)
    assert isinstance(admit, Admit)
    assert admit.visitor is first
    assert probe == Probe(admit.client)


def test_a_newcomer_that_gave_up_gets_nothing() -> None:
    admission = Admission(doors())
    holder = admitted(log_in(admission, "a")[1]).client
    newcomer, _, _ = log_in(admission, "a", "two")
    admission.gone(newcomer)
    assert admission.removed(holder) == []


def test_a_holder_whose_challenger_gave_up_is_left_alone() -> None:
    admission = Admission(doors())
    log_in(admission, "a")
    newcomer, _, _ = log_in(admission, "a", "two")
    admission.gone(newcomer)
    assert [c for second in range(10) for c in admission.tick(float(second))] == []


def test_the_same_instance_replaces_while_another_one_waits() -> None:
    admission = Admission(doors())
    log_in(admission, "a")
    log_in(admission, "a", "other")
    commands = log_in(admission, "a")[1]
    assert kinds(commands) == ["Drop", "Admit", "Probe"]  # the one who waits is judged by the new connection


def test_who_speaks_on_before_it_is_let_in_breaks_the_protocol() -> None:
    admission = Admission(doors())
    log_in(admission, "a")
    newcomer, _, _ = log_in(admission, "a", "two")
    with pytest.raises(RemoteProtocolError):
        admission.receive(newcomer, Msg(type=MsgType.keepalive), UNIX)


def test_a_replayed_proof_fails() -> None:
    admission = Admission(doors())
    visitor = admission.visitor(b"n" * 32)
    client = v2.ClientLogin(doors().key, claims("a"), v2.NO_TLS, b"c" * 32)
    hello = client.hello()
    (challenge,) = admission.receive(visitor, hello, UNIX)
    assert isinstance(challenge, VisitorReply)
    proof = client.receive(challenge.message)
    assert proof is not None
    assert kinds(list(admission.receive(visitor, proof, UNIX))) == ["Admit"]
    again = admission.visitor(b"m" * 32)  # another nonce, as every connection has
    admission.receive(again, hello, UNIX)
    assert refused(list(admission.receive(again, proof, UNIX)))[0] == Refusal.WRONG_SECRET


# older dialects


@pytest.mark.parametrize("dialect", [MD5, HMAC])
def test_older_peers_get_in_where_their_dialect_is_admitted(dialect: Dialect) -> None:
    admission = Admission(doors(dialect))
    admit = admitted(old_login(admission, "old", dialect, idx=3))
    assert (admit.client.client_id, admit.client.role, admit.client.idx) == ("old", Role.LEGACY, 3)
    assert admit.reply is None
    other = HMAC if dialect is MD5 else MD5
    assert kinds(old_login(admission, "other", other)) == ["Close"]
    assert kinds(old_login(Admission(doors()), "old", dialect)) == ["Close"]


@pytest.mark.parametrize("dialects", [(), (MD5, HMAC)], ids=str)
def test_over_bare_tcp_at_a_relay_with_tls_there_are_older_dialects_only(dialects: tuple[Dialect, ...]) -> None:
    admission = Admission(doors(*dialects))
    visitor = admission.visitor(b"n" * 32)
    hello = v2.ClientLogin(KEY, claims("a"), v2.NO_TLS, b"c" * 32).hello()
    guest = Msg(type=MsgType.handshake, to="server", hsp=HandshakePayload(guest=Guest(nameplate=1)))
    for message, addressee in ((hello, "a"), (guest, ""), (Msg(type=MsgType.keepalive, from_id="x" * 100), "")):
        reply, close = admission.receive(visitor, message, UNIX, is_plain=True)
        assert isinstance(reply, VisitorReply)
        assert isinstance(close, Close)
        assert reply.message.to == addressee
        assert "leave out --no-tls" in reply.message.hsp.refusal.text
    old = admission.receive(visitor, legacy_hello("old", MD5), UNIX, is_plain=True)
    assert kinds(list(old)) == (["Admit"] if dialects else ["Close"])


def test_hmac_logins_are_good_for_one_window_either_side() -> None:
    admission = Admission(doors(HMAC))
    for offset, good in ((-120, False), (-60, True), (0, True), (60, True), (120, False)):
        commands = old_login(admission, f"old{offset}", HMAC, unix=UNIX + offset)
        assert kinds(commands) == (["Admit"] if good else ["Close"])


@pytest.mark.parametrize("client_id", ["", "server", "a\u202eb", "x" * 65, "..", "/etc", "-rf", "~root"])
def test_ids_are_checked_for_older_peers_too(client_id: str) -> None:
    assert kinds(old_login(Admission(doors(MD5)), client_id)) == ["Close"]


@pytest.mark.parametrize(
    ("dialect", "why"),
    [
        (Dialect.MD5, "wrong legacy secret (md5)"),
        (Dialect.HMAC, "wrong legacy secret, or a clock that is minutes off (hmac)"),
    ],
)
def test_a_wrong_legacy_secret_is_a_closed_connection(dialect: Dialect, why: str) -> None:
    (close,) = old_login(Admission(doors(dialect)), "old", dialect=dialect, secret="wrong")
    assert isinstance(close, Close)
    assert close.reason == why


def test_older_peers_never_get_an_id_that_v2_has_used() -> None:
    admission = Admission(doors(MD5))
    holder = admitted(log_in(admission, "a")[1]).client
    assert kinds(old_login(admission, "a")) == ["Close"]
    admission.removed(holder)
    assert kinds(old_login(admission, "a")) == ["Close"]


def test_v2_takes_an_id_from_all_connections_of_an_older_peer() -> None:
    admission = Admission(doors(MD5))
    old = [admitted(old_login(admission, "a", idx=idx)).client for idx in (1, 2)]
    commands = log_in(admission, "a")[1]
    assert [c.client for c in commands if isinstance(c, Drop)] == old
    assert admitted(commands).client.role is Role.AGENT
    assert kinds(old_login(admission, "a", idx=1)) == ["Close"]


def test_an_older_peer_that_comes_back_replaces_its_older_connection() -> None:
    admission = Admission(doors(MD5))
    old = admitted(old_login(admission, "a")).client
    drop, admit = old_login(admission, "a")
    assert isinstance(drop, Drop)
    assert (drop.client, drop.notice) == (old, None)
    assert isinstance(admit, Admit)
    assert admission.removed(old) == []


def test_connections_under_one_older_id_are_bounded() -> None:
    admission = Admission(doors(MD5))
    for idx in range(MAX_INDEXES):
        old_login(admission, "a", idx=idx)
    assert kinds(old_login(admission, "a", idx=MAX_INDEXES)) == ["Close"]


def test_when_v2_ids_can_t_all_be_remembered_unknown_ids_are_closed_to_older_peers() -> None:
    known = KnownIds(most=2)
    known.used_by_legacy("old")
    known.used_by_legacy("taken")
    for client_id in ("one", "taken"):
        known.used_by_v2(client_id)
    assert known.open_to_legacy("fresh")
    known.used_by_v2("three")  # one too many
    assert known.open_to_legacy("old")
    assert not any(known.open_to_legacy(client_id) for client_id in ("one", "taken", "three", "fresh"))


def test_ids_that_v2_has_used_take_no_memory_of_their_own() -> None:
    known = KnownIds()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(20_000):
            known.used_by_v2(f"console-{number}")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10_000
    assert not any(known.open_to_legacy(f"console-{number}") for number in range(20_000))
    wrong = sum(not known.open_to_legacy(f"other-{number}") for number in range(20_000))
    assert wrong < 20  # 0 when there are that few; see the source for what it is at most


# making room


def test_who_is_pushed_out_is_told_so_once_it_has_begun_a_login_of_ours() -> None:
    admission = Admission(doors(MD5))
    silent = admission.visitor(b"n" * 32)
    assert admission.push_out(silent, "too many") == [Close(silent, "too many")]
    greeted = admission.visitor(b"n" * 32)
    client = v2.ClientLogin(KEY, claims("a"), v2.NO_TLS, b"c" * 32)
    admission.receive(greeted, client.hello(), UNIX)
    assert refused(list(admission.push_out(greeted, "too many"))) == (Refusal.OVERLOADED, "too many")
    log_in(admission, "a")
    waiting, _, _ = log_in(admission, "a", "two")
    assert refused(list(admission.push_out(waiting, "too many"))) == (Refusal.OVERLOADED, "too many")
