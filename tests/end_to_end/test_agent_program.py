"""The command natpass-agent with a real relay, both as programs."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import Link
from natpass_wire.aio.tasks import Tasks
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell
from natpass_wire.pb.login_pb2 import Role
from tests.agent.processes import is_gone
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET, Program
from tests.support.sealing import link_key, sealing
from tests.support.waiting import patience, wait_for, wait_until

assert sys.platform != "win32"

LOGGED_IN = r"logged in at 127\.0\.0\.1:\d+ as box"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_it_logs_in_and_stops_cleanly(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port):
        for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
            with agent_programs.agent(tmp_path, port) as agent:
                agent.said(LOGGED_IN)
                assert agent.stop(number) == status
                assert "Traceback" not in agent.output


def test_over_tls_with_the_relays_own_certificate(tmp_path: Path) -> None:
    options = ["--listen", "127.0.0.1:0", "--state-dir", str(tmp_path / "relay")]
    with Program("natpass_relay", options, tmp_path) as relay:
        port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        options = ["--relay", f"127.0.0.1:{port}", "--id", "box", "--state-dir", str(tmp_path / "agent")]
        with Program("natpass_agent", options, tmp_path) as agent:
            agent.said(LOGGED_IN)


@pytest.mark.parametrize("dialect", ["md5", "hmac"])
def test_it_logs_in_with_the_handshakes_of_existing_relays(tmp_path: Path, dialect: str) -> None:
    env = {"NATPASS_LEGACY_SECRET": agent_programs.LEGACY_SECRET}
    with (
        agent_programs.relay(tmp_path, "--legacy", dialect) as (_, port),
        agent_programs.agent(tmp_path, port, "--legacy", dialect, env=env) as agent,
    ):
        agent.said(LOGGED_IN)


def test_it_waits_for_a_relay_that_is_not_there_and_says_so_once(tmp_path: Path) -> None:
    port = free_port()
    with agent_programs.agent(tmp_path, port, "--log-level", "debug") as agent:
        agent.said("cannot reach")
        with agent_programs.relay(tmp_path, port=port):
            agent.said(LOGGED_IN)
        assert agent.process.poll() is None
        assert agent.output.count("cannot reach") == 1


def test_it_is_back_after_the_relay_was_killed_and_started_again(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (relay, port), agent_programs.agent(tmp_path, port) as agent:
        agent.said(LOGGED_IN)
        relay.kill()
        agent.said("WARNING")
        with agent_programs.relay(tmp_path, port=port):
            agent.said(LOGGED_IN, times=2)
        assert agent.process.poll() is None


def test_a_refusal_is_told_with_its_reason_and_once(tmp_path: Path) -> None:
    with (
        agent_programs.relay(tmp_path) as (_, port),
        agent_programs.agent(tmp_path, port, env={"NATPASS_SECRET": "quite another secret"}) as agent,
    ):
        agent.said(r"the relay refuses the login: wrong secret \(from NATPASS_SECRET\)")
        assert agent.process.poll() is None
        assert agent.output.count("wrong secret") == 1
        assert "quite another secret" not in agent.output
    path = tmp_path / "secret"
    path.write_text("quite another secret")
    path.chmod(0o600)
    with (
        agent_programs.relay(tmp_path) as (_, port),
        agent_programs.agent(tmp_path, port, "--secret-file", str(path)) as agent,
    ):
        agent.said(rf"the relay refuses the login: wrong secret \(from {re.escape(str(path))}\)")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--id", "server"], "is the relay's own id"),
        (["--id", "a\u202eb"], "bidi"),
        (["--relay", "192.0.2.1:1"], "--insecure"),
        (["--no-such-option"], "--no-such-option"),
        (["--secret", "short"], "at least 16"),
        (["--legacy", "md6"], "md6"),
    ],
)
def test_a_users_mistake_is_one_line_and_status_2(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    with agent_programs.agent(tmp_path, 1, *arguments) as agent:
        assert agent.status() == 2
        assert complaint in agent.output
        assert agent.output.count("\n") == 1
        assert agent.output.startswith("natpass-agent: ")


def test_the_config_file_has_the_options_names_and_no_others(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    with agent_programs.relay(tmp_path) as (_, port):
        config.write_text(f'relay = "127.0.0.1:{port}"\nid = "configured"\nno-tls = true\n')
        with Program("natpass_agent", ["--config", str(config), "--state-dir", str(tmp_path)], tmp_path) as agent:
            agent.said("logged in at .* as configured")
        config.write_text("speed = 9\n")
        with Program("natpass_agent", ["--config", str(config)], tmp_path) as agent:
            assert agent.status() == 2
            assert "unknown key" in agent.output
            assert "speed" in agent.output


def test_without_a_relay_it_asks_which(tmp_path: Path) -> None:
    with Program("natpass_agent", [], tmp_path) as agent:
        assert agent.status() == 2
        assert "which relay?" in agent.output


def test_a_second_agent_of_the_same_id_and_state_directory_says_so(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port), agent_programs.agent(tmp_path, port) as first:
        first.said(LOGGED_IN)
        with agent_programs.agent(tmp_path, port) as second:
            assert second.status() == 2
            assert "is running already" in second.output
            assert second.output.count("\n") == 1
        with agent_programs.agent(tmp_path, port, "--id", "box2") as other:
            other.said("logged in at .* as box2")
        first.kill()
        with agent_programs.agent(tmp_path, port) as next_one:
            next_one.said(LOGGED_IN)


def test_it_needs_no_display_and_imports_nothing_that_does(tmp_path: Path) -> None:
    script = "import sys, natpass_agent.cli; print({'mss', 'pynput', 'PIL', 'Xlib', 'textual'} & set(sys.modules))"
    env = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=env)
    assert found.stdout.strip() == "set()"


async def open_shell(port: int, tasks: Tasks, program: str) -> Link:
    """Open a shell on the agent `box`, as a console would."""
    claims = v2.Claims("tui-test-01234567", Role.ROLE_CONSOLE, (), "test", bytes(16))
    target = RelayTarget(
        RelayAddress("127.0.0.1", port),
        tls=False,
        claims=claims,
        login=LoginKey.from_secret(SECRET),
        sealing=sealing(link_key(SECRET)),
    )
    console = RelayClient(target)
    tasks.start(console.run(), "console")
    await console.online()
    shell = ConnectShell(exec=program)
    return await console.open_link("box", ConnectRequest(kind=ConnectRequest.shell, cshell=shell))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_when_the_agent_ends_its_shells_do(tmp_path: Path, number: signal.Signals) -> None:
    tasks = Tasks()
    # Nobody can kill what ignores HUP after the agent itself was killed.
    script = "echo ready; while :; do sleep 1000; done"
    trap = "" if number == signal.SIGKILL else 'trap "" HUP; '
    with agent_programs.relay(tmp_path) as (_, port), agent_programs.agent(tmp_path, port) as agent:
        agent.said(LOGGED_IN)
        link = await open_shell(port, tasks, f"sh -c '{trap}{script}'")
        try:
            message = await link.receive()
            assert message.type == MsgType.shell_data
            shells = psutil.Process(agent.process.pid).children(recursive=True)
            await wait_for(lambda: shells)
            agent.process.send_signal(number)
            if number == signal.SIGKILL:  # it says nothing, and might be back: the link waits for it
                await wait_for(lambda: link.detached)
            else:
                assert (await link.ended()).text
            agent.process.wait(timeout=patience(10))
            await wait_for(lambda: all(is_gone(shell) for shell in shells))
        finally:
            await tasks.close()


async def test_closing_the_last_link_leaves_an_idle_agent(tmp_path: Path) -> None:
    tasks = Tasks()
    with agent_programs.relay(tmp_path) as (_, port), agent_programs.agent(tmp_path, port) as agent:
        agent.said(LOGGED_IN)
        process = psutil.Process(agent.process.pid)
        before = process.num_fds()
        link = await open_shell(port, tasks, "cat")
        assert process.children()
        link.close()
        wait_until(lambda: not process.children() and process.num_fds() == before)
        await tasks.close()
