from natpass_wire.repeats import EVERY, MOST_LINES, Repeats


def test_the_same_text_is_said_once_a_minute_with_the_count() -> None:
    repeats = Repeats()
    assert repeats.note("no route", 0.0) == "no route"
    assert [repeats.note("no route", now) for now in (1.0, 30.0, EVERY - 0.1)] == [None, None, None]
    assert repeats.note("no route", EVERY) == "no route (3 times more since it was last said)"
    assert repeats.note("no route", EVERY + 1) is None


def test_another_text_is_news_and_two_in_turn_are_not() -> None:
    repeats = Repeats()
    assert repeats.note("a", 0.0) == "a"
    assert repeats.note("b", 1.0) == "b"
    assert repeats.note("a", 2.0) is None
    assert repeats.note("b", 3.0) is None


def test_after_a_success_everything_is_news() -> None:
    repeats = Repeats()
    repeats.note("a", 0.0)
    repeats.forget()
    assert repeats.note("a", 1.0) == "a"


def test_texts_that_differ_each_time_are_counted_as_well() -> None:
    """A peer may choose what is in them, such as a number."""
    repeats = Repeats()
    said = [repeats.note(f"text {number}", 0.0) for number in range(100)]
    assert said == [f"text {number}" for number in range(MOST_LINES)] + [None] * (100 - MOST_LINES)
    assert len(repeats._said) == MOST_LINES
    assert repeats.note("text 0", 1.0) is None
    assert repeats.note("later", EVERY) == f"later ({100 - MOST_LINES} lines like this were left out)"
    assert repeats.note(f"text {MOST_LINES - 1}", EVERY + 1) == f"text {MOST_LINES - 1}"
    assert len(repeats._said) == MOST_LINES
