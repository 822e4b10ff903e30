"""Links that have not said hello: few of each opener, and not too many of all."""

from typing import cast

from natpass_wire.aio.arrivals import MAX_ALL_ARRIVALS, MAX_ARRIVALS, Arrivals
from natpass_wire.aio.carrier import Carrier
from natpass_wire.aio.carriers import Carriers
from natpass_wire.links import End, LinkPhase, LinkState


class Ended:
    """Notes which carriers were ended, and tells their passenger, as a connection does."""

    def __init__(self) -> None:
        self.ended: list[Carrier] = []

    def end(self, carrier: Carrier, end: End) -> None:
        self.ended.append(carrier)
        carrier.passenger.carrier_ended(carrier, end)


def carrier(of: Ended, peer: str, number: int) -> Carrier:
    carriers = cast("Carriers", of)
    return Carrier(carriers, LinkState(peer, str(number), LinkPhase.ASKED), b"", b"", None, trust=None)


def arrivals() -> Arrivals:
    return Arrivals(lambda carrier, hello: None)


async def test_one_opener_has_few() -> None:
    ended, waiting = Ended(), arrivals()
    found = [waiting.take(carrier(ended, "a", number)) for number in range(MAX_ARRIVALS + 1)]
    assert found == [True] * MAX_ARRIVALS + [False]
    assert waiting.take(carrier(ended, "b", 0))
    assert not ended.ended
    waiting.close()


async def test_where_too_many_say_nothing_the_oldest_goes() -> None:
    """Whoever can log in, and has no secret, would fill the client's table of links otherwise."""
    ended, waiting = Ended(), arrivals()
    links = [carrier(ended, str(number // MAX_ARRIVALS), number) for number in range(MAX_ALL_ARRIVALS + 2)]
    assert all(waiting.take(each) for each in links)
    assert ended.ended == links[:2]
    assert len(waiting) == MAX_ALL_ARRIVALS
    waiting.close()
