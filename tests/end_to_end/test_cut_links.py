"""Streams lose nothing when the relay cuts their links, because too much waits for a console."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.agent_programs import LOOPS, SECRET, Program

#: A relay that cuts links as early as it can: nothing may wait behind small buffers.
_EAGER = """
import asyncio, socket
import natpass_relay.client_socket, natpass_relay.routing
natpass_relay.outbox.HIGH_WATER_BYTES = natpass_relay.outbox.LEAST_HIGH_WATER_BYTES = 4096
natpass_relay.routing.MOST_WINDOW = 1
made = natpass_relay.client_socket.ClientSocket.connection_made
def connection_made(self, transport):
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    made(self, transport)
natpass_relay.client_socket.ClientSocket.connection_made = connection_made
from natpass_relay.cli import main
main()
"""


@pytest.mark.parametrize("loop", list(LOOPS))
def test_every_byte_comes_once_over_links_that_are_cut(tmp_path: Path, loop: str) -> None:
    content = os.urandom(5_000_000)
    (tmp_path / "content").write_bytes(content)
    state = ["--listen", "127.0.0.1:0", "--state-dir", str(tmp_path / "relay")]
    with Program("natpass_relay", state, tmp_path, source=LOOPS[loop] + _EAGER) as relay:
        address = "127.0.0.1:" + relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1]
        state = ["--relay", address, "--id", "box", "--state-dir", str(tmp_path / "agent")]
        with Program("natpass_agent", state, tmp_path, loop=loop) as agent:
            agent.said("logged in at")
            state = ["--relay", address, "--state-dir", str(tmp_path / "console")]
            source = f"{LOOPS[loop]}from natpass_tui.cli import main; main()"
            command = [sys.executable, "-c", source, "exec", *state, "box", "--", "cat", str(tmp_path / "content")]
            env = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
            env |= {"NATPASS_SECRET": SECRET, "HOME": str(tmp_path)}
            done = subprocess.run(command, capture_output=True, env=env, timeout=110, check=False)
            assert (done.returncode, len(done.stdout)) == (0, len(content)), done.stderr
            assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(content).digest()
            assert "does not keep up with what it is sent" in relay.output
