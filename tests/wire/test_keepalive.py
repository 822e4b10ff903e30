"""Keepalive: only silence that we listened to counts, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.keepalive import STALL, Keepalive


def keepalive(silence: float = 15.0, interval: float = 5.0, now: float = 100.0) -> Keepalive:
    return Keepalive.start(now, interval, silence)


def test_a_peer_that_is_silent_is_given_up() -> None:
    ours = keepalive()
    for second in range(1, 15):
        ours.tick(100.0 + second)
        assert not ours.is_dead
    ours.tick(115.0)
    assert ours.is_dead


def test_any_byte_is_life() -> None:
    ours = keepalive()
    for second in range(1, 1000):
        ours.tick(100.0 + second)
        if second % 14 == 0:
            ours.received()
        assert not ours.is_dead


def test_silence_is_not_counted_while_we_do_not_listen() -> None:
    ours = keepalive()
    for second in range(1, 11):
        ours.tick(100.0 + second)
    ours.listening(False)
    for second in range(11, 500):
        ours.tick(100.0 + second)
    assert not ours.is_dead
    ours.listening(True)
    for second in range(500, 504):
        ours.tick(100.0 + second)
    assert not ours.is_dead
    ours.tick(604.0)
    assert ours.is_dead


def test_silence_is_not_counted_while_we_stood_still() -> None:
    ours = keepalive()
    for night in range(1, 50):
        ours.tick(100.0 + night * 3600)
    assert not ours.is_dead


def test_a_sign_of_life_is_due_after_the_interval() -> None:
    ours = keepalive()
    assert not ours.is_due(104.9)
    assert ours.is_due(105.0)
    ours.sent(105.0)
    assert not ours.is_due(109.9)
    assert ours.is_due(110.0)


def test_a_clock_that_jumps_back_does_not_stop_signs_of_life() -> None:
    ours = keepalive()
    ours.sent(1000.0)
    assert ours.is_due(100.0)
    ours.sent(100.0)
    assert not ours.is_due(104.0)


steps = st.lists(
    st.tuples(
        st.sampled_from(["tick", "tick", "tick", "received", "sent", "pause", "listen"]),
        st.one_of(st.floats(0, 2), st.floats(-1e9, 1e9)),
    ),
    max_size=200,
)


@given(steps, st.floats(1, 60))
def test_dead_means_that_we_listened_for_so_long_in_vain(steps: list[tuple[str, float]], silence: float) -> None:
    now, listening, counted = 100.0, True, 0.0
    ours = keepalive(silence)
    for what, passed in steps:
        match what:
            case "tick":
                now += passed
                ours.tick(now)
                if listening and 0 <= passed <= STALL * 1.000001:
                    counted += passed + 1e-6  # more than the clock's resolution after a jump
            case "received":
                ours.received()
                counted = 0.0
            case "sent":
                ours.sent(now)
                assert not ours.is_due(now)
            case "pause" | "listen":
                listening = what == "listen"
                ours.listening(listening)
        if ours.is_dead:
            assert counted >= silence * 0.99999
