"""The gate: strangers get a bounded part of the arithmetic, and never that of others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.stream import gate
from natpass_wire.stream.cookies import COOKIE_BYTES, SLOT_SECONDS, is_cookie, make_cookie
from natpass_wire.stream.gate import Offered, OfferGate, Verdict
from natpass_wire.stream.places import listed, unlisted

SECRET = bytes(range(32))
LINK = "0123456789abcdef"


def offers(door: OfferGate, peer: str, now: float, times: int = 1, origin: bytes = b"") -> int:
    """Return how many of so many offers were accepted; cookies are brought where they are asked for."""
    accepted = 0
    for _ in range(times):
        offer = Offered(peer, LINK, origin)
        verdict = door.judge(offer, 0, now)
        if verdict is Verdict.COOKIE:
            verdict = door.judge(Offered(peer, LINK, origin, door.cookie(offer, now)), 0, now)
        accepted += verdict is Verdict.ACCEPT
    return accepted


def test_an_honest_opener_is_accepted_at_once() -> None:
    assert OfferGate(SECRET).judge(Offered("console", LINK), 0, 0.0) is Verdict.ACCEPT


def test_one_stranger_gets_little() -> None:
    door = OfferGate(SECRET)
    rate, burst = gate.STRANGER
    assert offers(door, "attacker", 0.0, 1000) == burst
    assert sum(offers(door, "attacker", second, 1000) for second in range(1, 11)) == 10 * rate
    assert offers(door, "honest", 10.0) == 1


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 9), st.floats(0, 0.1)), max_size=300))
def test_strangers_together_get_a_bounded_part_and_proved_keys_their_own(uses: list[tuple[int, int, float]]) -> None:
    door, now, accepted = OfferGate(SECRET), 0.0, 0
    door.proved("admin", listed(b"key"), now)
    for peer, network, passed in uses:
        now += passed
        accepted += offers(door, f"id {peer}", now, 20, bytes([network]))
        assert offers(door, "admin", now) == 1
    rate, burst = gate.ALL_STRANGERS
    assert accepted <= burst + rate * now


def test_strangers_of_one_network_leave_something_to_others() -> None:
    door = OfferGate(SECRET)
    for peer in range(1000):
        offers(door, f"id {peer}", 0.0, 10, b"attackers'")
    assert offers(door, "honest", 0.0, 1, b"other") == 1


def test_a_proved_key_that_has_had_its_share_is_a_stranger() -> None:
    door, accepted = OfferGate(SECRET), 0
    while accepted < gate.PROVED[1]:
        door.proved("admin", listed(b"key"), 0.0)
        accepted += offers(door, "admin", 0.0)
    door.proved("admin", listed(b"key"), 0.0)
    assert offers(door, "admin", 0.0, 10_000) == gate.STRANGER[1]
    door.proved("admin again", listed(b"key"), 0.0)
    assert offers(door, "admin again", 0.0) == 1
    door.failed("admin")
    assert door.owner("admin", 0.0) is None


def test_who_takes_over_an_id_without_its_key_is_a_stranger_after_few_handshakes() -> None:
    """Whether its links end or wait: only a proof counts. The key under its other ids loses nothing."""
    door = OfferGate(SECRET)
    door.proved("free id", listed(b"key"), 0.0)
    door.proved("admin", listed(b"key"), 0.0)
    assert offers(door, "free id", 0.0, 10_000) == gate.MOST_UNPROVED + gate.STRANGER[1]
    assert door.owner("free id", 0.0) is None
    assert door.owner("admin", 0.0) == listed(b"key")
    assert offers(door, "admin", 0.0, 64) == 64


def test_a_client_that_proves_its_key_each_time_stays_known() -> None:
    door = OfferGate(SECRET)
    for second in range(100):
        door.proved("admin", listed(b"key"), second)
        assert offers(door, "admin", second, 100) == 100
    assert door.owner("admin", 100.0) == listed(b"key")


def test_keys_that_are_not_listed_share_what_their_network_gets() -> None:
    door = OfferGate(SECRET)
    for number in range(20):
        door.proved(f"id {number}", unlisted(b"net", f"id {number}"), 0.0)
    accepted = sum(offers(door, f"id {number}", 0.0, 500, b"net") for number in range(20))
    assert accepted <= gate.SHARED[1] + gate.NETWORK[1]


def test_keys_that_are_not_listed_share_what_all_their_networks_get() -> None:
    """Anybody can make keys, and who has a few addresses has a few networks."""
    door, accepted = OfferGate(SECRET), 0
    for number in range(16):
        origin = bytes([number])
        for each in range(4):
            peer = f"id {number} {each}"
            door.proved(peer, unlisted(origin, peer), 0.0)
            accepted += offers(door, peer, 0.0, 500, origin)
    assert accepted <= gate.ALL_UNLISTED[1] + gate.ALL_STRANGERS[1]
    door.proved("admin", listed(b"key"), 0.0)
    assert offers(door, "admin", 0.0) == 1


def test_nobody_is_forgotten_for_the_many_ids_of_another() -> None:
    door = OfferGate(SECRET)
    honest = unlisted(b"home", "honest")
    door.proved("admin", listed(b"key"), 0.0)
    door.proved("honest", honest, 0.0)
    for number in range(gate.MOST_REMEMBERED + 100):
        door.proved(f"id {number}", unlisted(b"net", f"id {number}"), 1.0)
        door.proved(f"command {number}", listed(b"another key"), 1.0)
    assert (door.owner("admin", 2.0), door.owner("honest", 2.0)) == (listed(b"key"), honest)
    assert len(door._known) == gate.MOST_REMEMBERED


def test_a_proof_is_forgotten_in_time_and_the_table_is_bounded() -> None:
    door = OfferGate(SECRET)
    for number in range(gate.MOST_REMEMBERED + 1):
        door.proved(str(number), listed(b"key"), 0.0)
    assert door.owner("0", 1.0) is None
    assert door.owner("1", 1.0) == listed(b"key")
    assert door.owner("1", gate.REMEMBER_SECONDS + 1) is None


def test_under_load_strangers_need_a_cookie_and_proved_keys_do_not() -> None:
    door = OfferGate(SECRET, busy=10)
    offer = Offered("console", LINK)
    assert door.judge(offer, 10, 100.0) is Verdict.COOKIE
    again = Offered("console", LINK[:8] + "00000000", b"", door.cookie(offer, 100.0))
    assert door.judge(again, 10, 100.0) is Verdict.ACCEPT
    door.proved("admin", listed(b"key"), 100.0)
    assert door.judge(Offered("admin", LINK), 10, 100.0) is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("opener", "link_id", "at", "valid"),
    [
        ("console", LINK, 0.0, True),
        ("console", LINK[:8] + "another1", SLOT_SECONDS, True),
        ("console", LINK, 2 * SLOT_SECONDS, False),
        ("console2", LINK, 0.0, False),
        ("console", "1" + LINK[1:], 0.0, False),
    ],
)
def test_a_cookie_is_for_one_opener_one_prefix_and_a_short_time(
    opener: str, link_id: str, at: float, valid: bool
) -> None:
    cookie = make_cookie(SECRET, "console", LINK, 0.0)
    assert len(cookie) == COOKIE_BYTES
    assert is_cookie(cookie, SECRET, opener, link_id, at) == valid
    assert not is_cookie(cookie, bytes(32), opener, link_id, at)
    assert not is_cookie(cookie[:-1], SECRET, opener, link_id, at)
