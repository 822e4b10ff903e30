"""The handshake limiter: strangers get a bounded part of the arithmetic, and never that of others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.stream import handshake_limiter
from natpass_wire.stream.cookies import COOKIE_BYTES, SLOT_SECONDS, is_cookie, make_cookie
from natpass_wire.stream.handshake_limiter import HandshakeLimiter, Offered, Verdict
from natpass_wire.stream.places import listed, unlisted

SECRET = bytes(range(32))
LINK = "0123456789abcdef"


def offers(limiter: HandshakeLimiter, peer: str, now: float, times: int = 1, origin: bytes = b"") -> int:
    """Return how many of so many offers were accepted; cookies are brought where they are asked for."""
    accepted = 0
    for _ in range(times):
        offer = Offered(peer, LINK, origin)
        verdict = limiter.judge(offer, 0, now)
        if verdict is Verdict.COOKIE:
            verdict = limiter.judge(Offered(peer, LINK, origin, limiter.cookie(offer, now)), 0, now)
        accepted += verdict is Verdict.ACCEPT
    return accepted


def test_an_honest_opener_is_accepted_at_once() -> None:
    assert HandshakeLimiter(SECRET).judge(Offered("console", LINK), 0, 0.0) is Verdict.ACCEPT


def test_one_stranger_gets_little() -> None:
    limiter = HandshakeLimiter(SECRET)
    rate, burst = handshake_limiter.STRANGER
    assert offers(limiter, "attacker", 0.0, 1000) == burst
    assert sum(offers(limiter, "attacker", second, 1000) for second in range(1, 11)) == 10 * rate
    assert offers(limiter, "honest", 10.0) == 1


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 9), st.floats(0, 0.1)), max_size=300))
def test_strangers_together_get_a_bounded_part_and_proved_keys_their_own(uses: list[tuple[int, int, float]]) -> None:
    limiter, now, accepted = HandshakeLimiter(SECRET), 0.0, 0
    limiter.proved("admin", listed(b"key"), now)
    for peer, network, passed in uses:
        now += passed
        accepted += offers(limiter, f"id {peer}", now, 20, bytes([network]))
        assert offers(limiter, "admin", now) == 1
    rate, burst = handshake_limiter.ALL_STRANGERS
    assert accepted <= burst + rate * now


def test_strangers_of_one_network_leave_something_to_others() -> None:
    limiter = HandshakeLimiter(SECRET)
    for peer in range(1000):
        offers(limiter, f"id {peer}", 0.0, 10, b"attackers'")
    assert offers(limiter, "honest", 0.0, 1, b"other") == 1


def test_a_proved_key_that_has_had_its_share_is_a_stranger() -> None:
    limiter, accepted = HandshakeLimiter(SECRET), 0
    while accepted < handshake_limiter.PROVED[1]:
        limiter.proved("admin", listed(b"key"), 0.0)
        accepted += offers(limiter, "admin", 0.0)
    limiter.proved("admin", listed(b"key"), 0.0)
    assert offers(limiter, "admin", 0.0, 10_000) == handshake_limiter.STRANGER[1]
    limiter.proved("admin again", listed(b"key"), 0.0)
    assert offers(limiter, "admin again", 0.0) == 1
    limiter.failed("admin")
    assert limiter.owner("admin", 0.0) is None


def test_who_takes_over_an_id_without_its_key_is_a_stranger_after_few_handshakes() -> None:
    """Whether its links end or wait: only a proof counts. The key under its other ids loses nothing."""
    limiter = HandshakeLimiter(SECRET)
    limiter.proved("free id", listed(b"key"), 0.0)
    limiter.proved("admin", listed(b"key"), 0.0)
    assert offers(limiter, "free id", 0.0, 10_000) == handshake_limiter.MOST_UNPROVED + handshake_limiter.STRANGER[1]
    assert limiter.owner("free id", 0.0) is None
    assert limiter.owner("admin", 0.0) == listed(b"key")
    assert offers(limiter, "admin", 0.0, 64) == 64


def test_a_client_that_proves_its_key_each_time_stays_known() -> None:
    limiter = HandshakeLimiter(SECRET)
    for second in range(100):
        limiter.proved("admin", listed(b"key"), second)
        assert offers(limiter, "admin", second, 100) == 100
    assert limiter.owner("admin", 100.0) == listed(b"key")


def test_keys_that_are_not_listed_share_what_their_network_gets() -> None:
    limiter = HandshakeLimiter(SECRET)
    for number in range(20):
        limiter.proved(f"id {number}", unlisted(b"net", f"id {number}"), 0.0)
    accepted = sum(offers(limiter, f"id {number}", 0.0, 500, b"net") for number in range(20))
    assert accepted <= handshake_limiter.SHARED[1] + handshake_limiter.NETWORK[1]


def test_keys_that_are_not_listed_share_what_all_their_networks_get() -> None:
    """Anybody can make keys, and who has a few addresses has a few networks."""
    limiter, accepted = HandshakeLimiter(SECRET), 0
    for number in range(16):
        origin = bytes([number])
        for each in range(4):
            peer = f"id {number} {each}"
            limiter.proved(peer, unlisted(origin, peer), 0.0)
            accepted += offers(limiter, peer, 0.0, 500, origin)
    assert accepted <= handshake_limiter.ALL_UNLISTED[1] + handshake_limiter.ALL_STRANGERS[1]
    limiter.proved("admin", listed(b"key"), 0.0)
    assert offers(limiter, "admin", 0.0) == 1


def test_nobody_is_forgotten_for_the_many_ids_of_another() -> None:
    limiter = HandshakeLimiter(SECRET)
    honest = unlisted(b"home", "honest")
    limiter.proved("admin", listed(b"key"), 0.0)
    limiter.proved("honest", honest, 0.0)
    for number in range(handshake_limiter.MOST_REMEMBERED + 100):
        limiter.proved(f"id {number}", unlisted(b"net", f"id {number}"), 1.0)
        limiter.proved(f"command {number}", listed(b"another key"), 1.0)
    assert (limiter.owner("admin", 2.0), limiter.owner("honest", 2.0)) == (listed(b"key"), honest)
    assert len(limiter._known) == handshake_limiter.MOST_REMEMBERED


def test_a_proof_is_forgotten_in_time_and_the_table_is_bounded() -> None:
    limiter = HandshakeLimiter(SECRET)
    for number in range(handshake_limiter.MOST_REMEMBERED + 1):
        limiter.proved(str(number), listed(b"key"), 0.0)
    assert limiter.owner("0", 1.0) is None
    assert limiter.owner("1", 1.0) == listed(b"key")
    assert limiter.owner("1", handshake_limiter.REMEMBER_SECONDS + 1) is None


def test_under_load_strangers_need_a_cookie_and_proved_keys_do_not() -> None:
    limiter = HandshakeLimiter(SECRET, busy=10)
    offer = Offered("console", LINK)
    assert limiter.judge(offer, 10, 100.0) is Verdict.COOKIE
    again = Offered("console", LINK[:8] + "00000000", b"", limiter.cookie(offer, 100.0))
    assert limiter.judge(again, 10, 100.0) is Verdict.ACCEPT
    limiter.proved("admin", listed(b"key"), 100.0)
    assert limiter.judge(Offered("admin", LINK), 10, 100.0) is Verdict.ACCEPT


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
