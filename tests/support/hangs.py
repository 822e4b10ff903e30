"""Ends an asynchronous test that hangs, and reports what it waits for.

pytest-timeout's signal does not end it: uvloop runs no Python code while idle, and on asyncio the exception lands in
any running task. So the test's own loop ends it, a little earlier. If that fails (a task ignores cancellation, the loop
is blocked), faulthandler ends the whole process.
"""

import asyncio
import faulthandler
import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

#: The fraction of pytest-timeout's limit after which a test's tasks are cancelled.
PART = 0.9


def limit(item: pytest.Item) -> float:
    """Return the seconds after which a test is given up."""
    marker = item.get_closest_marker("timeout")
    return PART * float(marker.args[0] if marker is not None else item.config.getini("timeout"))


def watch_teardown(item: pytest.Item) -> None:
    """Let faulthandler end the process if the teardown hangs: pytest-timeout no longer watches once a test has
    failed."""
    seconds = float(item.config.getini("faulthandler_timeout"))
    faulthandler.dump_traceback_later(seconds, file=item.config.stash[fault_handler_stderr_fd_key], exit=True)


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Cancel the tasks started within this context after `seconds`; the error says where each task waited."""
    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks()

    def end() -> None:
        tasks = asyncio.all_tasks() - before
        where = io.StringIO(f"the test hung for {seconds:g} s; its tasks:\n")
        where.seek(0, io.SEEK_END)
        for task in tasks:
            task.print_stack(file=where)
        for task in tasks:
            task.cancel(where.getvalue())

    timer = loop.call_later(seconds, end)
    try:
        yield
    finally:
        timer.cancel()
