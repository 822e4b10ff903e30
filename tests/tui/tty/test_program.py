"""A program that has the user's terminal, over a link without a network."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from natpass_tui.tty.escape import EscapeAction
from natpass_tui.tty.program import HUNG_UP, INTERRUPTED, MOST_WAITING_INPUT, TtyProgram
from natpass_tui.tty.run import notice
from natpass_wire.aio.tasks import Tasks
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from tests.support.waiting import wait_for
from tests.tui.fakes import FakeLink
from tests.tui.links.stdio import Stdin, Stdout


class Run:
    """A program that runs."""

    def __init__(self, tasks: Tasks) -> None:
        self.link = FakeLink("box", ConnectRequest())
        self.stdin, self.out, self.notices = Stdin(), Stdout(), Stdout()
        self.size = (24, 80)
        self.asked: list[EscapeAction] = []
        self.program = TtyProgram(
            self.link, self.stdin, self.out, lambda: self.size, notices=self.notices, asked=self.asked.append
        )
        self.task = tasks.start(self.program.run(), "tty")


@pytest.fixture
async def start() -> AsyncIterator[Callable[[], Run]]:
    tasks = Tasks()
    yield lambda: Run(tasks)
    await tasks.close()


Start = Callable[[], Run]


async def test_bytes_and_sizes_go_both_ways(start: Start) -> None:
    run = start()
    await wait_for(lambda: run.link.sizes == [(24, 80)])
    run.stdin.chunks.put_nowait(b"a\x03\x1a")
    run.link.output(b"shown")
    await wait_for(lambda: run.link.input == b"a\x03\x1a" and run.out.data == b"shown")
    run.size = (30, 90)
    run.program.resize()
    await wait_for(lambda: run.link.sizes == [(24, 80), (30, 90)])
    run.program.redraw()
    await wait_for(lambda: run.link.sizes[2:] == [(29, 90), (30, 90)])
    end = End(LinkEnd.EXITED, "", 3)
    run.link.finish(end)
    assert await run.task == end
    assert (run.program.bytes_in, run.program.bytes_out) == (3, 5)


async def test_typed_input_without_an_answer_is_noticed_until_some_is_answered(start: Start) -> None:
    run = start()
    await wait_for(lambda: run.link.sizes == [(24, 80)])
    assert run.program.unanswered() == 0.0  # nothing was typed
    run.link.unacknowledged = 1
    run.stdin.chunks.put_nowait(b"a")
    await wait_for(lambda: run.link.input == b"a")
    first = await wait_for(run.program.unanswered)
    run.link.unacknowledged = 2
    run.stdin.chunks.put_nowait(b"b")
    await wait_for(lambda: run.link.input == b"ab")
    second = run.program.unanswered()
    assert second > first  # since the first key
    run.link.unacknowledged = 1
    assert run.program.unanswered() < second
    run.link.unacknowledged = 0
    assert run.program.unanswered() == 0.0


async def test_the_escape_is_heard_while_nothing_gets_through(start: Start) -> None:
    run = start()
    await wait_for(lambda: run.link.sizes)
    run.link.detach()
    run.stdin.chunks.put_nowait(b"typed\r")
    run.stdin.chunks.put_nowait(b"~.")
    assert await run.task == INTERRUPTED
    assert run.link.closed


async def test_what_waits_is_bounded(start: Start) -> None:
    run = start()
    await wait_for(lambda: run.link.sizes)
    run.link.detach()
    for _ in range(4):
        run.stdin.chunks.put_nowait(b"x" * (MOST_WAITING_INPUT // 2))
    await wait_for(lambda: run.stdin.chunks.qsize() == 1)
    await asyncio.sleep(0)
    assert run.stdin.chunks.qsize() == 1  # no more is read
    run.link.attach()
    await wait_for(lambda: len(run.link.input) == 2 * MOST_WAITING_INPUT)


async def test_a_terminal_that_is_gone_ends_it(start: Start) -> None:
    run = start()
    run.stdin.chunks.put_nowait(OSError(5, "gone"))
    assert await run.task == HUNG_UP


async def test_a_terminal_that_is_gone_takes_no_words_of_ours(start: Start) -> None:
    run = start()
    run.notices.error = OSError(5, "gone")
    await run.program.say(b"notice")
    assert not run.task.done()
    run.out.error = OSError(5, "gone")
    await run.program.say(b"notice")
    assert await run.task == HUNG_UP


async def test_what_is_asked_for_behind_a_tilde_is_our_callers(start: Start) -> None:
    run = start()
    run.stdin.chunks.put_nowait(b"\r~?~\x1als")
    await wait_for(lambda: run.link.input == b"\rls")
    assert run.asked == [EscapeAction.HELP, EscapeAction.SUSPEND]


async def test_our_own_words_come_between_two_pieces_of_output(start: Start) -> None:
    run = start()
    await run.program.say(b"notice")
    assert (run.notices.data, run.out.data) == (b"notice", b"")


def test_a_notice_is_one_row_and_says_how_to_leave() -> None:
    for cols in (20, 80, 300):
        text = notice("box", 12.3, "why \x1b[2J", cols).decode()
        assert text.startswith("\x1b7\x1b[1;1H\x1b[0;7m")
        assert text.endswith("\x1b[0m\x1b[K\x1b8")
        shown = text.removeprefix("\x1b7\x1b[1;1H\x1b[0;7m").removesuffix("\x1b[0m\x1b[K\x1b8")
        assert len(shown) < cols
        assert "\x1b" not in shown
    assert "12 s — Enter ~ . gives up" in text
