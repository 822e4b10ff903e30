"""Input that waits for its link."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.shell.outbox import Outbox
from natpass_tui.terminal.source import Source


def drain(outbox: Outbox, now: float, most: int = 1000) -> list[tuple[bytes, Source, int]]:
    taken = []
    while (piece := outbox.take(most, now)) is not None:
        taken.append((bytes(piece.data), piece.source, piece.seen))
    assert (bool(outbox), outbox.size) == (False, 0)
    return taken


def test_what_was_typed_and_what_was_not_are_never_one_piece() -> None:
    outbox = Outbox()
    for data, source, seen in (
        (b"a", Source.TYPED, 0),
        (b"b", Source.TYPED, 0),
        (b"\x1b[1;1R", Source.ANSWER, 5),
        (b"\x1b[2;1R", Source.ANSWER, 5),
        (b"\x1b[3;1R", Source.ANSWER, 6),
        (b"c", Source.TYPED, 0),
    ):
        outbox.put(data, source, seen, 0.0)
    assert (outbox.typed, outbox.size) == (b"abc", 21)
    assert drain(outbox, 0.1) == [
        (b"ab", Source.TYPED, 0),
        (b"\x1b[1;1R\x1b[2;1R", Source.ANSWER, 5),
        (b"\x1b[3;1R", Source.ANSWER, 6),
        (b"c", Source.TYPED, 0),
    ]


def test_what_nobody_typed_is_dropped_after_two_seconds_and_what_was_typed_never() -> None:
    outbox = Outbox()
    outbox.put(b"a", Source.TYPED, 0, 0.0)
    outbox.put(b"\x1b[1;1R", Source.ANSWER, 5, 0.0)
    outbox.put(b"\x1b[I", Source.SCREEN, 5, 1.0)
    outbox.put(b"b", Source.TYPED, 0, 1.0)
    assert drain(outbox, 2.5) == [(b"a", Source.TYPED, 0), (b"\x1b[I", Source.SCREEN, 5), (b"b", Source.TYPED, 0)]
    outbox.put(b"c", Source.TYPED, 0, 3.0)
    outbox.put(b"\x1b[O", Source.SCREEN, 5, 3.0)
    outbox.drop_moments()
    assert drain(outbox, 1e6) == [(b"c", Source.TYPED, 0)]


def test_a_release_shares_the_fate_of_its_press() -> None:
    outbox = Outbox()
    outbox.put(b"press", Source.PRESS, 1, 0.0)
    assert drain(outbox, 0.1) == [(b"press", Source.PRESS, 1)]
    outbox.put(b"drag", Source.SCREEN, 1, 0.2)
    outbox.put(b"release", Source.RELEASE, 1, 0.2)
    assert drain(outbox, 9.0) == [(b"release", Source.RELEASE, 1)]  # its press was sent
    outbox.put(b"press", Source.PRESS, 1, 10.0)
    outbox.prune(13.0)
    outbox.put(b"release", Source.RELEASE, 1, 13.0)
    assert drain(outbox, 13.0) == []  # it was not
    outbox.put(b"press", Source.PRESS, 1, 14.0)
    outbox.put(b"release", Source.RELEASE, 1, 14.0)
    assert len(drain(outbox, 14.1)) == 2


def test_an_answer_is_not_cut_in_two() -> None:
    outbox = Outbox()
    answers = [b"\x1b]11;rgb:1010/1010/1010\x1b\\", b"\x1b[12;34R", b"\x1bP>|libghostty 1\x1b\\"]
    outbox.put(b"".join(answers), Source.ANSWER, 5, 0.0)
    pieces = [data for data, _, _ in drain(outbox, 0.0, most=28)]
    assert pieces == [answers[0], answers[1] + answers[2]]


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=20), st.sampled_from(Source))), st.integers(1, 30))
def test_nothing_is_lost_or_reordered_while_it_is_valid(puts: list[tuple[bytes, Source]], most: int) -> None:
    outbox = Outbox()
    for data, source in puts:
        outbox.put(data, source, 1, 0.0)
    taken = drain(outbox, 1.0, most)
    assert b"".join(data for data, _, _ in taken) == b"".join(data for data, _ in puts)
    assert all(0 < len(data) <= most for data, _, _ in taken)
