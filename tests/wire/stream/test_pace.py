"""How the window of a sender follows a line of known rate and delay."""

import random
from collections import deque

import pytest

from natpass_wire.stream.pace import INITIAL, LEAST, MOST_TARGET, PAUSE_SECONDS, SendPace

MOST = 8 * 1024 * 1024


class Line:
    """A bottleneck of `rate` units a second with a queue, and `delay` seconds there and back.

    `jitter`: the mean of what each record takes longer, exponentially distributed; none overtakes another one.
    """

    def __init__(self, rate: float, delay: float, jitter: float = 0.0) -> None:
        self.pace = SendPace(MOST)
        self.rate, self.delay, self.jitter = rate, delay, jitter
        self._random = random.Random(1)
        self._newest_at = 0.0
        self.now = 0.0
        self.sent = self.acked = 0
        self.busiest = 0  # units on the way at most
        self._free_at = 0.0
        self._way: deque[tuple[float, float, int]] = deque()  # arrives at, sent at, position behind

    def send(self, size: int) -> bool:
        if not self.pace.allows(self.sent - self.acked, size, self.now):
            return False
        self.sent += size
        self.busiest = max(self.busiest, self.sent - self.acked)
        self._free_at = max(self._free_at, self.now) + size / self.rate
        late = self._random.expovariate(1 / self.jitter) if self.jitter else 0.0
        self._newest_at = max(self._newest_at, self._free_at + self.delay + late)
        self._way.append((self._newest_at, self.now, self.sent))
        return True

    def acknowledge(self) -> None:
        """Let the time come at which the next record is acknowledged."""
        self.now, sent_at, self.acked = self._way.popleft()
        self.pace.acknowledged(self.now - sent_at, self.acked, self.sent, self.now)

    def press_keys(self, keys: int) -> None:
        for _ in range(keys):
            self.send(70)
            self.acknowledge()

    def flood(self, seconds: float) -> int:
        """Send as much as is allowed; return what was acknowledged."""
        until, before = self.now + seconds, self.acked
        while self.now < until:
            while self.send(min(self.pace.content, 60 * 1024) + 64):
                pass
            self.acknowledge()
        return self.acked - before


LINES = [(20_000, 0.3), (250_000, 0.05), (2_500_000, 0.01), (12_500_000, 0.3), (100_000_000, 0.0002)]


@pytest.mark.parametrize(("rate", "delay"), LINES)
def test_the_line_is_used_and_little_stands_in_front_of_it(rate: float, delay: float) -> None:
    line = Line(rate, delay)
    line.press_keys(3)
    line.flood(20.0)
    line.busiest = 0
    got = line.flood(10.0)
    assert got >= 0.85 * rate * 10.0
    standing = line.busiest / rate - delay
    assert standing <= MOST_TARGET + max(delay / 4, line.pace.content / rate * 4)


@pytest.mark.parametrize(
    ("rate", "delay", "jitter"),
    [(12_500_000, 0.002, 0.003), (12_500_000, 0.010, 0.005), (2_500_000, 0.020, 0.010), (1_000_000, 0.050, 0.020)],
)
def test_an_unsteady_line_is_used(rate: float, delay: float, jitter: float) -> None:
    """Wi-Fi, a train: late packets are no queue of ours."""
    line = Line(rate, delay, jitter)
    line.press_keys(3)
    line.flood(20.0)
    assert line.flood(10.0) >= 0.75 * rate * 10.0


def test_a_machine_that_becomes_busy_keeps_its_records_long() -> None:
    """Loopback: every round trip takes 10 ms more, whatever the window is. Short records would cost more work."""
    line = Line(30_000_000, 0.0002)
    line.flood(5.0)
    line.delay = 0.010
    line.flood(5.0)
    assert line.pace.content >= 16 * 1024


@pytest.mark.parametrize("seconds", [0.0, 0.31, 0.5, 1.0, 2.0, 5.0, 12.0])
def test_a_flood_that_begins_behind_a_key_press_never_has_more_than_the_first_window_on_its_way(seconds: float) -> None:
    """20 KB/s and 300 ms: what is on its way when Ctrl+C comes has to be shown before the prompt is."""
    line = Line(20_000, 0.3)
    line.press_keys(20)
    line.send(70)  # the echo of Enter
    line.flood(seconds)
    assert line.busiest <= INITIAL + 70


def test_a_sender_that_was_not_held_back_learns_nothing_of_a_larger_window() -> None:
    line = Line(1e6, 0.05)
    line.press_keys(200)
    assert line.pace.window == INITIAL


def test_a_quick_answer_at_the_head_of_a_flood_does_not_open_the_window() -> None:
    """An echo, and the flood behind it: the first round trip of the round is the base, the last one is far above."""
    line = Line(20_000, 0.3)
    for _ in range(2):
        line.send(70)
    while line.send(line.pace.content + 64):
        pass
    while line.acked < line.sent:
        line.acknowledge()
    assert line.pace.window < 1.4 * INITIAL


@pytest.mark.parametrize("window", [INITIAL, 3 * INITIAL, 100 * INITIAL])
def test_as_many_records_fit_the_window_as_it_has_parts(window: int) -> None:
    pace = SendPace(MOST, window)
    assert window / (pace.content + 64 + 30) < 4.2
    assert 4 * (pace.content + 64 + 30) <= window


def test_after_a_pause_it_starts_anew() -> None:
    line = Line(10e6, 0.1)
    line.flood(5.0)
    assert line.pace.window > 4 * INITIAL
    while line.acked < line.sent:
        line.acknowledge()
    line.now += PAUSE_SECONDS + 0.1
    assert line.send(100)
    assert line.pace.window == INITIAL


def test_a_line_that_becomes_longer_is_known_within_two_periods() -> None:
    line = Line(1_000_000, 0.05)
    line.flood(15.0)
    line.delay = 0.3
    line.flood(25.0)
    assert line.pace.base == pytest.approx(0.3, abs=0.05)
    assert line.flood(10.0) >= 0.8 * 10_000_000


def test_a_line_that_becomes_slow_is_followed_down() -> None:
    line = Line(2_500_000, 0.1)
    line.flood(5.0)
    line.rate = 20_000
    line.flood(60.0)
    assert LEAST <= line.pace.window <= INITIAL


def test_a_queue_that_is_certain_is_made_shorter() -> None:
    """The line was fast within this period, so its rate is still known; what stands in front of it now is felt."""
    line = Line(30_000_000, 0.001)
    line.flood(1.0)
    line.rate = 100_000
    line.flood(3.5)
    assert line.pace.window / line.rate <= 3 * MOST_TARGET


def test_one_record_always_may_go_however_large() -> None:
    assert SendPace(MOST).allows(0, 10 * MOST, 0.0)
