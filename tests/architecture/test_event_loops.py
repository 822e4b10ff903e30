"""What touches sockets works on the loop that ships, and tests run on it.

uvloop's transports, servers and handles are no subclasses of asyncio's: `isinstance` is false, and an assertion fails
only where the program runs.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

PACKAGES = ("natpass_wire", "natpass_relay", "natpass_agent", "natpass_tui")
#: Classes of asyncio that uvloop does not derive its own from.
OTHERS = {
    *("BaseTransport", "Transport", "ReadTransport", "WriteTransport", "DatagramTransport", "SubprocessTransport"),
    *("AbstractServer", "Server", "Handle", "TimerHandle", "AbstractEventLoop", "BaseEventLoop", "SelectorEventLoop"),
}
#: Makes a loop without saying which.
LOOPS = ("run", "new_event_loop", "Runner")
#: The places that may: they choose the loop, or there is nothing on it but a coroutine.
CHOOSE = {
    "natpass_wire/aio/runtime.py",
    "screenshots/__main__.py",
    "tests/bench/limits.py",
    "tests/conftest.py",
    "tests/support/network/proxy.py",
    "tests/support/test_suite.py",
    "tests/tui/test_waking.py",
}


def names(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.Name):
            yield each.id


def of_other_loops(tree: ast.AST) -> list[int]:
    """Return the lines that ask whether something is of a class that is asyncio's alone."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"isinstance", "issubclass"}
        and OTHERS & set(names(node.args[1]))
    ]


def made_loops(tree: ast.AST) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in LOOPS
        and isinstance(node.value, ast.Name)
        and node.value.id == "asyncio"
    ]


def test_both_are_found() -> None:
    assert of_other_loops(ast.parse("x = 1\nassert isinstance(transport, asyncio.Transport)")) == [2]
    assert of_other_loops(ast.parse("isinstance(handle, str | TimerHandle)")) == [1]
    assert not of_other_loops(ast.parse("isinstance(task, asyncio.Task)"))
    assert made_loops(ast.parse("asyncio.run(main())")) == [1]


@pytest.mark.parametrize("package", PACKAGES)
def test_nobody_asks_for_asyncios_own_classes(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        assert not of_other_loops(ast.parse(path.read_text())), path


def test_nobody_runs_on_a_loop_of_their_own() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in (*PACKAGES, "tests", "screenshots", "docs")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if made_loops(ast.parse(path.read_text())) and path != Path(__file__)
    }
    assert found <= CHOOSE, found - CHOOSE
