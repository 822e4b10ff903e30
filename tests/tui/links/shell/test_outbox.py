"""Input that waits for its link."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.shell.outbox import ShellOutbox
from natpass_tui.terminal.source import InputSource


def drain(outbox: ShellOutbox, now: float, most: int = 1000) -> list[tuple[bytes, InputSource, int]]:
    taken = []
    while (piece := outbox.take(most, now)) is not None:
        taken.append((bytes(piece.data), piece.source, piece.seen))
    assert (bool(outbox), outbox.size) == (False, 0)
    return taken


def test_what_was_typed_and_what_was_not_are_never_one_piece() -> None:
    outbox = ShellOutbox()
    for data, source, seen in (
        (b"a", InputSource.TYPED, 0),
        (b"b", InputSource.TYPED, 0),
        (b"\x1b[1;1R", InputSource.ANSWER, 5),
        (b"\x1b[2;1R", InputSource.ANSWER, 5),
        (b"\x1b[3;1R", InputSource.ANSWER, 6),
        (b"c", InputSource.TYPED, 0),
    ):
        outbox.put(data, source, seen, 0.0)
    assert (b"".join(outbox.typed), outbox.size) == (b"abc", 21)
    assert drain(outbox, 0.1) == [
        (b"ab", InputSource.TYPED, 0),
        (b"\x1b[1;1R\x1b[2;1R", InputSource.ANSWER, 5),
        (b"\x1b[3;1R", InputSource.ANSWER, 6),
        (b"c", InputSource.TYPED, 0),
    ]


def test_what_nobody_typed_is_dropped_after_two_seconds_and_what_was_typed_never() -> None:
    outbox = ShellOutbox()
    outbox.put(b"a", InputSource.TYPED, 0, 0.0)
    outbox.put(b"\x1b[1;1R", InputSource.ANSWER, 5, 0.0)
    outbox.put(b"\x1b[I", InputSource.SCREEN, 5, 1.0)
    outbox.put(b"b", InputSource.TYPED, 0, 1.0)
    assert drain(outbox, 2.5) == [
        (b"a", InputSource.TYPED, 0),
        (b"\x1b[I", InputSource.SCREEN, 5),
        (b"b", InputSource.TYPED, 0),
    ]
    outbox.put(b"c", InputSource.TYPED, 0, 3.0)
    outbox.put(b"\x1b[O", InputSource.SCREEN, 5, 3.0)
    outbox.drop_moments()
    assert drain(outbox, 1e6) == [(b"c", InputSource.TYPED, 0)]


def test_a_release_shares_the_fate_of_its_press() -> None:
    outbox = ShellOutbox()
    outbox.put(b"press", InputSource.PRESS, 1, 0.0)
    assert drain(outbox, 0.1) == [(b"press", InputSource.PRESS, 1)]
    outbox.put(b"drag", InputSource.SCREEN, 1, 0.2)
    outbox.put(b"release", InputSource.RELEASE, 1, 0.2)
    assert drain(outbox, 9.0) == [(b"release", InputSource.RELEASE, 1)]  # its press was sent
    outbox.put(b"press", InputSource.PRESS, 1, 10.0)
    outbox.prune(13.0)
    outbox.put(b"release", InputSource.RELEASE, 1, 13.0)
    assert drain(outbox, 13.0) == []  # it was not
    outbox.put(b"press", InputSource.PRESS, 1, 14.0)
    outbox.put(b"release", InputSource.RELEASE, 1, 14.0)
    assert len(drain(outbox, 14.1)) == 2


def test_each_button_has_a_press_and_a_release_of_its_own() -> None:
    outbox = ShellOutbox()
    outbox.put(b"left down", InputSource.PRESS, 1, 0.0, 0)
    assert drain(outbox, 0.1) == [(b"left down", InputSource.PRESS, 1)]
    outbox.put(b"right down", InputSource.PRESS, 1, 0.2, 2)
    outbox.put(b"middle down", InputSource.PRESS, 1, 0.2, 1)
    outbox.prune(3.0)  # two presses are dropped
    outbox.put(b"left up", InputSource.RELEASE, 1, 3.0, 0)
    outbox.put(b"right up", InputSource.RELEASE, 1, 3.0, 2)
    outbox.put(b"middle up", InputSource.RELEASE, 1, 3.0, 1)
    assert drain(outbox, 3.0) == [(b"left up", InputSource.RELEASE, 1)]
    outbox.put(b"right down", InputSource.PRESS, 1, 4.0, 2)
    outbox.prune(7.0)
    outbox.put(b"right down", InputSource.PRESS, 1, 7.0, 2)  # its release was never seen
    outbox.put(b"right up", InputSource.RELEASE, 1, 7.0, 2)
    assert [data for data, _, _ in drain(outbox, 7.0)] == [b"right down", b"right up"]


_BUTTONS = st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.5, 3.0]), st.booleans())


@given(st.lists(_BUTTONS, max_size=40))
def test_a_button_goes_up_as_often_as_it_goes_down(events: list[tuple[int, float, bool]]) -> None:
    """Whichever buttons are down at once, and whatever waits for how long."""
    outbox, now, down = ShellOutbox(), 0.0, set[int]()
    sent: list[tuple[InputSource, bytes]] = []
    for button, passed, takes in [*events, *((button, 0.0, True) for button in range(3))]:
        now += passed
        source = InputSource.RELEASE if button in down else InputSource.PRESS
        down ^= {button}
        outbox.put(b"%d" % button, source, 1, now, button)
        if takes:
            sent += [(source, data) for data, source, _ in drain(outbox, now)]
    for button in down:
        outbox.put(b"%d" % button, InputSource.RELEASE, 1, now, button)
    sent += [(source, data) for data, source, _ in drain(outbox, now)]
    for button in range(3):
        of_it = [source for source, data in sent if data == b"%d" % button]
        assert of_it == [InputSource.PRESS, InputSource.RELEASE] * (len(of_it) // 2)


def test_taking_pieces_copies_only_these() -> None:
    outbox = ShellOutbox()
    outbox.put(bytes(4_000_000), InputSource.TYPED, 0, 0.0)
    tracemalloc.start()
    try:
        assert outbox.take(1000, 0.0) is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def test_an_answer_is_not_cut_in_two() -> None:
    outbox = ShellOutbox()
    answers = [b"\x1b]11;rgb:1010/1010/1010\x1b\\", b"\x1b[12;34R", b"\x1bP>|libghostty 1\x1b\\"]
    outbox.put(b"".join(answers), InputSource.ANSWER, 5, 0.0)
    pieces = [data for data, _, _ in drain(outbox, 0.0, most=28)]
    assert pieces == [answers[0], answers[1] + answers[2]]


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=20), st.sampled_from(InputSource))), st.integers(1, 30))
def test_nothing_is_lost_or_reordered_while_it_is_valid(puts: list[tuple[bytes, InputSource]], most: int) -> None:
    outbox = ShellOutbox()
    for data, source in puts:
        outbox.put(data, source, 1, 0.0)
    taken = drain(outbox, 1.0, most)
    assert b"".join(data for data, _, _ in taken) == b"".join(data for data, _ in puts)
    assert all(0 < len(data) <= most for data, _, _ in taken)
