"""The console as a program behind an existing relay with existing agents, which are made of bytes."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("ptyprocess", reason="no pseudo-terminals")

from tests.end_to_end.agent_programs import LEGACY_SECRET
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
