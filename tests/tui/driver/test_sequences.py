"""What the user's terminal sends, taken apart: whatever comes, in whatever reads, nothing holds the keyboard."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from natpass_tui.driver.sequences import (
    KEY_IN_PASTE_DELAY,
    PASTE_DELAY,
    PASTE_END,
    PASTE_START,
    SEQUENCE_DELAY,
    SEQUENCE_LIMIT,
    SEQUENCE_SECONDS,
    Keys,
    Overlong,
    Paste,
    PasteRefused,
    Sequence,
    Splitter,
    Unit,
)
from natpass_tui.pastes import MOST_BYTES

ESCAPE_DELAY = 0.025
PREFIX = "\x1d"
#: The tests' numbers of seconds add up exactly.
MOMENT = 1 / 1024


class Typist:
    """Types into a splitter, and waits."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.splitter = Splitter(ESCAPE_DELAY, PREFIX, most)
        self.now = 0.0

    def types(self, text: str) -> list[Unit]:
        self.now += MOMENT
        return joined([*self.splitter.feed(text, self.now), *self.splitter.tick(self.now)])

    def waits(self, seconds: float) -> list[Unit]:
        self.now += seconds
        return joined(self.splitter.tick(self.now))


def joined(units: list[Unit]) -> list[Unit]:
    """Return the units with neighbouring keys in one: how keys are grouped is nobody's business."""
    found: list[Unit] = []
    for unit in units:
        if isinstance(unit, Keys) and found and isinstance(found[-1], Keys):
            found[-1] = Keys(found[-1].text + unit.text)
        else:
            found.append(unit)
    return found


@pytest.fixture
def typist() -> Typist:
    return Typist()


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[A", "\x1bOP", "\x1bO5P", "\x1b[1;5D", "\x1b[97:65;4u", "\x1b[1;1:3A", "\x1b[<0;3;4M", "\x1b[[A",
        "\x1b[M !!", "\x1b[3$", "\x1b[3^", "\x1b[?2026;2$y", "\x1b[?1;2c", "\x1b[I", "\x1ba", "\x1b\r", "\x1b\x7f",
        "\x1b]11;rgb:0000/0000/0000\x1b\\", "\x1b]52;c;YQ==\x07", "\x1bP>|xterm(390)\x1b\\", "\x1bP1+r524742=38\x1b\\",
        "\x1bP1$r0m\x1b\\", "\x1bP!|00000000\x1b\\", "\x1b_Gi=1;OK\x1b\\", "\x1b]lA title\x1b\\",
    ],
)  # fmt: skip
def test_a_sequence_is_one_whatever_reads_it_comes_in(sequence: str) -> None:
    for cut in range(1, len(sequence)):
        typist = Typist()
        units = [*typist.types(f"x{sequence[:cut]}"), *typist.types(f"{sequence[cut:]}y")]
        assert units == [Keys("x"), Sequence(sequence), Keys("y")]
    assert Typist().types(sequence * 2) == [Sequence(sequence)] * 2


@pytest.mark.parametrize(
    "text", ["\x1bP:wq\r", "\x1b]d$", "\x1b_x", "\x1b^x", "\x1bXu", "\x1b[\r", "\x1bO\r", "\x1b[1;5\x7fx", "\x1bPw"]
)
def test_what_no_terminal_answers_is_typed_at_once(typist: Typist, text: str) -> None:
    *found, last = typist.types(f"{text}\x1b[A")
    assert typed(found) == text
    assert last == Sequence("\x1b[A")


def typed(units: list[Unit]) -> str:
    assert all(isinstance(unit, Keys | Sequence) for unit in units)
    return "".join(unit.text for unit in units if isinstance(unit, Keys | Sequence))


@pytest.mark.parametrize("introducer", "[O]P_^X")
def test_an_introducer_alone_is_a_key_within_alt(typist: Typist, introducer: str) -> None:
    found = typist.types(f"\x1b{introducer}") + typist.waits(ESCAPE_DELAY)
    assert found == [Sequence(f"\x1b{introducer}")]
    assert typist.types("ls") == [Keys("ls")]


def test_an_escape_is_one_after_its_delay(typist: Typist) -> None:
    assert typist.types("\x1b") == []
    assert typist.waits(ESCAPE_DELAY - MOMENT) == []
    assert typist.waits(2 * MOMENT) == [Keys("\x1b")]
    assert typist.splitter.due is None


@pytest.mark.parametrize(
    "begun", ["\x1b[1;", "\x1b]11;rgb", "\x1bP1+r", "\x1b_Gi", "\x1b]11;x\x1b", "\x1bO5", "\x1b[M "]
)
def test_a_sequence_that_stops_is_typed(typist: Typist, begun: str) -> None:
    assert typist.types(begun) == []
    assert typist.waits(SEQUENCE_DELAY - MOMENT) == []
    assert typist.waits(MOMENT) == [Keys(begun)]
    assert typist.types("ls\r") == [Keys("ls\r")]


@pytest.mark.parametrize("begun", ["\x1b[1;", "\x1b]11;rgb", "\x1bP1+r"])
def test_who_types_into_a_sequence_is_heard_in_time(typist: Typist, begun: str) -> None:
    found = typist.types(begun)
    for _ in range(int(SEQUENCE_SECONDS / 0.125)):
        found += typist.types("1") + typist.waits(0.125)
    assert any(isinstance(unit, Keys) for unit in found)


@pytest.mark.parametrize(
    "begun", ["\x1b", "\x1b[", "\x1b[1;", "\x1b]", "\x1b]11;r", "\x1bP", "\x1bP1+r", "\x1b_G", "\x1bO", "\x1b[M "]
)
@pytest.mark.parametrize("together", [True, False])
def test_the_prefix_is_heard_inside_of_every_sequence(typist: Typist, begun: str, together: bool) -> None:
    found = typist.types(begun + PREFIX) if together else typist.types(begun) + typist.types(PREFIX)
    assert joined(found) == [Keys(begun + PREFIX)]
    assert typist.types("n") == [Keys("n")]


# Pastes.


def test_a_paste_is_one_whatever_reads_it_comes_in() -> None:
    text = "one\x1b[31m \x1d\x03\x1b\r\ntwo\x1b[201"
    whole = f"{PASTE_START}{text}{PASTE_END}"
    for cut in range(1, len(whole)):
        typist = Typist()
        assert typist.types(f"x{whole[:cut]}") + typist.types(f"{whole[cut:]}y") == [Keys("x"), Paste(text), Keys("y")]


def test_a_paste_that_keeps_arriving_is_not_cut(typist: Typist) -> None:
    found = typist.types(PASTE_START)
    for _ in range(100):
        found += typist.types("some lines\r") + typist.waits(PASTE_DELAY * 0.9)
    assert found + typist.types(PASTE_END) == [Paste("some lines\r" * 100)]


def test_a_paste_that_stops_is_delivered_and_keys_are_keys_again(typist: Typist) -> None:
    assert typist.types(f"{PASTE_START}a\x1b[20") == []
    assert typist.waits(PASTE_DELAY) == [Paste("a\x1b[20")]
    assert typist.types("ls\r") == [Keys("ls\r")]
    assert typist.types("\x1b[A") == [Sequence("\x1b[A")]


def test_a_paste_that_never_began_holds_nothing(typist: Typist) -> None:
    assert typist.types(PASTE_START) == []
    assert typist.waits(PASTE_DELAY) == []
    assert typist.types("ls\r") == [Keys("ls\r")]


@pytest.mark.parametrize("key", [PREFIX, "\x03", "\x1b[93;5u", "\x1b[A"])
def test_a_key_in_a_paste_that_stands_still_is_a_key(typist: Typist, key: str) -> None:
    assert typist.types(f"{PASTE_START}text") == []
    assert typist.waits(KEY_IN_PASTE_DELAY) == []
    assert typist.types(f"{key}") == [Paste("text"), Keys(key) if len(key) == 1 else Sequence(key)]
    assert typist.types("n") == [Keys("n")]


def test_the_prefix_in_a_paste_that_stands_still_is_heard_with_the_key_behind_it(typist: Typist) -> None:
    assert typist.types(f"{PASTE_START}text") == []
    assert typist.waits(KEY_IN_PASTE_DELAY) == []
    assert typist.types(f"{PREFIX}?") == [Paste("text"), Keys(f"{PREFIX}?")]


def test_a_control_in_a_paste_that_arrives_is_text(typist: Typist) -> None:
    found = typist.types(PASTE_START) + typist.types("a") + typist.types(PREFIX) + typist.types(f"q{PASTE_END}")
    assert found == [Paste(f"a{PREFIX}q")]


def test_the_rest_of_a_paste_that_stood_still_is_pasted_not_typed(typist: Typist) -> None:
    assert typist.types(f"{PASTE_START}first\r") == []
    assert typist.waits(PASTE_DELAY) == [Paste("first\r")]
    more = "rm -rf everything\r" * 10
    assert typist.types(more) + typist.types(f"the end{PASTE_END}x") == [Paste(f"{more}the end"), Keys("x")]
    assert typist.types("y" * 100) == [Keys("y" * 100)]


@pytest.mark.parametrize("text", ["x" * 100, "é" * 50], ids=["ascii", "of two bytes"])
def test_a_paste_of_the_most_bytes_is_taken_whole_and_a_larger_one_refused_whole(text: str) -> None:
    typist = Typist(most=100)
    assert typist.types(PASTE_START + text[:60]) + typist.types(f"{text[60:]}{PASTE_END}y") == [Paste(text), Keys("y")]
    found = typist.types(PASTE_START + text) + typist.types("z" * 10)
    assert found == [PasteRefused(105, 0, is_whole=False)]  # what may begin the mark of the end is not counted yet
    assert typist.types("z" * 1000) == []
    assert typist.types(f"{PASTE_END}y") == [PasteRefused(1110, 0, is_whole=True), Keys("y")]
    assert typist.types(f"{PASTE_START}a{PASTE_END}") == [Paste("a")]


def test_the_rest_of_a_refused_paste_that_stood_still_is_refused_too() -> None:
    typist = Typist(most=100)
    assert typist.types(PASTE_START + "x" * 200) == [PasteRefused(195, 0, is_whole=False)]
    assert typist.waits(PASTE_DELAY) == [PasteRefused(200, 0, is_whole=True)]
    assert typist.types("rm -rf everything\r" * 10) == []
    assert typist.types(f"end{PASTE_END}x") == [PasteRefused(383, 0, is_whole=True), Keys("x")]


def test_of_a_paste_that_stood_still_before_it_was_too_large_it_is_said_how_much_was_given() -> None:
    typist = Typist(most=100)
    assert typist.types(PASTE_START + "x" * 90) == []
    assert typist.waits(PASTE_DELAY) == [Paste("x" * 90)]
    assert typist.types("y" * 80) == [PasteRefused(165, 90, is_whole=False)]
    assert typist.types(PASTE_END) == [PasteRefused(170, 90, is_whole=True)]


# What is too long.


@pytest.mark.parametrize("end", ["\x1b\\", "\x07"])
def test_an_overlong_answer_is_dropped_whole(typist: Typist, end: str) -> None:
    found = typist.types("\x1b]52;c;" + "A" * SEQUENCE_LIMIT) + typist.types("A" * 1000) + typist.types(f"B{end}ls")
    assert found == [Overlong(), Keys("ls")]


def test_an_overlong_answer_without_an_end_holds_nothing(typist: Typist) -> None:
    assert typist.types("\x1b[" + "1" * SEQUENCE_LIMIT) == []
    assert typist.waits(SEQUENCE_DELAY) == [Overlong()]
    assert typist.types("ls") == [Keys("ls")]


# Whatever comes.

PIECES = st.one_of(
    st.sampled_from(
        [PASTE_START, PASTE_END, "\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1bO", "\x07"]
    ),
    st.sampled_from(
        ["\x1b\\", "\x9c", PREFIX, "\x03", "\r", "a", "é", "中", "\x1b[M", "\x1b[[", ";", ":", "1", "u", "~"]
    ),
    st.text(max_size=4),
    st.from_regex(r"\x1b\[[<=>?]?[0-9:;]{0,12}[ -/]?[@-~]", fullmatch=True),
)
READS = st.lists(st.tuples(st.lists(PIECES, max_size=5).map("".join), st.sampled_from([0.0, 0.03, 0.15, 0.3, 1.5])))


@given(READS)
@example([("\x1b", 0.03), ("[", 0.0), ("200~\x1d", 0.15)])
def test_nothing_is_lost_and_nothing_is_held(reads: list[tuple[str, float]]) -> None:
    typist = Typist()
    found: list[Unit] = []
    for text, seconds in reads:
        found += typist.types(text) + typist.waits(seconds)
    found += typist.waits(max(SEQUENCE_SECONDS, PASTE_DELAY))
    assert typist.splitter.due is None
    assert typist.types("z\r") == [Keys("z\r")]
    assert not typist.waits(10.0)
    given_text = "".join(text for text, _ in reads)
    kept = "".join("" if isinstance(unit, Overlong | PasteRefused) else unit.text for unit in found)
    for mark in (PASTE_START, PASTE_END):
        given_text, kept = given_text.replace(mark, ""), kept.replace(mark, "")
    assert kept == given_text
