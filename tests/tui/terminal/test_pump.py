"""Parsing in a thread."""

import threading
import time

import pytest

from natpass_tui.terminal import Pump
from natpass_tui.terminal.amplifiers import PORTION_BYTES, PORTION_STEPS
from natpass_tui.terminal.clipboard import Clip
from natpass_tui.terminal.fallback import FallbackEngine
from natpass_tui.terminal.pump import STEP_BYTES, WAITING_BYTES, TerminalReply
from tests.support.waiting import wait_until

LIMIT = 10.0


class Waker:
    def __init__(self) -> None:
        self.calls = 0
        self.woken = threading.Event()

    def __call__(self) -> None:
        self.calls += 1
        self.woken.set()


class RecordingEngine(FallbackEngine):
    """Notes the size of every step; can be made to wait."""

    def __init__(self) -> None:
        super().__init__(4, 20)
        self.steps: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.closed = False

    def feed(self, data: bytes) -> bytes:
        assert self.gate.wait(LIMIT)
        self.steps.append(len(data))
        return super().feed(data[-200:])

    def close(self) -> None:
        self.closed = True


class StepwiseEngine(FallbackEngine):
    """Waits in each feed until it may go on; parses nothing."""

    def __init__(self) -> None:
        super().__init__(4, 20)
        self.portions: list[bytes] = []
        self.lent_after: list[int] = []
        self.is_stepwise = True
        self.is_fed = False
        self._may = threading.Semaphore(0)

    def feed(self, data: bytes) -> bytes:
        self.portions.append(data)
        if self.is_stepwise:
            self.is_fed = True
            assert self._may.acquire(timeout=LIMIT)
        return b""

    def go_on(self) -> None:
        self.is_fed = False
        self._may.release()


def wait_until_parsed(pump: Pump) -> None:
    wait_until(lambda: not pump.waiting, step=0.001)


def test_one_wake_up_for_many_steps() -> None:
    waker = Waker()
    pump = Pump(engine := RecordingEngine(), waker)
    for _ in range(20):
        pump.put(b"x" * 50_000)
    wait_until_parsed(pump)
    assert waker.woken.wait(LIMIT)
    assert waker.calls == 1
    assert pump.collect().size == 1_000_000
    assert max(engine.steps) <= PORTION_BYTES
    waker.woken.clear()
    pump.put(b"\x1b[5n\x07\x1b]2;t\x07\x1b]52;c;aGk=\x07")
    assert waker.woken.wait(LIMIT)
    parsed = pump.collect()
    said = (parsed.bells, parsed.title, parsed.clipboard)
    assert (parsed.replies, said) == ((TerminalReply(b"\x1b[0n", 1_000_023),), (1, "t", (Clip("c", "hi"),)))
    assert waker.calls == 2
    pump.close()


def test_large_messages_are_cut_and_small_ones_joined() -> None:
    pump = Pump(engine := RecordingEngine(), Waker())
    engine.gate.clear()
    pump.put(b"first")
    pump.put(b"x" * (2 * STEP_BYTES + 5))
    pump.put(b"y" * 10)
    engine.gate.set()
    wait_until_parsed(pump)
    pump.close()
    assert sum(engine.steps) == 5 + 2 * STEP_BYTES + 15
    assert max(engine.steps) == PORTION_BYTES


def test_it_says_when_it_is_full() -> None:
    pump = Pump(engine := RecordingEngine(), Waker())
    engine.gate.clear()
    pump.put(b"x" * (WAITING_BYTES + 1))
    answers = [pump.is_full]
    engine.gate.set()
    wait_until_parsed(pump)
    answers.append(pump.is_full)
    pump.close()
    assert answers == [True, False]


def test_a_flood_does_not_keep_others_from_the_engine() -> None:
    pump = Pump(RecordingEngine(), Waker())
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            if not pump.is_full:
                pump.put(b"x" * 4096)

    thread = threading.Thread(target=flood)
    thread.start()
    longest = 0.0
    for _ in range(50):
        before = time.monotonic()
        with pump.engine() as engine:
            engine.text()
        longest = max(longest, time.monotonic() - before)
    stop.set()
    thread.join(LIMIT)
    pump.close()
    assert longest < 1.0


COSTLY = (b"\x1b[65535b", b"\n", b"\x0b", b"\x1b#8", b"\x07", b"\x1bM")


@pytest.mark.parametrize("unit", COSTLY)
def test_who_needs_the_engine_waits_for_few_costly_sequences_of_one_message(unit: bytes) -> None:
    """Their number is counted. They arrived as one message, which the parser has begun with."""
    pump = Pump(engine := StepwiseEngine(), Waker())
    pump.put(unit * (STEP_BYTES // len(unit)))
    for number in range(1, 4):
        wait_until(lambda: engine.is_fed, step=0.001)
        borrower = threading.Thread(target=borrow, args=(pump, engine))
        borrower.start()
        wait_until(lambda: pump._borrowers, step=0.001)
        engine.go_on()
        borrower.join(LIMIT)
        assert engine.lent_after == list(range(1, number + 1)), "each time after the portion that was under way"
    assert max(portion.count(unit[:1]) for portion in engine.portions) <= PORTION_STEPS
    engine.is_stepwise = False
    engine.go_on()
    pump.close()


def test_closing_waits_for_one_portion_of_a_message() -> None:
    pump = Pump(engine := StepwiseEngine(), Waker())
    pump.put(b"\n" * STEP_BYTES)
    wait_until(lambda: engine.is_fed, step=0.001)
    closing = threading.Thread(target=pump.close)
    closing.start()
    wait_until(lambda: pump._closed, step=0.001)
    engine.go_on()
    closing.join(LIMIT)
    assert not closing.is_alive()
    assert [portion.count(b"\n") <= PORTION_STEPS for portion in engine.portions] == [True]


def borrow(pump: Pump, engine: "StepwiseEngine") -> None:
    with pump.engine():
        engine.lent_after.append(len(engine.portions))


def test_closing_drops_what_waits_and_ends_the_thread() -> None:
    pump = Pump(engine := RecordingEngine(), Waker())
    pump.put(b"x" * 1_000_000)
    pump.close()
    pump.close()
    pump.put(b"late")
    assert engine.closed
    assert not pump.waiting
    assert not any(thread.name == "natpass-terminal" and thread.is_alive() for thread in threading.enumerate())


def test_closing_before_anything_came() -> None:
    pump = Pump(engine := RecordingEngine(), Waker())
    pump.close()
    assert engine.closed


def test_an_answer_tells_behind_which_message_it_was_asked_for() -> None:
    waker = Waker()
    pump = Pump(engine := RecordingEngine(), waker)
    engine.gate.clear()
    for message in (b"first", b"\x1b[5n and more", b"third", b"\x1b[5n"):
        pump.put(message)
    assert pump.fed == 27
    engine.gate.set()
    wait_until_parsed(pump)
    assert pump.collect().replies == (TerminalReply(b"\x1b[0n", 18), TerminalReply(b"\x1b[0n", 27))
    with pump.engine():
        assert pump.position == 27
    pump.close()
