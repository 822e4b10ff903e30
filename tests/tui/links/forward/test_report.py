"""What a running forward says: each thing once, and in JSON as objects."""

import json
from dataclasses import replace

import pytest

from natpass_tui.links.forward.report import QUIET_SECONDS, ForwardReport, listening_line
from natpass_tui.links.forward.rows import ForwardRow, ForwardState
from tests.tui.links.forward.agent_double import rule

ROW = ForwardRow(rule("L", "8080:localhost:80"), ForwardState.LISTENING, "127.0.0.1:8080")
STARTING = replace(ROW, state=ForwardState.STARTING, address="")


class Heard:
    def __init__(self, *, as_json: bool = False) -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self.now = 0.0
        self.report = ForwardReport(self.out.append, self.err.append, lambda: self.now, as_json=as_json)


@pytest.mark.parametrize(
    ("letter", "text", "line"),
    [
        ("L", "8080:localhost:80", "listening on ADDRESS -> web1 -> localhost:80"),
        ("L", "8080:/run/a", "listening on ADDRESS -> web1 -> /run/a"),
        ("R", "2222:localhost:22", "listening on web1 at ADDRESS -> here -> localhost:22"),
        ("D", "1080", "listening on ADDRESS -> web1 -> where its clients say (SOCKS5, SOCKS4a, HTTP CONNECT)"),
        ("U", "53:dns:53", "listening on ADDRESS (UDP) -> web1 -> dns:53"),
    ],
)
def test_a_line_says_where_it_listens_and_where_that_leads(letter: str, text: str, line: str) -> None:
    row = ForwardRow(rule(letter, text), ForwardState.LISTENING, "ADDRESS")
    assert listening_line("web1", row) == line


def test_what_has_not_changed_is_not_said_again() -> None:
    heard = Heard()
    for row in (STARTING, ROW, ROW, replace(ROW, open=3, total=7)):
        heard.report.update("web1", [row], "")
    assert heard.out == ["listening on 127.0.0.1:8080 -> web1 -> localhost:80"]
    for waiting in ("web1 is gone", "web1 is gone", "still gone", ""):
        heard.report.update("web1", [replace(STARTING, state=ForwardState.WAITING)], waiting)
    heard.report.update("web1", [ROW], "")
    assert heard.err == ["cut off (web1 is gone); reconnecting, new connections are refused", "web1 is back"]
    assert len(heard.out) == 2


def test_an_agent_that_was_not_there_yet_is_waited_for() -> None:
    heard = Heard()
    heard.report.update("web1", [replace(STARTING, state=ForwardState.WAITING)], "there is no such agent")
    assert heard.err == ["web1: there is no such agent; waiting for it"]


def test_the_same_failure_is_said_now_and_then_and_memory_has_a_bound() -> None:
    heard = Heard()
    for _ in range(100):
        heard.report.failed("web1", ROW.rule, "localhost:80: refused")
    assert heard.err == ["web1: -L 8080:localhost:80: refused"]  # which names the target
    heard.now += QUIET_SECONDS
    heard.report.failed("web1", ROW.rule, "localhost:80: refused")
    assert len(heard.err) == 2
    for number in range(1000):
        heard.report.failed("web1", ROW.rule, str(number))
    assert len(heard.report._said) <= 256


def test_a_failure_to_listen_names_its_rule_once() -> None:
    heard = Heard()
    heard.report.failed("web1", ROW.rule, "-L 8080:localhost:80: cannot listen at")
    assert heard.err == ["web1: -L 8080:localhost:80: cannot listen at"]


def test_events_are_json() -> None:
    heard = Heard(as_json=True)
    heard.report.update("web1", [ROW], "")
    heard.report.update("web1", [ROW], "gone")
    heard.report.update("web1", [ROW], "")
    heard.report.failed("web1", ROW.rule, "no")
    heard.report.ended("web1", [replace(ROW, total=2, sent=3, received=4)])
    assert heard.err == []
    events = [json.loads(line) for line in heard.out]
    assert [event["event"] for event in events] == ["listening", "away", "back", "error", "end"]
    assert events[0] == {
        "event": "listening",
        "agent": "web1",
        "rule": "-L 8080:localhost:80",
        "address": "127.0.0.1:8080",
    }
    assert (events[-1]["connections"], events[-1]["bytes_sent"], events[-1]["bytes_received"]) == (2, 3, 4)
