"""Signals to the relay and the agent as programs: what a service manager sends, and what a closed terminal does."""

import os
import pty
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from natpass_relay.certificate import Certificate
from natpass_relay.server import TlsFiles
from natpass_wire.aio.tls import server_context
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LOOPS, SECRET, Program
from tests.support.relay import tls_files
from tests.support.waiting import wait_until

assert sys.platform != "win32"

LOGGED_IN = r"logged in at 127\.0\.0\.1:\d+ as box"

on_both_loops = pytest.mark.parametrize("loop", list(LOOPS))


@on_both_loops
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_both_log_that_they_have_stopped(tmp_path: Path, number: signal.Signals, status: int, loop: str) -> None:
    with agent_programs.relay(tmp_path, loop=loop) as (relay, port):
        with agent_programs.agent(tmp_path, port, loop=loop) as agent:
            agent.said(LOGGED_IN)
            assert agent.stop(number) == status
            assert re.search(rf"INFO stopping: {number.name}\n.* INFO stopped\n$", agent.output), agent.output
        assert relay.stop(number) == 0
        assert re.search(rf"INFO stopping: {number.name}\n(.*\n)*.* INFO stopped\n$", relay.output), relay.output


@on_both_loops
def test_sighup_ends_neither(tmp_path: Path, loop: str) -> None:
    with (
        agent_programs.relay(tmp_path, loop=loop) as (relay, port),
        agent_programs.agent(tmp_path, port, loop=loop) as agent,
    ):
        agent.said(LOGGED_IN)
        for times in (1, 2):
            for program in (relay, agent):
                program.process.send_signal(signal.SIGHUP)
                program.said("INFO SIGHUP: nothing to reload", times)
        agent.process.send_signal(signal.SIGTERM)
        agent.said("stopped")  # and not before
        assert agent.output.count("logged in") == 1  # the connection lived on, at both ends


def certificate_of(port: int) -> str:
    """Return the certificate that a new connection gets."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=10)


@on_both_loops
def test_sighup_gives_new_connections_the_new_certificate_and_old_ones_live_on(tmp_path: Path, loop: str) -> None:
    files, other = tls_files(tmp_path, "one"), tls_files(tmp_path, "two")
    options = ["--tls-cert", str(files.certificate), "--tls-key", str(files.key), "--listen", "127.0.0.1:0"]
    with Program("natpass_relay", [*options, "--state-dir", str(tmp_path / "relay")], tmp_path, loop=loop) as relay:
        port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        with agent_of(tmp_path, port, "box", loop) as agent:
            agent.said(LOGGED_IN)
            files.key.write_bytes(other.key.read_bytes())
            relay.process.send_signal(signal.SIGHUP)
            relay.said("ERROR SIGHUP: the certificate stays as it was: cannot use the certificate")
            assert certificate_of(port) == files.certificate.read_text()
            files.certificate.write_bytes(other.certificate.read_bytes())
            relay.process.send_signal(signal.SIGHUP)
            fingerprint = Certificate.from_pem_file(other.certificate).fingerprint
            relay.said(f"INFO SIGHUP: the certificate is a new one: SHA-256 {fingerprint}")
            assert certificate_of(port) == other.certificate.read_text()
            with agent_of(tmp_path, port, "new", loop) as new:  # whose login is bound to the new one
                new.said("logged in at .* as new")
            relay.process.send_signal(signal.SIGHUP)
            relay.said("INFO SIGHUP: the certificate is the same")
            assert agent.stop() == 0
            assert agent.output.count("logged in") == 1
            assert "WARNING" not in agent.output


@on_both_loops
def test_sighup_reads_the_certificates_of_proxies_anew(tmp_path: Path, loop: str) -> None:
    proxy, other = tls_files(tmp_path, "one"), tls_files(tmp_path, "two")
    options = ["--no-tls", "--proxy-cert", str(proxy.certificate), "--listen", "127.0.0.1:0"]
    with Program("natpass_relay", [*options, "--state-dir", str(tmp_path / "relay")], tmp_path, loop=loop) as relay:
        port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        with tls_in_front_of(port, other) as front:
            with agent_of(tmp_path, front, "early", loop) as agent:
                agent.said("certificate mismatch")
            proxy.certificate.write_text("nonsense")
            relay.process.send_signal(signal.SIGHUP)
            relay.said("ERROR SIGHUP: the certificate stays as it was: .* holds no PEM certificate")
            proxy.certificate.write_bytes(other.certificate.read_bytes())
            relay.process.send_signal(signal.SIGHUP)
            relay.said("INFO SIGHUP: the proxy's certificate in .*one.crt is a new one")
            with agent_of(tmp_path, front, "late", loop) as agent:
                agent.said("logged in at .* as late")
        relay.process.send_signal(signal.SIGHUP)
        relay.said("INFO SIGHUP: the proxy's certificate in .*one.crt is the same")


@contextmanager
def tls_in_front_of(port: int, files: TlsFiles) -> Iterator[int]:
    """Run a proxy that ends TLS in front of a relay without; yield its port."""
    context = server_context(files.certificate, files.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    sink.sendall(data)
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        def serve(bare: socket.socket) -> None:
            with (
                suppress(OSError),
                context.wrap_socket(bare, server_side=True) as secured,
                socket.create_connection(("127.0.0.1", port)) as inner,
            ):
                back = threading.Thread(target=pump, args=(inner, secured))
                back.start()
                pump(secured, inner)
                back.join()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threads.append(threading.Thread(target=serve, args=(listener.accept()[0],)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join()


def agent_of(folder: Path, port: int, name: str, loop: str) -> Program:
    options = ["--relay", f"127.0.0.1:{port}", "--id", name, "--state-dir", str(folder / "agent")]
    return Program("natpass_agent", options, folder, loop=loop)


@contextmanager
def in_a_terminal(command: list[str], folder: Path) -> Iterator[tuple[int, int]]:
    """Run a command as the leader of a terminal's session; yield its process id and the terminal's other end."""
    environment = {"HOME": str(folder), "NATPASS_SECRET": SECRET, "PATH": os.environ["PATH"]}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(command[0], command, environment)
    try:
        yield pid, terminal
    finally:
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        except ChildProcessError:
            pass  # the test has seen its end


def programs(folder: Path) -> dict[str, list[str]]:
    """Return the commands, and that their logs go to `NAME.log`, since the terminal will be gone."""
    bin_folder = Path(sys.executable).parent
    common = ["--no-tls", "--state-dir", str(folder / "state")]
    return {
        "relay": [str(bin_folder / "natpass-relay"), "--listen", "127.0.0.1:0", *common],
        "agent": [str(bin_folder / "natpass-agent"), "--relay", "127.0.0.1:1", "--id", "box", *common],
    }


STARTED = {"relay": "listening on", "agent": "cannot reach"}


@pytest.mark.parametrize("name", ["relay", "agent"])
def test_a_closed_terminal_ends_what_was_started_in_it(tmp_path: Path, name: str) -> None:
    log = tmp_path / "log"
    with in_a_terminal([*programs(tmp_path)[name], "--log-file", str(log)], tmp_path) as (pid, terminal):
        if name == "agent":
            wait_until(lambda: STARTED[name] in text_of(log))
        else:
            wait_for_line(terminal, STARTED[name])
        os.kill(pid, signal.SIGHUP)  # while the terminal is there, that is a request like any other
        wait_until(lambda: "SIGHUP: nothing to reload" in log.read_text())
        os.close(terminal)
        ended, status = os.waitpid(pid, 0)
        assert (ended, os.waitstatus_to_exitcode(status)) == (pid, 0)
    assert "stopping: the terminal that this was started from is closed" in log.read_text()
    assert log.read_text().endswith("INFO stopped\n")


@pytest.mark.skipif(shutil.which("nohup") is None, reason="needs nohup")
@pytest.mark.parametrize("name", ["relay", "agent"])
def test_nohup_keeps_it_when_its_terminal_is_closed(tmp_path: Path, name: str) -> None:
    log = tmp_path / "log"
    with in_a_terminal(["nohup", *programs(tmp_path)[name], "--log-file", str(log)], tmp_path) as (pid, terminal):
        out = tmp_path / "nohup.out"  # which nohup makes
        wait_until(lambda: STARTED[name] in text_of(out if name == "relay" else log))
        os.close(terminal)  # HUP to the session's leader
        wait_until(lambda: "SIGHUP: nothing to reload" in log.read_text())
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: log.read_text().count("SIGHUP: nothing to reload") == 2)
        os.kill(pid, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert log.read_text().endswith("INFO stopped\n")


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def wait_for_line(terminal: int, text: str) -> None:
    said = b""
    while text.encode() not in said:
        said += os.read(terminal, 4096)


def test_a_job_in_the_background_lives_on_when_its_shell_is_done(tmp_path: Path) -> None:
    """`natpass-agent & exit`, as scripts start it: no terminal was closed."""
    log = tmp_path / "log"
    command = [*programs(tmp_path)["agent"], "--log-file", str(log)]
    environment = {"HOME": str(tmp_path), "NATPASS_SECRET": SECRET, "PATH": os.environ["PATH"]}
    script = '"$@" >out 2>&1 & echo $!'
    found = subprocess.run(
        ["setsid", "sh", "-c", script, "sh", *command],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=tmp_path,
    )
    pid = int(found.stdout)
    try:
        wait_until(lambda: STARTED["agent"] in text_of(log))
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: "SIGHUP: nothing to reload" in log.read_text())
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: log.read_text().endswith("INFO stopped\n"))
