"""A web server from Debian on loopback."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import wait_until

_CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {folder}/www;
    }}
}}
"""


@contextmanager
def nginx(folder: Path, page: bytes = b"<!doctype html><p>hello" + b"." * 600) -> Iterator[int]:
    """Serve `folder`/www, with this page as its index; give the port. Put more files there at any time."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    (folder / "www").mkdir()
    folder.chmod(0o755)  # its worker is another user
    (folder / "www" / "index.html").write_bytes(page)
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    program = shutil.which("nginx")
    assert program is not None
    with subprocess.Popen([program, "-c", str(config)], stdin=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: _listens(port), "nginx")
            yield port
        finally:
            server.terminate()
            server.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
