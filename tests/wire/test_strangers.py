from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.strangers import SUMMARY_SECONDS, StrangerLines


def test_a_few_lines_and_then_their_number() -> None:
    lines = StrangerLines()
    assert [lines.note("turned away", "192.0.2.0/24", 5.0) for _ in range(100)] == [True] * 3 + [False] * 97
    assert lines.note("turned away", "198.51.100.0/24", 6.0)
    assert lines.note("a guest", "192.0.2.0/24", 6.0)
    assert lines.summaries(5.0 + SUMMARY_SECONDS - 0.1) == []
    assert lines.summaries(5.0 + SUMMARY_SECONDS) == ["turned away: 97 times more from 192.0.2.0/24 in 60 s"]
    assert lines.summaries(500.0) == []
    assert lines.note("turned away", "192.0.2.0/24", 501.0)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 5000), st.integers(1, 2000)), max_size=40))
def test_however_many_there_are_the_lines_are_few_and_none_goes_uncounted(
    events: list[tuple[str, int, int]],
) -> None:
    lines, written, happened = StrangerLines(), 0, 0
    for kind, first, count in events:
        for number in range(count):
            written += lines.note(kind, f"network {first + number}", 0.0)
            happened += 1
    assert len(lines._counts) <= 1024 + 2
    sums = lines.summaries(SUMMARY_SECONDS)
    assert written <= 60
    assert len(sums) <= 2 * 9
    assert written + sum(int(line.split(": ")[1].split()[0]) for line in sums) == happened
