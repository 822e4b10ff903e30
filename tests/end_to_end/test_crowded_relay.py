"""A relay under a flood of connections, from another machine: this machine's own would be exempt."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.agent_programs import LOOPS, ROOT, SECRET, Program
from tests.support.namespaces import two_machines


@pytest.mark.parametrize("loop", LOOPS)
def test_who_logs_in_from_the_address_of_a_flood_gets_in(tmp_path: Path, loop: str) -> None:
    listen = ["--listen", "10.77.0.1:6154", "--state-dir", str(tmp_path / "relay")]
    with (
        two_machines() as machines,
        Program("natpass_relay", listen, tmp_path, prefix=machines.on_relay(), loop=loop) as relay,
    ):
        relay.said("listening on")
        flood = [sys.executable, "-m", "tests.support.flood", "10.77.0.1", "6154", "4", SECRET]
        ran = subprocess.run(
            [*machines.on_laptop(), *flood], cwd=ROOT, capture_output=True, text=True, check=True, timeout=100
        )
        assert ran.stdout == "4\n"
        assert relay.output.count("honest-") >= 4
    assert "10.77.0.2 1 " in (tmp_path / "relay" / "networks").read_text()
