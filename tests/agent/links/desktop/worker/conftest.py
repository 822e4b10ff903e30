"""X servers for the desktop's tests."""

from collections.abc import Iterator

import pytest

from tests.support.xserver import XServer, x_server


@pytest.fixture(scope="module")
def server() -> Iterator[XServer]:
    """An X server for the tests of a module."""
    with x_server() as server:
        yield server


@pytest.fixture
def fresh() -> Iterator[XServer]:
    """An X server that nobody has used yet."""
    with x_server("640x400") as server:
        yield server
