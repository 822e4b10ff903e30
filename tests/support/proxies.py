"""Real proxies from the system's packages."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.waiting import patience, wait_until

USER, PASSWORD = "operator", "pr0xy-pass"
_PROGRAMS = ("tinyproxy", "microsocks")
_missing = [name for name in _PROGRAMS if shutil.which(name) is None]
#: Marks that skip a test, by name, if a proxy is missing.
needs_proxies = pytest.mark.skipif(bool(_missing), reason=f"needs {', '.join(_missing)}")


@contextmanager
def tinyproxy(folder: Path, *lines: str, auth: bool = False) -> Iterator[int]:
    """Run an HTTP proxy; give its port."""
    port = _free_port()
    config = [f"Port {port}", "Listen 127.0.0.1", "Timeout 600", "MaxClients 50", *lines]
    if auth:
        config.append(f"BasicAuth {USER} {PASSWORD}")
    path = folder / f"tinyproxy-{port}.conf"
    path.write_text("\n".join([*config, ""]))
    with _running(["tinyproxy", "-d", "-c", str(path)], port):
        yield port


@contextmanager
def microsocks(_folder: Path, *, auth: bool = False) -> Iterator[int]:
    """Run a SOCKS5 proxy; give its port."""
    port = _free_port()
    options = ["-u", USER, "-P", PASSWORD] if auth else []
    with _running(["microsocks", "-i", "127.0.0.1", "-p", str(port), *options], port):
        yield port


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    def accepts() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(accepts, command[0])
            yield
        finally:
            process.terminate()
            process.wait(timeout=patience(10))
