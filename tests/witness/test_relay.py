"""What existing natpass programs rely on, said to the real relay in hand-made bytes."""

import time

import pytest

from tests.support.relay_process import RelayProcess
from tests.support.witness import (
    CONNECT_REP,
    CONNECT_REQ,
    CREP,
    CREQ,
    DATA,
    DISCONNECT,
    FORWARD,
    FROM,
    FROM_IDX,
    LINK_ID,
    PATIENCE,
    SDATA,
    SHELL_DATA,
    TO,
    Message,
    Witness,
    bytes_field,
    frame,
    hmac_proof,
    md5_proof,
    message,
    number_field,
    varint,
)
from tests.witness.conftest import SECRET, Join

LINK = "0123456789abcdef"


def linked(join: Join, dialects: tuple[str, str] = ("hmac", "hmac")) -> tuple[Witness, Witness]:
    """Return an opener and a target with an open link LINK."""
    opener, target = join("opener", dialects[0]), join("target", dialects[1])
    reach(opener, target)
    opener.ask_for_shell("target", link_id=LINK)
    target.accept(next_on_link(target))
    assert opener.answer_of(LINK) == (True, "")
    return opener, target


def reach(opener: Witness, target: Witness) -> None:
    """Wait until the relay knows both: no login is answered, so ask until the target is not absent."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        probe = opener.ask_for_shell(target.client_id)
        while time.monotonic() < until:
            try:
                assert opener.answer_of(probe, timeout=0.02) == (False, f"agent {target.client_id} is not connected")
                break
            except TimeoutError:
                pass
            try:
                next_on_link(target, probe, timeout=0.02)
            except TimeoutError:
                continue
            opener.disconnect(target.client_id, probe)
            assert next_on_link(target, probe).kind == DISCONNECT
            return
    raise AssertionError(f"{target.client_id} can't be reached")


def all_taken(witness: Witness) -> None:
    """Wait until the relay has taken everything that the witness has sent."""
    witness.answer_of(witness.ask_for_shell("nobody"))


def next_on_link(witness: Witness, link_id: str = LINK, timeout: float = PATIENCE) -> Message:
    return witness.receive_where(lambda m: m.text(LINK_ID) == link_id, timeout)


def sdata(data: bytes) -> bytes:
    return bytes_field(SDATA, bytes_field(1, data))


def fence(sender: Witness, receiver: Witness, to: str) -> Message:
    """Send something and return what comes next on the link: it shows that nothing came before it."""
    sender.send_shell(to, LINK, b"fence")
    return next_on_link(receiver)


@pytest.mark.parametrize("dialect", ["md5", "hmac"])
def test_a_good_login_is_silence(join: Join, dialect: str) -> None:
    witness = join("somebody", dialect)
    witness.keepalive()
    all_taken(witness)
    assert not witness.is_closed(0.1)


@pytest.mark.parametrize(
    "proof",
    [md5_proof("wrong"), hmac_proof("wrong"), hmac_proof(SECRET, time.time() - 300), b"", b"x" * 20],
    ids=["md5", "hmac", "old window", "empty", "unknown dialect"],
)
def test_a_bad_login_is_a_closed_connection(relay: RelayProcess, proof: bytes) -> None:
    with Witness(relay.host, relay.port, "somebody") as witness:
        witness.log_in(proof)
        assert witness.is_closed()


@pytest.mark.parametrize(
    "data",
    [
        frame(message(CONNECT_REQ, "somebody", "target", LINK)),
        frame(b"\xff\xff\xff"),
        b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n" * 3000,
        frame(message(1, "somebody", "server", payload=bytes_field(10, bytes_field(1, bytes(5000))))),
        b"\x00\x05\x00\x00\x00\x00wrong",
        b"\x00\x00\x00\x00\x00\x00",
    ],
    ids=["no login", "no message", "http", "too long", "crc", "empty"],
)
def test_garbage_before_the_login_closes_the_connection(relay: RelayProcess, data: bytes) -> None:
    with Witness(relay.host, relay.port, "somebody") as witness:
        witness.send_raw(data)
        assert witness.is_closed()


def test_an_absent_target_is_answered_at_once_in_its_name(join: Join) -> None:
    opener = join("opener")
    link_id = opener.ask_for_shell("nobody")
    answer = opener.receive()
    assert (answer.kind, answer.text(FROM), answer.text(LINK_ID)) == (CONNECT_REP, "nobody", link_id)
    assert (answer.part(CREP).number(1), answer.part(CREP).text(2)) == (0, "agent nobody is not connected")


@pytest.mark.parametrize("dialects", [("md5", "hmac"), ("hmac", "md5")])
def test_two_peers_talk_over_a_link(join: Join, dialects: tuple[str, str]) -> None:
    opener, target = linked(join, dialects)
    pieces = [bytes([n % 256]) * (n * 37 % 5000 + 1) for n in range(300)] + [bytes(60 * 1024)]
    for piece in pieces:
        opener.send_shell("target", LINK, piece)
    for piece in pieces:
        found = next_on_link(target)
        assert (found.kind, found.text(FROM), found.text(TO)) == (SHELL_DATA, "opener", "target")
        assert found.part(SDATA).content(1) == piece
    target.send_shell("opener", LINK, b"back")
    assert next_on_link(opener).part(SDATA).content(1) == b"back"
    target.resize("opener", LINK, 40, 120)
    assert next_on_link(opener).part(20).fields == {1: 40, 2: 120}


def test_a_refusal_ends_the_link(join: Join) -> None:
    opener, target = join("opener"), join("target")
    reach(opener, target)
    opener.ask_for_shell("target", link_id=LINK)
    target.refuse(target.receive_where(lambda m: m.text(LINK_ID) == LINK), "not today")
    assert opener.answer_of(LINK) == (False, "not today")
    opener.ask_for_shell("target", link_id=LINK)  # the id is free again
    assert target.receive_where(lambda m: m.text(LINK_ID) == LINK).kind == CONNECT_REQ


def test_a_client_can_t_choose_its_from(join: Join) -> None:
    opener, target = linked(join)
    opener.send_raw(frame(message(SHELL_DATA, "somebody-else", "target", LINK, sdata(b"x"))))
    opener.send_raw(frame(message(SHELL_DATA, "opener", "target", LINK, sdata(b"x"), sender_idx=7)))
    opener.send_raw(
        frame(number_field(1, SHELL_DATA) + bytes_field(TO, "target") + bytes_field(LINK_ID, LINK) + sdata(b"x"))
    )
    for _ in range(3):
        found = next_on_link(target)
        assert (found.text(FROM), found.number(FROM_IDX), found.part(SDATA).content(1)) == ("opener", 0, b"x")


def test_the_last_duplicate_of_a_field_counts(join: Join) -> None:
    opener, target = linked(join)
    third = join("third")
    reach(opener, third)
    opener.send_shell("target", LINK, b"good")  # so that this envelope is known
    assert next_on_link(target).part(SDATA).content(1) == b"good"
    good = message(SHELL_DATA, "opener", "target", LINK, sdata(b"x"))
    for evil in (
        good + bytes_field(TO, "third"),
        good + bytes_field(LINK_ID, "f" * 16),
        message(SHELL_DATA, "opener", "target", LINK, bytes_field(TO, "third") + sdata(b"x")),
    ):
        opener.send_raw(frame(evil))
    opener.send_raw(frame(good + bytes_field(FROM, "third")))
    found = next_on_link(target)
    assert (found.text(FROM), found.part(SDATA).content(1)) == ("opener", b"x")  # the three went nowhere
    opener.send_raw(frame(message(SHELL_DATA, "opener", "third", LINK, sdata(b"y")) + bytes_field(TO, "target")))
    assert next_on_link(target).part(SDATA).content(1) == b"y"
    opener.ask_for_shell("third", link_id=LINK)
    assert next_on_link(third).kind == CONNECT_REQ  # and nothing came before it


def test_other_non_canonical_envelopes_mean_what_they_say(join: Join) -> None:
    opener, target = linked(join)
    shuffled = sdata(b"a") + bytes_field(LINK_ID, LINK) + bytes_field(TO, "target") + number_field(1, SHELL_DATA)
    long_tag = message(SHELL_DATA, "opener", "target", LINK) + b"\xaa\x81\x00" + varint(3) + bytes_field(1, b"b")
    long_size = message(SHELL_DATA, "opener", "target", LINK) + b"\xaa\x01\x83\x00" + bytes_field(1, b"c")
    for payload, expected in ((shuffled, b"a"), (long_tag, b"b"), (long_size, b"c")):
        opener.send_raw(frame(payload))
        found = next_on_link(target)
        assert (found.text(FROM), found.part(SDATA).content(1)) == ("opener", expected)


def test_a_payload_that_does_not_parse_is_blamed_on_its_sender(join: Join) -> None:
    opener, target = linked(join)
    opener.send_shell("target", LINK, b"good")
    assert next_on_link(target).part(SDATA).content(1) == b"good"
    opener.send_raw(frame(message(SHELL_DATA, "opener", "target", LINK, bytes_field(SDATA, b"\x0a\x7fx"))))
    assert opener.is_closed()
    assert next_on_link(target).kind == DISCONNECT


def test_unknown_fields_and_types_survive(join: Join) -> None:
    opener, target = linked(join)
    unknown = bytes_field(1000, b"from the future") + number_field(2000, 7)
    inner = bytes_field(SDATA, bytes_field(1, b"x") + bytes_field(500, b"inside"))
    opener.send_raw(frame(message(SHELL_DATA, "opener", "target", LINK, inner + unknown)))
    opener.send_raw(frame(message(SHELL_DATA, "liar", "target", LINK, inner + unknown)))
    for _ in range(2):
        found = next_on_link(target)
        assert (found.text(1000), found.number(2000)) == ("from the future", 7)
        assert found.part(SDATA).text(500) == "inside"
    opener.send(77, "target", LINK, bytes_field(777, b"new kind"))
    found = next_on_link(target)
    assert (found.kind, found.text(777)) == (77, "new kind")


def test_only_the_two_ends_may_speak(join: Join) -> None:
    opener, target = linked(join)
    thief = join("thief")
    reach(thief, join("another"))
    thief.send_shell("target", LINK, b"evil")
    thief.send_raw(frame(message(SHELL_DATA, "opener", "target", LINK, sdata(b"evil"))))
    thief.disconnect("target", LINK)
    thief.disconnect("opener", LINK)
    all_taken(thief)
    assert fence(opener, target, "target").part(SDATA).content(1) == b"fence"


def test_a_link_id_in_use_is_refused(join: Join) -> None:
    opener, target = linked(join)
    target.send(CONNECT_REQ, "opener", LINK, bytes_field(CREQ, bytes_field(1, "r")))
    answer = next_on_link(target)
    assert (answer.kind, answer.part(CREP).text(2)) == (CONNECT_REP, "this link id is in use")
    assert fence(opener, target, "target").part(SDATA).content(1) == b"fence"


def test_when_an_end_goes_the_other_gets_one_disconnect(join: Join) -> None:
    opener, target = linked(join)
    opener.close()
    gone = next_on_link(target)
    assert (gone.kind, gone.text(FROM)) == (DISCONNECT, "opener")
    again = join("opener")
    reach(again, join("another"))
    again.ask_for_shell("target", link_id=LINK)
    assert next_on_link(target).kind == CONNECT_REQ  # and no second disconnect before it


def test_frames_after_a_disconnect_are_dropped(join: Join) -> None:
    opener, target = linked(join)
    target.disconnect("opener", LINK)
    for _ in range(100):
        target.send_shell("opener", LINK, b"still talking")
    assert next_on_link(opener).kind == DISCONNECT
    opener.disconnect("target", LINK)
    opener.ask_for_shell("target", link_id=LINK)
    assert next_on_link(target).kind == CONNECT_REQ
    target.send(FORWARD, "opener", LINK, bytes_field(DATA, bytes_field(1, b"alive")))
    assert next_on_link(opener).part(DATA).content(1) == b"alive"


def test_connections_of_one_older_peer_are_told_apart_by_their_index(join: Join) -> None:
    opener, first = join("opener"), join("multi", idx=1)
    reach(opener, first)
    second = join("multi", idx=2)
    until = time.monotonic() + 10
    while True:  # the second login has no answer either
        request = bytes_field(CREQ, bytes_field(1, "r"))
        envelope = (
            number_field(1, CONNECT_REQ) + bytes_field(TO, "multi") + number_field(5, 2) + bytes_field(LINK_ID, LINK)
        )
        opener.send_raw(frame(envelope + request))
        try:
            asked = second.receive(timeout=0.3)
            break
        except TimeoutError:
            assert time.monotonic() < until
    second.accept(asked)
    answer = opener.receive_where(lambda m: m.kind == CONNECT_REP and m.part(CREP).number(1) == 1)
    assert (answer.text(FROM), answer.number(FROM_IDX)) == ("multi", 2)
    first.send_shell("opener", LINK, b"not mine")
    second.send_shell("opener", LINK, b"mine")
    assert next_on_link(opener).part(SDATA).content(1) == b"mine"


def test_an_older_peer_that_comes_back_replaces_its_connection(join: Join) -> None:
    opener, old = join("opener"), join("again")
    reach(opener, old)
    new = join("again")
    assert old.is_closed()
    reach(opener, new)
