import pytest

from natpass_tui.links.desktop.keys import Latch
from natpass_tui.links.desktop.meter import Meter
from natpass_tui.links.desktop.request import DesktopRequest
from natpass_tui.links.desktop.status import latched, measures, rate


def test_rates_are_of_the_last_three_seconds() -> None:
    meter = Meter()
    for tenth in range(60):
        meter.received(1000, tenth / 10)
        meter.picture(tenth / 10)
    assert meter.frames_a_second(5.9) == pytest.approx(10)
    assert meter.bytes_a_second(5.9) == pytest.approx(10_000)
    assert meter.frames_a_second(60.0) == 0
    assert meter.bytes_a_second(60.0) == 0


def test_the_latency_is_from_a_key_to_the_next_picture() -> None:
    meter = Meter()
    assert meter.latency is None
    meter.picture(1.0)
    assert meter.latency is None
    meter.asked(2.0)
    meter.asked(2.05)  # the first of several counts
    meter.picture(2.08)
    assert meter.latency == pytest.approx(0.08)
    meter.picture(3.0)
    assert meter.latency == pytest.approx(0.08)
    meter.asked(4.0)  # nothing on the screen changed by it
    meter.picture(9.0)
    assert meter.latency == pytest.approx(0.08)


def test_the_line() -> None:
    meter = Meter()
    assert measures(None, 0.0, meter, DesktopRequest(), 0.0) == ("no picture yet",)
    meter.latency = 0.0634
    line = measures((1920, 1080), 0.104, meter, DesktopRequest(20, 80, cursor=True), 0.0)
    assert line == ("1920×1080", "10 %", " 0.0 of 20 fps", "   0 kB/s", "answers in 63 ms", "quality 80 · cursor")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 kB/s"), (87_400, "87 kB/s"), (999_499, "999 kB/s"), (999_500, "1.0 MB/s"), (1.25e7, "12.5 MB/s")],
)
def test_rates_in_words(value: float, text: str) -> None:
    assert rate(value) == text


def test_latched_modifiers_in_words() -> None:
    assert latched({"ctrl": Latch.NEXT, "cmd": Latch.HELD}) == ("Ctrl", "Super held")
