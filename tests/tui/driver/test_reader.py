"""The thread that reads the terminal: it lives on, or the application ends with the reason."""

import os
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from textual import events
from textual.message import Message

assert sys.platform != "win32"

from natpass_tui.driver.platform import posix  # noqa: E402 - is there only on POSIX
from natpass_tui.driver.platform.posix import PosixDriver  # noqa: E402 - is there only on POSIX


class Driver(PosixDriver):
    """A driver that reads a pipe, without an application around it."""

    prefix = "\x1d"

    def __init__(self, fileno: int) -> None:
        self.fileno = fileno
        self.exit_event = SimpleNamespace(is_set=lambda: False)  # type: ignore[assignment]  # runs to the pipe's end
        self.told: list[Callable[[], object]] = []
        self.taken: list[Message] = []
        self.fails_at: str | None = None
        self._debug = False
        self._app = SimpleNamespace(size=SimpleNamespace(height=24, width=80), panic=lambda *_: None)  # type: ignore[assignment]  # all that is asked for
        self._loop = SimpleNamespace(is_closed=lambda: False)  # type: ignore[assignment]  # as above

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.Key) and message.key == self.fails_at:
            raise RuntimeError(message.key)
        self.taken.append(message)

    def _in_loop(self, call: Callable[[], object]) -> None:
        self.told.append(call)


@pytest.fixture
def watchdog(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    started: list[str] = []
    monkeypatch.setattr(posix, "WATCHDOG", SimpleNamespace(start=lambda: started.append("started")))
    return started


def run(data: bytes, fails_at: str | None = None) -> Driver:
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    driver = Driver(reader)
    driver.fails_at = fails_at
    try:
        driver._run_input_thread()
    finally:
        os.close(reader)
    return driver


def test_odd_bytes_are_read_past(watchdog: list[str]) -> None:
    driver = run(b"a\xff\xed\xa0\x80\x1b[:u\x1b[99999999999999u\x1b[<0;1e9;1M\x1b[48;0;0;0;0tb")
    names = [message.key for message in driver.taken if isinstance(message, events.Key)]
    assert (names[0], names[-1]) == ("a", "b")
    assert driver.told == [driver._leave]  # the pipe has ended, as a terminal that is gone


def test_a_thread_that_fails_ends_the_application_from_its_loop(
    watchdog: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    driver = run(b"abc", fails_at="b")
    assert len(driver.taken) == 1
    assert len(driver.told) == 1
    assert watchdog == ["started"]
    assert "the thread that reads the terminal has failed" in caplog.text


def test_an_application_that_has_ended_takes_no_more(watchdog: list[str]) -> None:
    reader, writer = os.pipe()
    driver = Driver(reader)
    driver._loop = SimpleNamespace(is_closed=lambda: True)  # type: ignore[assignment]  # as above
    driver.fails_at = "b"
    driver._take([events.Key("b", "b"), events.Key("c", "c")])
    os.close(reader)
    os.close(writer)
    assert len(driver.taken) == 1
