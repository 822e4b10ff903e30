"""The tab of forwards in a real terminal: a page comes through a rule that is added there, and its port closes."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.end_to_end.agent_programs import agent, relay
from tests.end_to_end.test_console_shell import console_command, console_env, meet
from tests.support.waiting import wait_until
from tests.tui.terminal.panes import Pane, needs, pane

pytestmark = [pytest.mark.tmux, needs("curl")]

PAGE = b"a page of the agent's own\n" * 4000
PREFIX = "C-]"
#: What a row shows once the page has come: connections, bytes to the agent, and from it.
_COUNTS = re.compile(r" 0/1 +\d+ B +104 kB$")
CONFIG = """\
[[forward]]
agent = "box"
dynamic = "127.0.0.1:0"
"""


class _Pages(BaseHTTPRequestHandler):
    """A page, and nothing in a log."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def pages() -> Iterator[int]:
    """Serve the page; yield the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def fetch(*words: str) -> bytes:
    """Return what curl gets."""
    command = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "", "--max-time", "20", *words]
    return subprocess.run(command, check=True, capture_output=True, timeout=30).stdout


def listening(console: Pane, rule: str) -> str:
    """Wait until the rule under the cursor listens; return where."""
    found: list[str] = []

    def listens(lines: list[str]) -> bool:
        match = re.search(rf"{re.escape(rule)} · listening at (127\.0\.0\.1:\d+)", "\n".join(lines))
        found[:] = [match[1]] if match else []
        return bool(found)

    console.wait_until(listens, f"{rule} listening")
    return found[0]


def is_free(address: str) -> bool:
    """Tell whether nobody listens at an address."""
    host, _, port = address.rpartition(":")
    with closing(socket.socket()) as sock:
        return sock.connect_ex((host, int(port))) != 0


def test_a_page_comes_through_a_rule_that_is_added_in_the_tab(tmp_path: Path) -> None:
    (tmp_path / "tui.toml").write_text(CONFIG)
    with pages() as port, relay(tmp_path) as (_, relay_port), agent(tmp_path, relay_port) as box:
        box.said("logged in")
        meet(relay_port, "box", tmp_path)
        command = console_command(relay_port, "--config", str(tmp_path / "tui.toml"))
        with pane(24, 80, *command, TERM="screen-256color", **console_env(tmp_path)) as console:
            console.wait_for("online        box")
            console.type("t")
            console.wait_for("D 127.0.0.1:0 · in tui.toml, not running · s starts it")
            console.type("s")
            proxy = listening(console, "D 127.0.0.1:0")
            assert fetch("--socks5-hostname", proxy, f"http://localhost:{port}/") == PAGE

            console.type("a")
            console.wait_for("R 9000:localhost:3000")
            console.write(f"L 0:localhost:{port}")
            console.wait_for(f"a free port here leads to localhost:{port} at box")
            console.type("Enter")
            address = listening(console, f"L 0:localhost:{port}")
            assert fetch(f"http://{address}/") == PAGE
            console.wait_until(
                lambda lines: re.search(r"0/1 +\d+ B +104 kB$", "\n".join(lines), re.MULTILINE), "counts"
            )
            console.wait_for("0 of 1 connection open · ↑ ")

            host, _, listens = address.rpartition(":")
            with closing(socket.create_connection((host, int(listens)))) as client:
                console.wait_for("1/2")
                console.type("Enter")
                console.wait_for(f"connections of L 0:localhost:{port}")
                console.wait_until(lambda lines: "{}:{}".format(*client.getsockname()) in lines[3], "the connection")
                console.type("Escape")
                console.wait_for("LISTENS AT")
                console.type("d")
                console.wait_for(f"1 connection is open through L 0:localhost:{port}.")
                console.type("y")
                console.wait_until(lambda lines: address not in "\n".join(lines), "no such rule")
                wait_until(lambda: is_free(address), "the port is closed")
                with pytest.raises(ConnectionResetError):
                    client.recv(1)

            assert not is_free(proxy)
            console.type(PREFIX, "x")  # no connection is open: no question
            console.wait_until(lambda lines: "forwards box" not in "\n".join(lines), "the fleet")
            wait_until(lambda: is_free(proxy), "the proxy's port is closed")
            console.type("q")
            wait_until(lambda: console.has_ended)
