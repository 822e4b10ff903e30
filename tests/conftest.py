"""What all tests have: our event loop, and a look at what each of them leaves behind."""

import asyncio
import inspect
import os
import signal
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, settings

from tests.support import hangs, leaks, programs
from tests.support.waiting import wait_for

# Time limits of single examples measure the machine; the whole test has a limit of its own.
settings.register_profile(
    "natpass", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("fast", settings.get_profile("natpass"), max_examples=20)
settings.load_profile("natpass")

# readline, which pytest loads, puts the size of a terminal into the environment behind Python's back. What tests start,
# workers of pytest-xdist first, would obey it rather than the terminal they run in.
for _name in ("LINES", "COLUMNS"):
    os.environ.pop(_name, None)
    os.unsetenv(_name)

# A shell has what it starts in the background ignore the keyboard's signals, and `nohup` SIGHUP. Programs that tests
# start would inherit that, and neither Ctrl+C nor a signal would end them.
for _ignored, _usual in (
    ("SIGINT", signal.default_int_handler),
    ("SIGQUIT", signal.SIG_DFL),
    ("SIGHUP", signal.SIG_DFL),
):
    if (_number := getattr(signal, _ignored, None)) is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Run tests on uvloop, as the programs do; those marked `both_loops` on asyncio's own loop as well."""
    if item.get_closest_marker("both_loops") is not None:
        return {"uvloop": programs.WatchedLoop, "asyncio": asyncio.new_event_loop}
    return {"uvloop": programs.WatchedLoop}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let libuv open what it keeps for the life of the process, before tests are watched for what they leave open."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.sleep(0))
    programs.watch()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that start programs, before options choose by marks."""
    programs.mark(items, Path(__file__).parent)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Watch whether the test starts programs."""
    programs.begin(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Watch that what a failed test leaves does not hang, either, and that starting programs was announced."""
    hangs.watch_teardown(item)
    yield
    programs.check(item)


@pytest.fixture
async def _no_task_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    ours = asyncio.current_task()
    before = asyncio.all_tasks()
    with hangs.ended_after(hangs.limit(request.node)):
        yield

    def left() -> list[str]:
        now = asyncio.all_tasks() - before - {ours, asyncio.current_task()}
        return sorted(f"{task.get_name()}: {task.get_coro()}" for task in now)

    try:
        await wait_for(lambda: not left(), timeout=1.0)
    except AssertionError:
        raise AssertionError(f"the test left tasks behind: {left()}") from None


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Fail a test that leaves a child process, a socket, a pipe or a pseudo-terminal behind."""
    before = leaks.descriptors(), leaks.children()
    yield
    leaks.check_none_left(*before)


@pytest.fixture(autouse=True)
def _watch_tasks(request: pytest.FixtureRequest, _nothing_left: None) -> None:
    """Fail an asynchronous test that leaves a task behind (other tests get no event loop from this)."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_no_task_left")
