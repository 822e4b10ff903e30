"""Links that have not said hello: few of each opener, and not too many of all."""

from typing import cast

from natpass_wire.aio.arrivals import MAX_ALL_ARRIVALS, MAX_ARRIVALS, MAX_PROVED_ARRIVALS, Arrivals
from natpass_wire.aio.carrier import Carrier
from natpass_wire.aio.carriers import Carriers
from natpass_wire.links import End, LinkPhase, LinkState
from natpass_wire.stream.handshake_limiter import MOST_UNPROVED, Offered, Verdict
from natpass_wire.stream.places import listed
from tests.support.waiting import wait_for


class Ended:
    """Notes which carriers were ended, and tells their passenger, as a connection does."""

    def __init__(self) -> None:
        self.ended: list[Carrier] = []

    def end(self, carrier: Carrier, end: End) -> None:
        self.ended.append(carrier)
        carrier.passenger.carrier_ended(carrier, end)


def carrier(of: Ended, peer: str, number: int, origin: bytes = b"") -> Carrier:
    carriers = cast("Carriers", of)
    return Carrier(carriers, LinkState(peer, str(number), LinkPhase.ASKED), b"", b"", None, trust=None, origin=origin)


def arrivals() -> Arrivals:
    return Arrivals(lambda carrier, hello: None)


async def test_one_opener_has_few() -> None:
    ended, waiting = Ended(), arrivals()
    found = [waiting.take(carrier(ended, "a", number)) for number in range(MAX_ARRIVALS + 1)]
    assert found == [True] * MAX_ARRIVALS + [False]
    assert waiting.take(carrier(ended, "b", 0))
    assert not ended.ended
    waiting.close()


async def test_an_opener_with_a_proved_key_resumes_many_streams_at_once() -> None:
    ended, waiting = Ended(), arrivals()
    waiting.proved("a", listed(b"key"))
    for number in range(MAX_PROVED_ARRIVALS):
        assert waiting.judge(Offered("a", "0123456789abcdef"))[0] is Verdict.ACCEPT
        assert waiting.take(carrier(ended, "a", number))
    assert waiting.judge(Offered("a", "0123456789abcdef"))[0] is Verdict.LATER
    assert not waiting.take(carrier(ended, "a", MAX_PROVED_ARRIVALS))
    waiting.proved("b", listed(b"another"))
    others = [waiting.take(carrier(ended, f"stranger {number % 8}", number)) for number in range(64)]
    others += [waiting.take(carrier(ended, "b", number)) for number in range(17)]
    assert others == [True] * 80 + [False]  # few places are free now
    assert not ended.ended
    waiting.close()


async def test_where_too_many_say_nothing_the_oldest_of_the_largest_holder_goes() -> None:
    """Whoever can log in, and has no secret, would fill the client's table of links otherwise."""
    ended, waiting = Ended(), arrivals()
    links = [carrier(ended, str(number // MAX_ARRIVALS), number) for number in range(MAX_ALL_ARRIVALS + 2)]
    assert all(waiting.take(each) for each in links)
    assert ended.ended == [links[0], links[MAX_ARRIVALS]]
    assert len(waiting) == MAX_ALL_ARRIVALS
    waiting.close()


async def test_links_of_many_ids_push_out_neither_another_networks_nor_those_of_proved_keys() -> None:
    ended, waiting = Ended(), arrivals()
    waiting.proved("admin", listed(b"key"))
    honest = [carrier(ended, "admin", 0), carrier(ended, "console", 1, b"elsewhere")]
    assert all(waiting.take(each) for each in honest)
    for number in range(2 * MAX_ALL_ARRIVALS):
        assert waiting.take(carrier(ended, f"id {number}", number, b"here"))
    assert len(ended.ended) == MAX_ALL_ARRIVALS + 2
    assert not set(honest) & set(ended.ended)
    waiting.close()


async def test_a_flood_of_offers_gets_little_arithmetic_and_an_honest_opener_its_turn() -> None:
    """Work is counted, not timed: each accepted offer costs a handshake."""
    waiting = arrivals()
    accepted = 0
    for number in range(2200):
        accepted += waiting.judge(Offered(f"id {number % 4}", "0123456789abcdef"))[0] is Verdict.ACCEPT
    assert 4 <= accepted <= 4 * 10
    for number in range(15):
        offer = Offered(f"honest {number}", "0123456789abcdef")
        verdict, cookie = waiting.judge(offer)
        if verdict is Verdict.COOKIE:
            verdict, _ = waiting.judge(Offered(offer.peer, offer.link_id, cookie=cookie))
        assert verdict is Verdict.ACCEPT


async def test_an_opener_with_too_many_links_that_wait_costs_no_arithmetic() -> None:
    ended, waiting = Ended(), arrivals()
    assert all(waiting.take(carrier(ended, "a", number)) for number in range(MAX_ARRIVALS))
    assert waiting.judge(Offered("a", "0123456789abcdef"))[0] is Verdict.LATER
    waiting.close()


async def test_who_says_no_hello_is_a_stranger_again() -> None:
    ended, waiting = Ended(), Arrivals(lambda carrier, hello: None, seconds=0.0)
    waiting.proved("a", listed(b"key"))
    assert waiting.take(carrier(ended, "a", 0))
    await wait_for(lambda: ended.ended)
    assert waiting._limiter.owner("a", 0.0) is None


async def test_who_ends_its_links_before_their_hello_is_a_stranger_soon() -> None:
    """Otherwise a free client id would keep the rank of the key that was proved under it before."""
    ended, waiting = Ended(), arrivals()
    waiting.proved("free", listed(b"key"))
    accepted = 0
    for number in range(2000):
        if waiting.judge(Offered("free", "0123456789abcdef"))[0] is Verdict.ACCEPT:
            accepted += 1
            link = carrier(ended, "free", number)
            assert waiting.take(link)
            link.passenger.carrier_ended(link, End())
    assert MOST_UNPROVED <= accepted <= MOST_UNPROVED + 40
    assert waiting._limiter.owner("free", 0.0) is None
    waiting.close()


async def test_an_honest_opener_that_was_cut_while_it_resumed_keeps_its_rank() -> None:
    """Its connection is cut before any hello; it comes back, and says hello on all links."""
    ended, waiting = Ended(), arrivals()
    waiting.proved("a", listed(b"key"))

    def resume() -> list[Carrier]:
        links = [carrier(ended, "a", number) for number in range(MAX_PROVED_ARRIVALS)]
        for link in links:
            assert waiting.judge(Offered("a", "0123456789abcdef"))[0] is Verdict.ACCEPT
            assert waiting.take(link)
        return links

    for _ in range(5):
        for link in resume():
            link.passenger.carrier_ended(link, End())
        for link in resume()[:-1]:
            link.passenger.carrier_received(link, b"hello")
            waiting.proved("a", listed(b"key"))
        for link in list(waiting._timers):
            link.passenger.carrier_ended(link, End())
        assert waiting._limiter.owner("a", 0.0) == listed(b"key")
    waiting.close()
