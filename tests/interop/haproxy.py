"""haproxy in front of the relay as a TCP load balancer, which says by PROXY protocol version 2 who comes."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.agent_programs import Program
from tests.interop.place import Place
from tests.interop.tool import Tool, find
from tests.support.waiting import wait_until

CONFIG = """
global
    log stderr local0
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen relay
    bind 127.0.0.1:{port}
    server relay 127.0.0.1:{relay} {header} source 127.0.0.2
"""
#: The address that it connects from, so that this machine's others are no proxies.
PROXY = "127.0.0.2"


@contextmanager
def _haproxy(folder: Path, relay: int, header: str) -> Iterator[int]:
    """Run haproxy in front of a relay; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    path = folder / f"haproxy-{header}.cfg"
    path.write_text(CONFIG.format(port=port, relay=relay, header=header))
    program = find("haproxy")
    assert program is not None
    with (folder / "haproxy.out").open("wb") as out:
        process = subprocess.Popen([program, "-db", "-f", str(path)], stdout=out, stderr=out)
    try:

        def accepts() -> bool:
            assert process.poll() is None, (folder / "haproxy.out").read_text()
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        wait_until(accepts, "haproxy")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def small(folder: Path) -> None:
    """Log in and run a command through both versions of the header; without one, nobody gets in."""
    options = ["--listen", "127.0.0.1:0", "--state-dir", str(folder / "relay"), "--trusted-proxy", PROXY]
    with Program("natpass_relay", options, folder) as relay:
        inside = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        for header in ("send-proxy-v2", "send-proxy"):
            with _haproxy(folder, inside, header) as port:
                agent = ["--relay", f"127.0.0.1:{port}", "--id", "box", "--state-dir", str(folder / header)]
                with Program("natpass_agent", agent, folder) as box:
                    box.said("logged in")
                    state = ("--state-dir", str(folder / f"tui-{header}"))
                    console = Place(folder, ("--relay", f"127.0.0.1:{port}", *state)).meet()
                    assert console.run("echo", "through") == b"through\n"
        relay.said(r"box logged in from 127\.0\.0\.1:\d+ \(through 127\.0\.0\.2:\d+\)", times=2)
        with _haproxy(folder, inside, "") as port, socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"\x16\x03\x01")
            client.settimeout(10)
            assert client.recv(1) == b""


TOOL = Tool("haproxy as a load balancer (--trusted-proxy, PROXY protocol)", {"haproxy": "haproxy"}, small)
