"""Nothing is lost on a bad network: a short run of `make chaos`."""

import sys
from pathlib import Path

import pytest

from tests.chaos import forward, pipe, sessions

assert sys.platform != "win32"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [20, 21])
def test_what_comes_back_is_what_was_sent(tmp_path: Path, seed: int) -> None:
    """50 cuts in two runs; one of them loses the relay, too. The seed of a failure is in the test's name."""
    found = pipe.run(tmp_path, seed, cuts=25, size=10_000_000, kill_relay=seed % 2)
    assert found.size >= 10_000_000


def test_sessions_outlive_the_relay_and_say_each_line_once(tmp_path: Path) -> None:
    sessions.run(tmp_path, sessions=4, lines=100, kills=1)


@pytest.mark.parametrize("seed", [30, 31])
def test_what_is_forwarded_arrives_whichever_way_it_goes(tmp_path: Path, seed: int) -> None:
    """20 MB each way through -L, -R and -D at once, and datagrams that flow again, with 10 cuts and a killed relay."""
    found = forward.run(tmp_path, seed, cuts=10, size=20_000_000)
    assert found.size >= 2 * 3 * (20_000_000 // 3)
