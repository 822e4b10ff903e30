"""The figures of a bench, and what is told of them."""

import io
import json
import math

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from natpass_tui.links.bench.report import BenchReport, Times, Transfer, percentile, shown_rate, shown_time
from natpass_tui.links.bench.table import renderable

SECONDS = st.floats(0, 1e5, allow_nan=False)
SAMPLES = st.lists(SECONDS, max_size=40)
TIMES = st.builds(Times, SAMPLES)
TRANSFERS = st.builds(Transfer, st.integers(0, 1 << 50), SECONDS, SECONDS, TIMES)
REPORTS = st.builds(
    BenchReport,
    agent=st.just("web1"),
    relay=st.just("relay:6154"),
    is_sealed=st.booleans(),
    start=st.none() | SECONDS,
    opening=st.none() | SECONDS,
    to_relay=TIMES,
    beyond=st.none() | SECONDS,
    idle=TIMES,
    idle_cpu=SECONDS,
    down=TRANSFERS,
    up=TRANSFERS,
    resumes=st.integers(0, 9),
    stopped=st.sampled_from(["", "interrupted"]),
)


def text(report: BenchReport) -> str:
    out = io.StringIO()
    Console(file=out, width=80, highlight=False).print(renderable(report))
    return out.getvalue()


@given(SAMPLES.filter(bool), st.floats(0, 100))
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(samples: list[float], percent: float) -> None:
    found = percentile(samples, percent)
    assert found in samples
    assert sum(sample <= found for sample in samples) * 100 >= percent * len(samples) * (1 - 1e-9)
    below = sum(sample < found for sample in samples)
    assert below == 0 or below * 100 < percent * len(samples)


def test_percentiles_of_few_samples() -> None:
    assert percentile([], 50) is None
    assert percentile([3.0], 99) == 3.0
    assert percentile([float(number) for number in range(1, 101)], 99) == 99.0
    assert percentile([float(number) for number in range(1, 101)], 50) == 50.0
    assert (Times([1.0, 2.0, 9.0]).p50, Times([1.0, 2.0, 9.0]).p99) == (2.0, 9.0)


@given(REPORTS)
def test_every_report_is_json_and_a_text_without_escapes(report: BenchReport) -> None:
    found = json.loads(json.dumps(report.as_object(), allow_nan=False))
    assert found["echo_idle"]["samples"] == len(report.idle.samples)
    assert (found["down"]["bytes_per_second"] is None) == (report.down.rate is None)
    shown = text(report)
    assert "\x1b" not in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert ("stopped early" in shown) == bool(report.stopped)
    assert ("not sealed" in shown) != report.is_sealed


@given(REPORTS)
def test_the_parts_of_an_echo_add_up_and_are_never_negative_or_guessed(report: BenchReport) -> None:
    seconds = [part.seconds for part in report.parts]
    echo, near = report.idle.p50, report.to_relay.p50
    if echo is None or near is None:
        assert seconds == [near, None]
        return
    known = [each for each in seconds if each is not None]
    assert len(known) == len(seconds)
    assert min(known) >= 0
    assert math.isclose(sum(known), echo, abs_tol=1e-9)
    assert (len(known) == 3) == (report.beyond is not None and report.beyond <= echo - min(near, echo))


def test_a_ping_of_the_relay_that_took_longer_than_an_echo_is_no_part() -> None:
    report = BenchReport("web1", "relay:6154", to_relay=Times([0.0002]), beyond=0.0035, idle=Times([0.0009]))
    assert [(part.key, part.seconds) for part in report.parts] == [("to_relay_ms", 0.0002), ("beyond_relay_ms", 0.0007)]
    assert report.as_object()["relay_to_agent_ms"] == 3.5
    assert report.as_object()["echo_parts"] == {"to_relay_ms": 0.2, "beyond_relay_ms": 0.7}


def test_nothing_measured_is_told_as_such() -> None:
    shown = text(BenchReport("web1", "relay:6154"))
    assert shown.count("-\n") >= 5
    assert BenchReport("web1", "relay:6154").as_object()["open_ms"] is None


def test_a_report_reads_well() -> None:
    report = BenchReport("web1", "relay:6154", is_sealed=True, start=0.2, opening=0.0123, beyond=0.021, idle_cpu=0.05)
    report.to_relay.samples = [0.010] * 20
    report.idle.samples = [0.040] * 100
    report.down = Transfer(250_000_000, 2.5, 0.5, Times([0.045, 0.060]))
    shown = text(report)
    for line in (
        "bench of web1 through relay:6154",
        "to the agent (echo), nothing else going on    40.0 ms    40.0 ms        100",
        "from the agent                             100 MB/s     250 MB       20 %",
        "the rest: sealing, the programs, queues     9.00 ms  █████",
        "CPU time of this process in one echo        0.50 ms",
        "once: open a link, with its handshake         12.3 ms",
    ):
        assert line in shown


@given(SECONDS)
def test_durations_are_short(seconds: float) -> None:
    assert len(shown_time(seconds)) <= 10


@given(st.floats(0, 1e11))
def test_rates_are_short_and_have_no_exponent(rate: float) -> None:
    shown = shown_rate(rate)
    assert len(shown) <= 10
    assert "e" not in shown


def test_what_is_not_known_is_a_dash() -> None:
    assert (shown_time(None), shown_rate(None), shown_rate(999_999.0)) == ("-", "-", "1000 kB/s")
