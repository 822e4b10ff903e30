"""What the demo shows of forwards: a page beyond its agent. Run it with options of `natpass-tui forward`."""

import http.server
import json
import os
import socket
import sys
import tempfile
import threading
from pathlib import Path

from natpass_tui.cli import command
from natpass_tui.login import PROGRAM
from natpass_wire.program.main import exit_status

_PAGE = b"""<!doctype html><title>natpass</title><h1>It works</h1>
<p>This page came from the agent's side, through the relay: <code>natpass-tui forward</code> brought it here.
"""


class _Page(http.server.BaseHTTPRequestHandler):
    """The only page."""

    def do_GET(self) -> None:
        """Send it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def main() -> int:
    """Serve the page, and forward to it as soon as the agent is there; return the exit status."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = Path(folder) / "forward.toml"
        agent = json.dumps(socket.gethostname())  # the id of an agent without --id
        config.write_text(f'[[forward]]\nagent = {agent}\nlocal = "0:localhost:{server.server_address[1]}"\n')
        words = ["forward", "--rules", "--config", os.fspath(config), *sys.argv[1:]]
        status = exit_status(command, PROGRAM, words)
        server.shutdown()
    return status


if __name__ == "__main__":
    raise SystemExit(main())
