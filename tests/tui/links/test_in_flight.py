"""What was given to a link and is not acknowledged."""

from natpass_tui.links.in_flight import InFlight


def test_what_was_typed_is_unanswered_until_it_is_acknowledged() -> None:
    flight = InFlight()
    flight.sent(b"", 1.0)  # a size
    assert flight.unanswered(9.0) == 0.0
    flight.sent(b"l", 10.0)
    flight.sent(b"s", 11.0)
    flight.acknowledged(3, 12.0)
    assert (flight.unanswered(13.0), b"".join(flight.typed)) == (3.0, b"ls")
    flight.acknowledged(1, 13.5)  # the size and the first key: the other end answers
    assert (flight.unanswered(14.0), b"".join(flight.typed)) == (0.5, b"s")
    flight.acknowledged(0, 14.5)
    assert (flight.unanswered(20.0), flight.typed) == (0.0, [])


def test_what_waits_for_the_link_counts_too() -> None:
    flight = InFlight()
    assert flight.unanswered(5.0, 2.0) == 3.0
    assert not flight.is_stalled(5.0)
    flight.sent(b"", 1.0)
    assert flight.is_stalled(5.0)
    flight.acknowledged(0, 4.0)
    assert flight.unanswered(5.0, 2.0) == 1.0


def test_of_a_link_that_acknowledges_nothing_nothing_is_said() -> None:
    flight = InFlight()
    flight.sent(b"x", 1.0)
    flight.acknowledged(None, 1.0)
    assert (flight.unanswered(9.0), flight.typed, flight.is_stalled(9.0)) == (0.0, [], False)
