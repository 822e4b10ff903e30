"""`natpass-tui bench` through a real relay to a real agent."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET
from tests.support.network.line import Shape
from tests.support.network.proxy import NetworkProxy
from tests.support.waiting import wait_until

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

ROOT = Path(__file__).parents[2]


class Place:
    """A relay, and an agent called `box`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def words(self, *words: str) -> list[str]:
        start = [sys.executable, "-m", "natpass_tui", "bench"]
        return [*start, "--relay", f"127.0.0.1:{self.port}", "--no-tls", *words]

    @property
    def env(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        return clean | {"HOME": str(self.folder), "NATPASS_SECRET": SECRET}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*words), capture_output=True, text=True, check=False, timeout=60, env=self.env, cwd=ROOT
        )


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("bench")
    with (
        agent_programs.relay(folder, loop=request.param) as (_, port),
        agent_programs.agent(folder, port, loop=request.param) as agent,
    ):
        agent.said("logged in")
        yield Place(folder, port)


def test_json_has_every_figure(place: Place) -> None:
    found = place.run("box", "--seconds", "2", "--json")
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    assert report["agent"] == "box"
    assert report["sealed"] is True
    assert report["stopped"] is None
    assert 0 < report["open_ms"] < report["start_ms"]
    assert report["relay_round_trip"]["p50_ms"] > 0
    for echo in (report["echo_idle"], report["down"]["echo"], report["up"]["echo"]):
        assert echo["samples"] > 0
        assert 0 < echo["p50_ms"] <= echo["p99_ms"]
    for transfer in (report["down"], report["up"]):
        assert transfer["bytes"] > 0
        assert transfer["bytes_per_second"] > 0


def test_a_slow_line_is_measured_and_the_parts_of_an_echo_add_up(place: Place) -> None:
    with NetworkProxy(place.port, shape=Shape(rate=20e3, delay=0.3)) as network:
        found = Place(place.folder, network.port).run("box", "--seconds", "2", "--json")
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    parts = report["echo_parts"]
    assert abs(sum(parts.values()) - report["echo_idle"]["p50_ms"]) < 0.01
    assert parts["to_relay_ms"] > 590  # the round trip of the line
    for transfer in (report["down"], report["up"]):
        assert 0 < transfer["bytes_per_second"] < 21e3


def test_a_report_for_people_has_no_colours_in_a_pipe(place: Place) -> None:
    found = place.run("box", "--seconds", "1")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(f"bench of box through 127.0.0.1:{place.port}\n")
    assert "\x1b" not in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80


def test_a_terminal_shows_progress_and_an_interrupt_what_is_known(place: Place) -> None:
    command, *words = place.words("box", "--seconds", "40")
    terminal = pexpect.spawn(
        command, words, env=place.env, cwd=str(ROOT), timeout=30, dimensions=(40, 100), encoding="utf-8"
    )
    terminal.expect("echoes … [1-9]")
    terminal.kill(signal.SIGINT)
    terminal.expect("stopped early: interrupted")
    terminal.expect("nothing else going on +[0-9.]+ ms")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130


def test_an_agent_that_is_not_there_is_one_line(place: Place) -> None:
    found = place.run("nobody")
    assert found.returncode == 255
    assert found.stdout == ""
    assert len(found.stderr.splitlines()) == 1
    assert "nobody is not connected" in found.stderr


@pytest.mark.parametrize("words", [("box", "--seconds", "0"), ("box", "--seconds", "61"), ("a\tb",), ()])
def test_a_mistake_is_status_2(place: Place, words: tuple[str, ...]) -> None:
    found = place.run(*words)
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert found.stderr


def test_a_second_bench_at_the_same_time_is_told_why_not(place: Place) -> None:
    with subprocess.Popen(
        place.words("box", "--seconds", "40"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=place.env, cwd=ROOT
    ) as first:
        try:
            log = next(place.folder.glob("natpass_agent-*.log"))
            before = log.read_text().count("bench for")
            wait_until(lambda: log.read_text().count("bench for") >= before + 2, "both links")
            found = place.run("box", "--seconds", "1")
            assert found.returncode == 255
            assert "bench links already" in found.stderr
        finally:
            first.send_signal(signal.SIGINT)
            out, _ = first.communicate(timeout=20)
    assert first.returncode == 130
    assert b"stopped early: interrupted" in out
