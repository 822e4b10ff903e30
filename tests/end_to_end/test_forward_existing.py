"""`natpass-tui forward` and `connect` through an existing agent, which is made of bytes."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LEGACY_SECRET, SECRET
from tests.support.witness import (
    CADDR,
    CONNECT_REQ,
    CREQ,
    DATA,
    DISCONNECT,
    FORWARD,
    FROM,
    KIND,
    LINK_ID,
    NAME,
    TCP,
    Closed,
    Message,
    Witness,
    md5_proof,
)

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

ROOT = Path(__file__).parents[2]


class OldAgent(threading.Thread):
    """An existing agent: each connection that it is asked for is an echo, in capitals; port 1 refuses."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.witness = Witness("127.0.0.1", port, "old")
        self.witness.log_in(md5_proof(LEGACY_SECRET))
        self.requests: list[Message] = []
        self.ended: list[str] = []

    def run(self) -> None:
        while True:
            try:
                found = self.witness.receive(3600)
            except (Closed, OSError, TimeoutError):
                return
            opener, link = found.text(FROM), found.text(LINK_ID)
            if found.kind == CONNECT_REQ:
                self.requests.append(found.part(CREQ))
                if found.part(CREQ).part(CADDR).number(2) == 1:
                    self.witness.refuse(found, "dial tcp 10.0.0.1:1: connect: connection refused")
                else:
                    self.witness.accept(found)
            elif found.kind == FORWARD:
                data = found.part(DATA).content(1)
                self.witness.send_data(opener, link, data.upper())
                if data.endswith(b"bye"):
                    self.witness.disconnect(opener, link)
            elif found.kind == DISCONNECT:
                self.ended.append(link)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, int, OldAgent]]:
    with agent_programs.relay(tmp_path, "--legacy", "md5") as (_, port):
        agent = OldAgent(port)
        with closing(agent.witness):
            agent.start()
            yield tmp_path, port, agent


def words(port: int, *rest: str) -> list[str]:
    return [sys.executable, "-m", "natpass_tui", rest[0], "--relay", f"127.0.0.1:{port}", "--no-tls", *rest[1:]]


def env(folder: Path) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
    return clean | {"HOME": str(folder), "NATPASS_SECRET": SECRET}


@contextmanager
def forwarding(folder: Path, port: int, *rules: str) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    pipe = subprocess.PIPE
    command = words(port, "forward", "old", *rules, "--allow-unsealed")
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env(folder), cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            ports = []
            for _ in range(len(rules) // 2):
                line = process.stdout.readline()
                found = re.search(r"127\.0\.0\.1:(\d+)", line)
                assert found is not None, line + (process.stderr.read() if process.stderr and not line else "")
                ports.append(int(found[1]))
            yield process, ports
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def all_of(sock: socket.socket) -> bytes:
    found = b""
    while piece := sock.recv(65536):
        found += piece
    return found


def test_a_connection_is_a_plain_link_of_its_own(place: tuple[Path, int, OldAgent]) -> None:
    folder, port, agent = place
    with forwarding(folder, port, "-L", "0:web:80", "-L", "0:[::1]:81") as (_, (one, other)):
        for local, (host, there) in ((one, ("web", 80)), (other, ("[::1]", 81)), (one, ("web", 80))):
            with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
                content = b"a word, " * 50_000 + b"bye"
                sender = threading.Thread(target=sock.sendall, args=(content,))
                sender.start()
                assert all_of(sock) == content.upper()
                sender.join()
            asked = agent.requests[-1]
            assert asked.number(KIND) == TCP
            assert (asked.part(CADDR).text(1), asked.part(CADDR).number(2)) == (host, there)
        assert len({asked.text(NAME) for asked in agent.requests}) == 2


def test_a_program_that_takes_nothing_holds_up_no_other(place: tuple[Path, int, OldAgent]) -> None:
    folder, port, _ = place
    content = b"a word, " * 3_000_000 + b"bye"
    with forwarding(folder, port, "-L", "0:web:80") as (_, (local,)), closing(socket.socket()) as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the system holds little for it
        idle.settimeout(60)
        idle.connect(("127.0.0.1", local))
        sender = threading.Thread(target=idle.sendall, args=(content,))
        sender.start()
        sender.join(60)
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", local), timeout=20) as sock:
                sock.sendall(content[-100_000:])
                assert all_of(sock) == content[-100_000:].upper()
        assert idle.recv(8) == b"A WORD, "


def test_a_proxy_and_a_target_that_refuses(place: tuple[Path, int, OldAgent]) -> None:
    folder, port, agent = place
    with forwarding(folder, port, "-D", "0") as (_, (proxy,)):
        for target, answer in ((80, 0), (1, 5)):  # RFC 1928: succeeded, connection refused
            with socket.create_connection(("127.0.0.1", proxy), timeout=20) as sock:
                sock.sendall(b"\5\1\0")
                assert sock.recv(2) == b"\5\0"
                sock.sendall(b"\5\1\0\3\3web" + target.to_bytes(2, "big"))
                assert sock.recv(2)[1] == answer
        assert agent.requests[0].part(CADDR).text(1) == "web"


def test_connect_carries_stdin_and_stdout(place: tuple[Path, int, OldAgent]) -> None:
    folder, port, _ = place
    found = subprocess.run(
        words(port, "connect", "old", "web:80", "--allow-unsealed"),
        input=b"hello and bye",
        capture_output=True,
        check=False,
        timeout=40,
        env=env(folder),
        cwd=ROOT,
    )
    assert (found.returncode, found.stdout) == (0, b"HELLO AND BYE"), found.stderr


@pytest.mark.parametrize("rules", [("-L", "0:web:80"), ("-D", "0")])
def test_without_leave_it_is_refused(place: tuple[Path, int, OldAgent], rules: tuple[str, ...]) -> None:
    folder, port, agent = place
    found = subprocess.run(
        words(port, "forward", "old", *rules),
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
        env=env(folder),
        cwd=ROOT,
    )
    assert found.returncode == 255
    assert "need --allow-unsealed" in found.stderr
    assert agent.requests == []
