"""`natpass-tui forward`, `connect` and `ssh-config` with a real relay and agent, as scripts and ssh use them."""

import contextlib
import getpass
import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LOOPS, ROOT, SECRET, Program
from tests.support import sshd
from tests.support.network.line import Shape
from tests.support.network.proxy import NetworkProxy

assert sys.platform != "win32"

HOST = "127.0.0.1"
LISTENING = r"listening on (?:box at )?(127\.0\.0\.1:\d+)"
DATA = random.Random(1).randbytes(3_000_000)


class Place:
    """A relay, and an agent called `box`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.options = ["--relay", f"{HOST}:{port}", "--no-tls", "--state-dir", str(folder / "tui")]

    def agent(self) -> Program:
        found = agent_programs.agent(self.folder, self.port)
        found.said("logged in")
        return found

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "natpass_tui", *words, *self.options]

    def env(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        return clean | {"HOME": str(self.folder), "NATPASS_SECRET": SECRET}

    def run(self, *words: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.words(*words), input=data, capture_output=True, check=False, timeout=60, env=self.env(), cwd=ROOT
        )

    @contextmanager
    def forward(
        self, *words: str, listening: int = 1, prefix: Sequence[str] = (), loop: str = "uvloop"
    ) -> Iterator[tuple[Program, list[str]]]:
        """Run forwards; yield the program, and where it listens, once that is so many places."""
        words = ("forward", *words, *self.options)
        with Program("natpass_tui", list(words), self.folder, loop=loop, prefix=prefix) as program:
            if listening:
                program.said(LISTENING, listening)
            yield program, re.findall(LISTENING, program.output)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with agent_programs.relay(tmp_path) as (_, port):
        yield Place(tmp_path, port)


@contextmanager
def echo() -> Iterator[int]:
    """Run a server that sends back what came, once that has ended; yield its port."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as connection:
                        data = read_all(connection)
                        connection.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def read_all(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def read(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes."""
    found = b""
    while len(found) < size and (piece := connection.recv(size - len(found))):
        found += piece
    return found


def connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def echoed(connection: socket.socket, data: bytes) -> bytes:
    """Send data and its end; return what comes back."""

    def send() -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    with connection:
        sending = threading.Thread(target=send)
        sending.start()
        found = read_all(connection)
        sending.join()
        return found


def test_all_directions_at_once_and_the_end_by_a_signal(place: Place) -> None:
    with place.agent(), echo() as port, socket.socket(type=socket.SOCK_DGRAM) as dns:
        dns.bind((HOST, 0))
        dns.settimeout(30)
        udp = dns.getsockname()[1]
        rules = ["-L", f"0:localhost:{port}", "-R", f"0:localhost:{port}", "-D", "0", "-U", f"0:{HOST}:{udp}"]
        with place.forward("box", *rules, listening=4) as (program, addresses):
            local, remote, proxy, flow = addresses
            for address in (local, remote):
                assert echoed(connect(address), DATA) == DATA
            through = connect(proxy)
            through.sendall(b"\x05\x01\x00\x05\x01\x00\x03\x09localhost" + port.to_bytes(2, "big"))
            assert read(through, 12)[:4] == b"\x05\x00\x05\x00"
            assert echoed(through, DATA) == DATA
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(30)
                client.connect((HOST, int(flow.rpartition(":")[2])))
                for data in (b"", b"a", DATA[:8192]):
                    client.send(data)
                    got, source = dns.recvfrom(1 << 16)
                    assert got == data
                    dns.sendto(got, source)
                    assert client.recv(1 << 16) == data
            open_one = connect(local)
            assert program.stop(signal.SIGTERM) == 0
            with open_one, pytest.raises(ConnectionResetError):
                open_one.recv(1)
        for address in (local, remote, proxy):
            with pytest.raises(ConnectionRefusedError):
                connect(address)
        with place.forward("box", "-D", "0") as (program, _):
            assert program.stop(signal.SIGINT) == 130


def test_in_the_background_of_a_script_sigterm_ends_it_and_sigint_does_not(place: Place) -> None:
    """POSIX has a shell without job control start such programs with SIGINT ignored."""
    script = '"$@" & echo "$!"; wait "$!"; echo "status $?"'
    with place.agent(), echo() as port:
        words = place.words("forward", "box", "-L", f"0:localhost:{port}")
        with subprocess.Popen(
            ["sh", "-c", script, "sh", *words], stdout=subprocess.PIPE, env=place.env(), cwd=ROOT, text=True
        ) as shell:
            assert shell.stdout is not None
            number = int(shell.stdout.readline())
            found = re.search(LISTENING, shell.stdout.readline())
            assert found is not None
            os.kill(number, signal.SIGINT)
            assert echoed(connect(found[1]), b"data") == b"data"
            os.kill(number, signal.SIGTERM)
            assert shell.stdout.read() == "status 0\n"


def test_more_connections_than_the_system_allows_are_reset_with_a_line(place: Place) -> None:
    """The soft limit is raised; at the hard one, no connection is lost without a word, and those before go on."""
    limits = ["sh", "-c", 'ulimit -Sn 64 && ulimit -Hn 160 && exec "$@"', "sh"]
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(socket.create_server((HOST, 0), backlog=500))
        stack.enter_context(place.agent())
        rule = f"0:{HOST}:{target.getsockname()[1]}"
        command = ["forward", "box", "-L", rule, *place.options]
        program = stack.enter_context(Program("natpass_tui", command, place.folder, prefix=limits))
        address = program.said(LISTENING)[1]
        opened = []
        for _ in range(100):
            opened.append(stack.enter_context(connect(address)))
            stack.enter_context(target.accept()[0]).sendall(b"!")
            assert opened[-1].recv(1) == b"!"
        too_many = [stack.enter_context(connect(address)) for _ in range(100)]
        with pytest.raises(ConnectionResetError):
            too_many[-1].recv(1)
        program.said(rf"box: -L {rule}: too many connections: the system allows this program 160 open files")
        opened[0].sendall(b"?")


def test_mistakes_and_an_agent_that_is_away_are_one_line(place: Place) -> None:
    done = place.run("forward", "box", "-L", "0:localhost:1")
    assert (done.returncode, done.stdout) == (255, b"")
    assert b"box is not connected" in done.stderr
    with place.agent(), socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        place.run("agents")
        place.run("forward", "box", "-L", f"{port}:localhost:1")  # it says whose key it pins
        for rule, why in (
            (("-L", f"{port}:localhost:1"), b"Address already in use"),
            (("-R", f"{port}:localhost:1"), b"in use"),
            (("-R", "0.0.0.0:0:localhost:1"), b"not allowed"),
            (("-R", "0:no-such-host.invalid:1"), b"has no address here"),
        ):
            done = place.run("forward", "box", "-D", "0", *rule)
            assert (done.returncode, done.stdout) == (2, b"")
            assert why in done.stderr
            assert done.stderr.count(b"\n") == 1, done.stderr
        done = place.run("connect", "box", "localhost:1")
        assert (done.returncode, done.stdout) == (255, b"")
        assert b"refused" in done.stderr


def test_a_refused_target_ends_its_connection_with_a_line(place: Place) -> None:
    with place.agent(), socket.socket() as unused:
        unused.bind((HOST, 0))
        port = unused.getsockname()[1]
        with place.forward("box", "-L", f"0:{HOST}:{port}") as (program, (address,)):
            with connect(address) as connection, pytest.raises(ConnectionResetError):
                connection.recv(1)
            program.said(rf"box: -L 0:{HOST}:{port}: .*refused")


def test_rules_begin_again_when_the_agent_is_back(place: Place) -> None:
    config = place.folder / "tui.toml"
    with echo() as port:
        config.write_text(
            f'[[forward]]\nagent = "box"\nlocal = "0:localhost:{port}"\nremote = ["0:localhost:{port}"]\n'
        )
        with place.forward("--rules", "--config", str(config), listening=0) as (program, _):
            program.said("box .*waiting for it")
            for times in (1, 2):
                with place.agent() as agent:
                    program.said("box is back", times)
                    program.said(LISTENING, 2 * times)
                    addresses = re.findall(LISTENING, program.output)
                    assert addresses[:2] == addresses[-2:]  # at the same ports
                    for address in addresses[-2:]:
                        assert echoed(connect(address), b"data") == b"data"
                    with connect(addresses[0]) as connection:
                        agent.stop()
                        with pytest.raises(ConnectionResetError):
                            connection.recv(1)
                program.said("reconnecting", times)
            assert program.stop() == 0


def refused(address: str) -> bool:
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_while_the_agent_does_not_answer_connections_are_refused_and_none_waits(
    tmp_path: Path, how: signal.Signals
) -> None:
    with (
        agent_programs.relay(tmp_path, "--dead-after", "3") as (_, port),
        contextlib.closing(socket.create_server((HOST, 0))) as target,
    ):
        place = Place(tmp_path, port)
        rules = ["-L", f"0:{HOST}:{target.getsockname()[1]}", "-D", "0"]
        with place.agent() as agent, place.forward("box", *rules, listening=2) as (program, addresses):
            with connect(addresses[0]) as opened, target.accept()[0] as there:
                opened.sendall(b"1")
                assert read(there, 1) == b"1"
                agent.process.send_signal(how)
                with connect(addresses[0]) as early, pytest.raises(ConnectionResetError):
                    early.recv(1)
                program.said("box: -L .*: agent box is not connected")
                assert program.said(r"cut off \(agent box is not connected\); reconnecting")
                assert all(refused(address) for address in addresses)
                if how is signal.SIGSTOP:
                    agent.process.send_signal(signal.SIGCONT)
                    program.said("box is back")
                    opened.sendall(b"2")
                    assert read(there, 1) == b"2"  # it went on
                    again = listens_again(program)
                else:
                    agent.process.wait()
                    with place.agent():
                        program.said("box is back")
                        with pytest.raises(ConnectionResetError):
                            opened.recv(1)
                        again = listens_again(program)
                assert again == addresses
            assert program.stop() == 0
            assert "Traceback" not in program.output


def listens_again(program: Program) -> list[str]:
    """Return where the two rules listen the second time."""
    program.said(LISTENING, 4)
    return re.findall(LISTENING, program.output)[2:]


def test_connect_passes_bytes_and_half_closes(place: Place) -> None:
    with place.agent(), echo() as port:
        place.run("connect", "box", f"localhost:{port}")  # it says whose key it pins
        done = place.run("connect", "box", f"localhost:{port}", data=DATA)
        assert (done.returncode, done.stderr) == (0, b"")
        assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(DATA).digest()


def test_the_last_bytes_of_connect_arrive_over_a_slow_line(place: Place) -> None:
    """The target has ended first, so stdin's end is the end of all: what is still on its way must not be given up."""
    data = DATA[:200_000]
    with (
        place.agent(),
        NetworkProxy(place.port, shape=Shape(rate=100e3, delay=0.1)) as network,
        socket.create_server((HOST, 0)) as target,
    ):
        slow = Place(place.folder, network.port)
        words = slow.words("connect", "box", f"{HOST}:{target.getsockname()[1]}")
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=place.env(), cwd=ROOT) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with target.accept()[0] as there:
                there.shutdown(socket.SHUT_WR)
                assert process.stdout.read() == b""
                process.stdin.write(data)
                process.stdin.close()
                there.settimeout(60)
                assert read_all(there) == data
            assert process.wait(30) == 0


@pytest.mark.skipif(not sshd.is_there(), reason="no sshd")
def test_ssh_scp_and_rsync_reach_an_sshd_behind_the_agent(place: Place) -> None:
    folder, user = place.folder, getpass.getuser()
    with place.agent(), sshd.server(folder) as (port, config):
        block = place.run("ssh-config")
        assert block.returncode == 0
        ssh_config = folder / "config"
        ssh_config.write_text(f"Port {port}\n{config.read_text()}\n{block.stdout.decode()}")
        remote, source, back = folder / "remote", folder / "source", folder / "back"
        source.mkdir()
        for number in range(30):
            (source / f"file-{number}").write_bytes(DATA[: number * 1000])
        ssh = ["ssh", "-F", str(ssh_config)]
        where = f"{user}@box.natpass"
        for command in (
            [*ssh, where, "echo", "hello"],
            ["scp", "-q", "-F", str(ssh_config), "-r", str(source), f"{where}:{remote}"],
            ["rsync", "-a", "-e", " ".join(ssh), f"{where}:{remote}/", str(back)],
        ):
            done = subprocess.run(command, capture_output=True, check=False, timeout=60, env=place.env(), cwd=ROOT)
            assert done.returncode == 0, (command, done.stderr)
        assert {file.name: file.read_bytes() for file in back.iterdir()} == {
            file.name: file.read_bytes() for file in source.iterdir()
        }
        sent = subprocess.run(
            [*ssh, where, "cat"], input=DATA, capture_output=True, check=False, timeout=60, env=place.env(), cwd=ROOT
        )
        assert sent.stdout == DATA
        known = (folder / "known").read_text()
        assert f"[box.natpass]:{port} " in known


@pytest.mark.skipif(not sshd.is_there(), reason="no sshd")
def test_ssh_works_in_a_fresh_shell_with_a_block_made_elsewhere(place: Place) -> None:
    """The relay was in the environment, the secret in a file that a config file of another folder names."""
    folder = place.folder
    (folder / "its.toml").write_text('secret-file = "its-secret"\nstate-dir = "tui"\nno-tls = true\n')
    (folder / "its-secret").write_text(SECRET)
    (folder / "its-secret").chmod(0o600)
    fresh = {key: value for key, value in place.env().items() if not key.startswith("NATPASS_")}
    with place.agent(), sshd.server(folder) as (port, config):
        made = subprocess.run(
            [sys.executable, "-m", "natpass_tui", "--config", "its.toml", "ssh-config", "box"],
            capture_output=True,
            check=False,
            timeout=60,
            env=fresh | {"NATPASS_RELAY": place.options[1], "PYTHONPATH": str(ROOT)},
            cwd=folder,
        )
        assert (made.returncode, made.stderr) == (0, b"")
        ssh_config = folder / "config"
        ssh_config.write_text(f"Port {port}\n{config.read_text()}\n{made.stdout.decode()}")
        done = subprocess.run(
            ["ssh", "-F", str(ssh_config), f"{getpass.getuser()}@box", "echo", "hello"],
            capture_output=True,
            check=False,
            timeout=60,
            env=fresh | {"PYTHONPATH": str(ROOT)},
            cwd="/",
        )
        assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr


def test_the_end_of_the_relay_is_survived(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        relay, port = stack.enter_context(agent_programs.relay(tmp_path))
        place = Place(tmp_path, port)
        stack.enter_context(place.agent())
        target = stack.enter_context(socket.create_server((HOST, 0)))
        program, (address,) = stack.enter_context(place.forward("box", "-L", f"0:{HOST}:{target.getsockname()[1]}"))
        here = stack.enter_context(connect(address))
        there = stack.enter_context(target.accept()[0])
        there.settimeout(60)
        here.sendall(b"before")
        assert read(there, 6) == b"before"
        relay.kill()
        here.sendall(b"between")
        program.said("reconnecting")
        stack.enter_context(agent_programs.relay(tmp_path, port=port))
        assert read(there, 7) == b"between"
        program.said("box is back")


@pytest.mark.parametrize("loop", LOOPS)
def test_more_connections_than_the_usual_limit_on_open_files(place: Place, loop: str) -> None:
    few = ("sh", "-c", 'ulimit -Sn 64; exec "$@"', "sh")
    with (
        socket.create_server((HOST, 0), backlog=128) as target,
        place.agent(),
        contextlib.ExitStack() as open_ones,
        place.forward("box", "-L", f"0:{HOST}:{target.getsockname()[1]}", prefix=few, loop=loop) as (_, (address,)),
    ):
        target.settimeout(60)
        for _ in range(100):
            open_ones.enter_context(connect(address)).sendall(b"data")
        for _ in range(100):  # in any order
            assert read(open_ones.enter_context(target.accept()[0]), 4) == b"data"
