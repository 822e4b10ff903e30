"""Who knows the login only, asks agents for links, and takes no answers, freezes nobody."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from natpass_wire import envelope
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.runtime import run
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, StreamOffer
from tests.end_to_end.agent_programs import LOOPS, SECRET, Program
from tests.relay.raw import Raw

AGENTS = ("one", "two")


#: A relay whose system keeps little for each client, so that few answers are too many.
_SMALL = """
import socket
from natpass_relay.client_socket import ClientSocket
made = ClientSocket.connection_made
def connection_made(self, transport):
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    made(self, transport)
ClientSocket.connection_made = connection_made
from natpass_relay.cli import main
main()
"""


class Attack:
    """Asks agents for links that are refused, and reads nothing."""

    def __init__(self, port: int) -> None:
        self._address = RelayAddress("127.0.0.1", port)
        self._over = threading.Event()
        #: Set once it has asked the agents.
        self.is_on = threading.Event()

    async def run(self) -> int:
        key = LoginKey.from_secret(SECRET)
        with contextlib.suppress(ConnectionError):
            async with Raw.connect(self._address, room=4096) as evil:
                await evil.log_in("evil", key=key)
                for number in range(0, 6000, 100):
                    agents = [_request(AGENTS[n % 2], f"{n}") for n in range(number, number + 100)]
                    await evil.takes(b"".join(agents))
                self.is_on.set()
                await asyncio.to_thread(self._over.wait)
        self.is_on.set()
        return 0

    def stop(self) -> None:
        self._over.set()


def _request(to: str, link_id: str) -> bytes:
    creq = ConnectRequest(kind=ConnectRequest.stream, offer=StreamOffer(version=0))
    return envelope.to_frame(Msg(type=MsgType.connect_req, from_id="evil", to=to, link_id=link_id, creq=creq))


@contextmanager
def attacked(port: int) -> Iterator[Attack]:
    attack = Attack(port)
    thread = threading.Thread(target=lambda: run(attack.run()), name="attack")
    thread.start()
    try:
        yield attack
    finally:
        attack.stop()
        thread.join()


@pytest.mark.parametrize("loop", list(LOOPS))
def test_answers_that_nobody_takes_freeze_no_agent(tmp_path: Path, loop: str) -> None:
    state = ["--listen", "127.0.0.1:0", "--no-tls", "--state-dir", str(tmp_path / "relay")]
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(Program("natpass_relay", state, tmp_path, source=LOOPS[loop] + _SMALL))
        port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        for name in AGENTS:
            options = ["--relay", f"127.0.0.1:{port}", "--id", name, "--no-tls", "--state-dir", str(tmp_path / name)]
            agent = stack.enter_context(Program("natpass_agent", options, tmp_path, loop=loop))
            agent.said("logged in at")
        env = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        env |= {"NATPASS_SECRET": SECRET, "HOME": str(tmp_path)}
        state = ["--relay", f"127.0.0.1:{port}", "--no-tls", "--state-dir", str(tmp_path / "console")]
        # Frozen agents leave the echo of an honest console unanswered until the attack ends.
        with attacked(port) as attack:
            assert attack.is_on.wait(60)
            for number in range(3):
                for name in AGENTS:
                    command = [sys.executable, "-c", "from natpass_tui.cli import main; main()", "exec", *state, name]
                    command += ["--", "echo", f"{name} {number}"]
                    done = subprocess.run(command, capture_output=True, env=env, timeout=20, check=False, text=True)
                    assert (done.returncode, done.stdout) == (0, f"{name} {number}\n"), done.stderr
