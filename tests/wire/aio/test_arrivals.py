"""Links that have not said hello: few of each opener, and not too many of all."""

from natpass_wire.aio.arrivals import MAX_ALL_ARRIVALS, MAX_ARRIVALS, Arrivals
from natpass_wire.aio.record_link import RecordLink
from natpass_wire.links import End, LinkState, State


class Door:
    """Notes whose links were ended, and tells their passenger, as a session does."""

    def __init__(self) -> None:
        self.ended: list[RecordLink] = []

    def arrived(self, link: RecordLink, record: bytes) -> None:
        """Not called."""

    def wake(self, link: RecordLink) -> None:
        """Not called."""

    def end_link(self, link: RecordLink, end: End) -> None:
        self.ended.append(link)
        link.passenger.link_ended(link, end)


def link(peer: str, number: int) -> RecordLink:
    return RecordLink(LinkState(peer, str(number), State.ASKED), b"", b"", None, None)


async def test_one_opener_has_few() -> None:
    door = Door()
    waiting = Arrivals(door)
    assert [waiting.take(link("a", number)) for number in range(MAX_ARRIVALS + 1)] == [True] * MAX_ARRIVALS + [False]
    assert waiting.take(link("b", 0))
    assert not door.ended
    waiting.close()


async def test_where_too_many_say_nothing_the_oldest_goes() -> None:
    """Whoever can log in, and has no secret, would fill the client's table of links otherwise."""
    door = Door()
    waiting = Arrivals(door)
    links = [link(str(number // MAX_ARRIVALS), number) for number in range(MAX_ALL_ARRIVALS + 2)]
    assert all(waiting.take(each) for each in links)
    assert door.ended == links[:2]
    assert len(waiting) == MAX_ALL_ARRIVALS
    waiting.close()
