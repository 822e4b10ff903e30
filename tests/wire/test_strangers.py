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


def test_an_owner_of_many_networks_does_not_take_all_lines() -> None:
    lines = StrangerLines(most_of_all=6000)
    for number in range(3000):
        for _ in range(100):
            lines.note("logged in", f"10.{number // 256}.{number % 256}.0/24", 0.0, 240, f"10.{number // 2048}.0.0/16")
    others = [lines.note("logged in", "192.0.2.0/24", 1.0, 240, "192.0.0.0/16") for _ in range(500)]
    assert all(others[:4]), "the first lines of a network of somebody else"
    assert sum(others) > 240 // 4
    assert lines.note("logged in", "198.51.100.0/24", 1.0, 240, "198.51.0.0/16")


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3000), st.integers(1, 300)), max_size=30))
def test_whoever_the_owners_are_the_lines_and_what_is_remembered_have_a_bound(
    events: list[tuple[int, int, int]],
) -> None:
    lines, written = StrangerLines(200), 0
    for owner, first, count in events:
        for number in range(count):
            written += lines.note("x", f"{owner}.{first + number}", 0.0, 50, f"owner {owner}")
    assert written <= 200
    assert len(lines._counts) <= 1024 + 2
    assert len(lines._owners) <= 1024 + 1
