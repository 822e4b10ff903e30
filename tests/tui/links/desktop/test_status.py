import pytest

from natpass_tui.links.desktop.keys import Latch
from natpass_tui.links.desktop.meter import Meter
from natpass_tui.links.desktop.request import DesktopRequest
from natpass_tui.links.desktop.status import latched, measures, rate


def test_rates_are_of_the_last_three_seconds() -> None:
    meter = Meter()
    assert meter.frames_a_second(0.0) is None  # nobody has said where a frame ends
    for tenth in range(60):
        meter.received(1000, tenth / 10)
        meter.frame(0, 5, tenth / 10)
        meter.frame(0, 0, tenth / 10)  # nothing had changed
    assert meter.frames_a_second(5.9) == pytest.approx(10)
    assert meter.bytes_a_second(5.9) == pytest.approx(10_000)
    assert meter.frames_a_second(60.0) == 0
    assert meter.bytes_a_second(60.0) == 0


def test_the_latency_is_from_a_key_to_the_picture_that_was_taken_after_it() -> None:
    meter = Meter()
    meter.frame(0, 3, 1.0)
    assert meter.latency is None
    mark = meter.asked(2.0)
    assert mark
    assert meter.asked(2.05) == 0  # the first of several counts
    meter.frame(0, 3, 2.014)  # a picture that was on its way
    meter.frame(mark - 1, 3, 2.1)
    assert meter.latency is None
    meter.frame(mark, 3, 2.3)
    assert meter.latency == pytest.approx(0.3)
    mark = meter.asked(4.0)
    meter.frame(mark, 0, 4.3)  # nothing on the screen changed by it
    assert meter.latency == pytest.approx(0.3)
    mark = meter.asked(5.0)
    assert meter.asked(15.1) == mark + 1  # an outage came between
    meter.frame(mark, 1, 15.2)
    assert meter.latency == pytest.approx(0.3)
    meter.restart()
    assert meter.latency is None
    assert meter.frames_a_second(15.2) is None


def test_the_line() -> None:
    meter = Meter()
    size, request = (1920, 1080), DesktopRequest(20, 80, cursor=True)
    assert measures(None, 0.0, meter, DesktopRequest(), 0.0, waited=4.9) == ("no picture yet",)
    (hint,) = measures(None, 0.0, meter, DesktopRequest(), 0.0, waited=12.0)
    assert hint.startswith("no picture after 12 s: is there a screen")
    # An agent that does not mark its frames: what can't be measured is not shown.
    assert measures(size, 0.104, meter, request, 0.0) == ("1920×1080", "10 %", "   0 kB/s", "quality 80 · cursor")
    meter.frame(meter.asked(0.0), 1, 0.0634)
    line = measures(size, 0.104, meter, request, 0.0634)
    frames = " 0.3 fps (at most 20)"
    assert line == ("1920×1080", "10 %", frames, "   0 kB/s", "answers in 63 ms", "quality 80 · cursor")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 kB/s"), (87_400, "87 kB/s"), (999_499, "999 kB/s"), (999_500, "1.0 MB/s"), (1.25e7, "12.5 MB/s")],
)
def test_rates_in_words(value: float, text: str) -> None:
    assert rate(value) == text


def test_latched_modifiers_in_words() -> None:
    assert latched({"ctrl": Latch.NEXT, "cmd": Latch.HELD}) == ("Ctrl", "Super held")


def test_late_frames_that_arrive_in_a_bunch_are_no_higher_rate_than_was_asked_for() -> None:
    meter = Meter()
    for number in range(34):
        meter.frame(0, 1, 5.0 + number / 100)
    assert " 2.0 fps (at most 2)" in measures((10, 10), 1.0, meter, DesktopRequest(fps=2), 5.5)[2]
    assert "10.0 fps (at most 10)" in measures((10, 10), 1.0, meter, DesktopRequest(fps=10), 5.5)[2]
