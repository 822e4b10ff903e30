"""The console as a program behind an existing relay with existing agents, which are made of bytes."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("ptyprocess", reason="no pseudo-terminals")

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LEGACY_SECRET, SECRET
from tests.end_to_end.outer_terminal import OuterTerminal, outer_terminal
from tests.support.waiting import wait_until
from tests.support.witness import CONNECT_REQ, FROM, HANDSHAKE, HSP, LINK_ID, TO, Message, Witness, hmac_proof

ROOT = Path(__file__).parents[2]


class OldRelay(Witness):
    """An existing relay that has one client, a console; it speaks for its agents as well."""

    console: str

    def asked(self) -> tuple[Message, str]:
        """Wait until the console asks an agent for a link, and be that agent; return the request and the link's id."""
        request = self.receive_where(lambda message: message.kind == CONNECT_REQ)
        self.client_id = request.text(TO)
        return request, request.text(LINK_ID)

    def shell(self, prompt: bytes) -> str:
        """Wait until the console asks for a shell, and open it; return the link's id."""
        request, link_id = self.asked()
        self.accept(request)
        self.send_shell(self.console, link_id, prompt)
        return link_id


@contextmanager
def console(folder: Path, *words: str, rows: int = 24, cols: int = 120) -> Iterator[tuple[OuterTerminal, OldRelay]]:
    """Run a console; yield its terminal, and its relay, where it has logged in."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        options = ["--relay", f"127.0.0.1:{server.getsockname()[1]}", "--no-tls", "--legacy", "hmac"]
        command = [sys.executable, "-m", "natpass_tui", *words, *options]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        env = clean | {
            "NATPASS_LEGACY_SECRET": LEGACY_SECRET,
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
        }
        with outer_terminal(rows, cols, command, env) as terminal:
            connection, _ = server.accept()
            with OldRelay.of(connection, "server") as relay:
                login = relay.receive()
                assert login.kind == HANDSHAKE
                assert login.part(HSP).content(1) == hmac_proof(LEGACY_SECRET)
                relay.console = login.text(FROM)
                yield terminal, relay


def status(terminal: OuterTerminal) -> int | None:
    """Wait until the console has ended; return its exit status."""
    wait_until(lambda: not terminal.process.isalive(), "the end of the console")
    found: int | None = terminal.process.exitstatus
    return found


def test_an_agent_that_is_gone_is_said_so_and_waited_for(tmp_path: Path) -> None:
    with console(tmp_path, "shell", "old", "--allow-unsealed") as (terminal, relay):
        link_id = relay.shell(b"first$ ")
        terminal.wait_for("first$")
        relay.say_gone(relay.console, link_id)
        terminal.wait_for("old is gone")
        again = relay.shell(b"second$ ")  # by itself
        assert again != link_id
        terminal.wait_for("second$")
        assert "── old is gone" in terminal.text()
        assert terminal.process.isalive()


def test_a_link_that_ends_without_a_status_is_said_so_and_is_no_success(tmp_path: Path) -> None:
    with console(tmp_path, "shell", "old", "--allow-unsealed") as (terminal, relay):
        link_id = relay.shell(b"first$ ")
        terminal.wait_for("first$")
        relay.disconnect(relay.console, link_id)
        assert status(terminal) == 255
        terminal.wait_for("natpass-tui: old: the link ended without a status")


def test_existing_programs_in_the_list_and_what_is_said_of_them(tmp_path: Path) -> None:
    """Of three: one opens a link, one serves it, and one has done neither."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        env = clean | {"NATPASS_SECRET": SECRET, "HOME": str(tmp_path)}
        command = [
            sys.executable,
            "-m",
            "natpass_tui",
            words[0],
            "--relay",
            f"127.0.0.1:{port}",
            "--no-tls",
            *words[1:],
        ]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=env, cwd=ROOT, timeout=30)

    def listed() -> list[tuple[str, str]]:
        return [(agent["id"], agent["state"]) for agent in json.loads(run("agents", "--json").stdout)]

    with (
        agent_programs.relay(tmp_path, "--legacy", "hmac") as (_, port),
        Witness("127.0.0.1", port, "old-agent") as target,
        Witness("127.0.0.1", port, "old-browser") as opener,
        Witness("127.0.0.1", port, "old-unknown") as unknown,
    ):
        for one in (target, opener, unknown):
            one.log_in(hmac_proof(LEGACY_SECRET))
        wait_until(lambda: len(listed()) == 3, "three in the list")
        link_id = opener.ask_for_shell("old-agent")
        target.accept(target.receive_where(lambda message: message.kind == CONNECT_REQ))
        assert opener.answer_of(link_id) == (True, "")
        seen = [("old-agent", "online"), ("old-unknown", "online"), ("old-browser", "console")]
        wait_until(lambda: listed() == seen, "a console that is marked")
        done = run("exec", "old-agent", "--", "true")
        assert (done.returncode, done.stdout) == (255, "")
        assert done.stderr == (
            "natpass-tui: links to old-agent, which logged in as an existing natpass program, have shells, "
            "and no commands: natpass-tui shell old-agent --allow-unsealed\n"
        )


def test_of_an_agent_behind_an_existing_relay_nothing_is_said_that_nobody_knows(tmp_path: Path) -> None:
    with console(tmp_path, "shell", "box") as (terminal, _):
        assert status(terminal) == 255
        terminal.wait_for(
            "natpass-tui: no shell: links to box through an existing relay (--legacy) are not sealed, and need --allow"
        )
