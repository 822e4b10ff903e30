"""Which address of a name is tried when."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.race import ATTEMPT_DELAY, MOST_ATTEMPTS, Address, Experience, Race, explain, in_order, names

V4, V6 = 2, 10
A, B, C = (Address(V4, f"192.0.2.{number}", 1) for number in (1, 2, 3))
X, Y = (Address(V6, f"2001:db8::{number}", 1) for number in (1, 2))

addresses = st.lists(
    st.builds(Address, st.sampled_from([V4, V6]), st.sampled_from("abcdefghijklmnopqrstuvwxyz"), st.just(1)),
    unique=True,
)


def test_families_take_turns_beginning_with_the_systems_favourite() -> None:
    assert in_order([X, Y, A, B, C], Experience()) == [X, A, Y, B, C]
    assert in_order([A, B, X], Experience()) == [A, X, B]
    assert in_order([A, A, X], Experience()) == [A, X]


def test_the_last_good_one_comes_first_and_the_doubtful_last() -> None:
    experience = Experience()
    experience.failed(X)
    assert in_order([X, A, B], experience) == [A, B, X]
    experience.worked(B)
    assert in_order([X, A, B], experience) == [B, X, A]
    experience.failed(B)
    assert in_order([X, A, B], experience) == [X, A, B]
    assert in_order([X, A], experience) == [X, A]  # the good one is no longer among them


@given(addresses, st.integers(0, 30))
def test_an_order_loses_nobody(found: list[Address], which: int) -> None:
    experience = Experience()
    for address in found[::2]:
        experience.failed(address)
    if found:
        experience.worked(found[which % len(found)])
    assert sorted(in_order(found, experience), key=repr) == sorted(found, key=repr)


def test_what_is_known_of_addresses_is_bounded() -> None:
    experience = Experience()
    for number in range(1000):
        experience.failed(Address(V6, str(number), 1))
    assert len(experience.doubtful) <= MOST_ATTEMPTS


def test_the_next_one_starts_after_a_quarter_of_a_second_while_the_first_goes_on() -> None:
    race = Race([X, A, B])
    assert race.pause(100.0) == 0.0
    assert race.start(100.0) == X
    assert race.start(100.0) is None
    assert race.pause(100.0) == ATTEMPT_DELAY == 0.25
    assert race.start(100.2) is None
    assert race.start(100.25) == A
    assert race.pause(100.25) == ATTEMPT_DELAY
    race.failed(X)
    assert not race.is_lost


def test_who_fails_lets_the_next_one_go_at_once() -> None:
    race = Race([X, A])
    assert race.start(5.0) == X
    race.failed(X)
    assert race.pause(5.0) == 0.0
    assert race.start(5.0) == A
    assert race.pause(5.0) is None
    assert not race.is_lost
    race.failed(A)
    assert race.is_lost


@given(addresses, st.data())
def test_every_address_is_tried_once_and_only_then_all_is_lost(found: list[Address], data: st.DataObject) -> None:
    race, tried, running, now = Race(found), [], [], 0.0
    while not race.is_lost:
        while (address := race.start(now)) is not None:
            tried.append(address)
            running.append(address)
        pause = race.pause(now)
        if running and (pause is None or data.draw(st.booleans())):
            race.failed(running.pop(data.draw(st.integers(0, len(running) - 1))))
        else:
            assert pause is not None
            now += pause
    assert tried == found[:MOST_ATTEMPTS]


def test_a_name_with_very_many_addresses_costs_a_bounded_number_of_attempts() -> None:
    many = [Address(V6, str(number), 1) for number in range(1000)]
    race = Race(many)
    for address in many[:MOST_ATTEMPTS]:
        assert race.start(0.0) == address
        race.failed(address)
    assert race.is_lost


def test_an_error_names_four_addresses_and_counts_the_others() -> None:
    reasons = {A: "refused", X: "no answer"}
    assert explain(reasons) == "192.0.2.1: refused; 2001:db8::1: no answer"
    assert explain(reasons, [B, C]) == "192.0.2.1: refused; 2001:db8::1: no answer and 2 more"
    many = {Address(V6, str(number), 1): "no" for number in range(7)}
    assert explain(many) == "0: no; 1: no; 2: no; 3: no and 3 more"
    assert names([A, X]) == "192.0.2.1, 2001:db8::1"
    assert names(list(many)) == "0, 1, 2, 3 and 3 more"
