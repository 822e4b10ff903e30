"""Waits of data that crosses two networks."""

from tests.support.network.journal import Event, Wait, on_the_way


def test_a_wait_begins_when_both_networks_are_back() -> None:
    waits = [Wait(0.7, "reset", 10.0), Wait(3.5, "reset", 20.5)]
    beyond = [
        Event(9.0, 1, "reset", 0),  # before the first
        Event(17.8, 2, "fin both", 0),
        Event(19.2, 3, "fin one", 0),
        Event(20.0, 4, "end", 0),  # by one of its ends, not by the network
        Event(20.6, 5, "reset", 0),  # data flowed already
    ]
    assert [round(wait.seconds, 6) for wait in on_the_way(waits, beyond)] == [0.7, 1.3]


def test_nothing_beyond_changes_nothing() -> None:
    waits = [Wait(0.7, "reset", 10.0)]
    assert [round(wait.seconds, 6) for wait in on_the_way(waits, [])] == [0.7]
