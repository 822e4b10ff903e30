"""Whether input that nobody typed still has its moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_agent.links.shell.moments import _MOST_READS, Moments
from natpass_wire.pb.shell_pb2 import ShellData

TYPED, ANSWER, SCREEN = ShellData.TYPED, ShellData.ANSWER, ShellData.SCREEN
PRESS, RELEASE = ShellData.PRESS, ShellData.RELEASE
SHELL, PROGRAM = 100, 200


def asked(at: float = 10.0, group: int | None = PROGRAM) -> Moments:
    """Return what is remembered when a program has said ten bytes."""
    moments = Moments()
    moments.read(10, group, at, drained=True)
    return moments


@pytest.mark.parametrize("source", [ANSWER, SCREEN, PRESS])
def test_what_reacts_to_what_was_just_said_is_taken(source: ShellData.Source) -> None:
    assert asked().takes(source, 10, PROGRAM, 10.3)


def test_an_answer_is_too_late_after_two_seconds() -> None:
    assert asked().takes(ANSWER, 10, PROGRAM, 11.9)
    assert not asked().takes(ANSWER, 10, PROGRAM, 12.1)


def test_a_click_is_for_a_screen_that_has_stood_still_for_long() -> None:
    moments = asked()
    assert moments.takes(PRESS, 10, PROGRAM, 500.0)
    moments.read(5, PROGRAM, 501.0, drained=True)  # the screen changes
    assert moments.takes(SCREEN, 10, PROGRAM, 502.9)
    assert not moments.takes(SCREEN, 10, PROGRAM, 503.1)
    assert moments.takes(SCREEN, 15, PROGRAM, 600.0)


@pytest.mark.parametrize("source", [ANSWER, SCREEN, PRESS])
def test_another_program_in_front_gets_nothing(source: ShellData.Source) -> None:
    assert not asked().takes(source, 10, SHELL, 10.1)
    came_and_went = asked()
    came_and_went.read(1, SHELL, 10.1, drained=True)
    came_and_went.read(1, PROGRAM, 10.2, drained=True)
    assert not came_and_went.takes(source, 10, PROGRAM, 10.3)
    assert came_and_went.takes(source, 12, PROGRAM, 10.3)


def test_where_groups_are_not_known_they_do_not_matter() -> None:
    assert asked(group=None).takes(ANSWER, 10, None, 10.1)
    assert asked(group=PROGRAM).takes(ANSWER, 10, None, 10.1)
    assert asked(group=None).takes(ANSWER, 10, PROGRAM, 10.1)


def test_an_answer_behind_an_interrupt_is_dropped_and_one_to_what_was_said_since_is_not() -> None:
    moments = asked()
    moments.interrupted(4, 10.1)
    assert not moments.takes(ANSWER, 10, PROGRAM, 10.2)
    moments.read(4, PROGRAM, 10.2, drained=False)  # it was in the pty before
    assert not moments.takes(ANSWER, 14, PROGRAM, 10.3)
    moments.read(4, PROGRAM, 10.2, drained=True)
    assert moments.takes(ANSWER, 18, PROGRAM, 10.3)


def test_a_program_that_takes_no_notice_of_an_interrupt_has_its_mouse_again() -> None:
    moments = asked()
    moments.interrupted(0, 20.0)
    assert not moments.takes(PRESS, 10, PROGRAM, 20.1)
    assert moments.takes(PRESS, 10, PROGRAM, 23.0)


def test_what_waited_in_the_pty_while_nobody_read_is_as_old_as_that() -> None:
    moments = asked(at=10.0)
    moments.reads_on(10.0, 20.0)
    moments.read(4096, SHELL, 20.0, drained=False)
    moments.read(4096, SHELL, 20.0, drained=True)
    moments.read(10, SHELL, 20.0, drained=True)
    assert not moments.takes(ANSWER, 10 + 4096, SHELL, 20.1)
    assert not moments.takes(ANSWER, 10 + 8192, SHELL, 20.1)
    assert moments.takes(ANSWER, 10 + 8192 + 10, SHELL, 20.1)


def test_a_flood_after_a_pause_is_not_old_for_ever() -> None:
    moments = asked(at=10.0)
    moments.reads_on(10.0, 20.0)
    for _ in range(17):
        moments.read(4096, PROGRAM, 20.0, drained=False)
    assert moments.takes(ANSWER, 10 + 17 * 4096, PROGRAM, 20.1)


def test_a_short_wait_for_the_network_ages_nothing() -> None:
    moments = asked(at=10.0)
    moments.reads_on(10.0, 10.4)
    moments.read(4, PROGRAM, 10.4, drained=True)
    assert moments.takes(ANSWER, 14, PROGRAM, 12.3)


def test_a_button_that_went_down_goes_up_however_late() -> None:
    moments = asked()
    assert moments.takes(PRESS, 10, PROGRAM, 10.1)
    moments.read(1, PROGRAM, 10.2, drained=True)
    assert not moments.takes(SCREEN, 10, PROGRAM, 30.0)  # a drag in between
    assert moments.takes(RELEASE, 10, PROGRAM, 30.0)
    assert not moments.takes(RELEASE, 10, PROGRAM, 30.0)  # once


def test_a_button_whose_press_was_dropped_does_not_go_up() -> None:
    moments = asked()
    assert not moments.takes(PRESS, 10, SHELL, 10.1)
    assert not moments.takes(RELEASE, 10, SHELL, 10.1)


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_button_does_not_go_up_for_another_program(is_interrupted: bool) -> None:
    moments = asked()
    assert moments.takes(PRESS, 10, PROGRAM, 10.1)
    if is_interrupted:
        moments.interrupted(0, 10.2)
    assert not moments.takes(RELEASE, 10, PROGRAM if is_interrupted else SHELL, 10.3)


def test_what_was_never_said_was_not_seen() -> None:
    assert not asked().takes(ANSWER, 11, PROGRAM, 10.1)
    assert not Moments().takes(SCREEN, 1, PROGRAM, 0.0)


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 3), st.floats(0, 0.2)), max_size=400))
def test_what_is_remembered_is_bounded_and_forgets_towards_dropping(reads: list[tuple[int, int, float]]) -> None:
    moments, now, position = Moments(), 0.0, 0
    ends: list[tuple[int, float]] = []
    for size, group, pause in reads:
        now += pause
        position += size
        moments.read(size, group, now, drained=True)
        ends.append((position, now))
        assert len(moments._reads) <= _MOST_READS
    for end, at in ends:
        if moments.takes(ANSWER, end, None, now):
            assert now - at <= 2.0
    assert all(moments.takes(TYPED, seen, 1, now + 1e6) for seen in (0, position, position + 1))


def test_of_two_buttons_each_goes_up() -> None:
    moments = asked()
    assert moments.takes(PRESS, 10, PROGRAM, 10.1)
    assert moments.takes(PRESS, 10, PROGRAM, 10.1)
    assert moments.takes(RELEASE, 10, PROGRAM, 99.0)
    assert moments.takes(RELEASE, 10, PROGRAM, 99.0)
    assert not moments.takes(RELEASE, 10, PROGRAM, 99.0)
