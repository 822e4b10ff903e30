"""nginx in front of the relay: as a TCP proxy (which says who comes, or not), and as one that terminates TLS, whose
certificate the relay needs.
"""

import random
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.agent_programs import Program
from tests.interop.place import Place, run
from tests.interop.tool import Tool, find
from tests.support.waiting import wait_until

CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log info;
worker_processes 1;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {{ worker_connections 64; }}
stream {{
    server {{ listen 127.0.0.1:{plain}; proxy_pass 127.0.0.1:{relay}; }}
    server {{
        listen 127.0.0.1:{announcing};
        proxy_protocol on;
        proxy_bind 127.0.0.2;
        proxy_pass 127.0.0.1:{relay};
    }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {folder}/proxy.pem;
        ssl_certificate_key {folder}/proxy.key;
        proxy_pass 127.0.0.1:{relay};
        proxy_ssl on;
    }}
}}
"""


def _free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


@contextmanager
def _nginx(folder: Path, relay: int) -> Iterator[tuple[int, int, int]]:
    """Run nginx in front of a relay; give its ports: as a TCP proxy that says nothing and one that says who comes, and
    as one that terminates TLS.
    """
    plain, announcing, tls = _free_ports(3)
    path = folder / "nginx.conf"
    path.write_text(CONFIG.format(folder=folder, relay=relay, plain=plain, announcing=announcing, tls=tls))
    program = find("nginx")
    assert program is not None
    with (folder / "nginx.out").open("wb") as out:
        process = subprocess.Popen([program, "-p", str(folder), "-c", str(path)], stdout=out, stderr=out)
    try:

        def accepts() -> bool:
            assert process.poll() is None, (folder / "nginx.out").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", tls)) == 0

        wait_until(accepts, "nginx")
        yield plain, announcing, tls
    finally:
        process.terminate()
        process.wait(20)


def _through(folder: Path, relay: int, proxy: int) -> None:
    data = random.Random(1).randbytes(300_000)
    options = ["--relay", f"127.0.0.1:{proxy}", "--id", "box", "--state-dir", str(folder / f"agent-{proxy}")]
    with Program("natpass_agent", options, folder) as box:
        box.said("logged in")
        console = Place(folder, ("--relay", f"127.0.0.1:{proxy}", "--state-dir", str(folder / f"tui-{proxy}"))).meet()
        assert console.run("cat", data=data) == data


@contextmanager
def _relay(folder: Path) -> Iterator[int]:
    name = ("-subj", "/CN=a proxy", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("-keyout", str(folder / "proxy.key"), "-out", str(folder / "proxy.pem"))
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name, *made)
    state = ("--state-dir", str(folder / "relay"))
    proxies = ("--proxy-cert", str(folder / "proxy.pem"), "--trusted-proxy", "127.0.0.2")
    with Program("natpass_relay", ["--listen", "127.0.0.1:0", *state, *proxies], folder) as relay:
        yield int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])


def small(folder: Path) -> None:
    """Log in and run a command through each; the one that says who comes is believed."""
    with _relay(folder) as relay, _nginx(folder, relay) as ports:
        for proxy in ports:
            _through(folder, relay, proxy)
    output = next(folder.glob("natpass_relay-*.log")).read_text()
    assert re.search(r"box logged in from 127\.0\.0\.1:\d+ \(through 127\.0\.0\.2:\d+\)", output)


def heavy(folder: Path) -> None:
    """Reload nginx several times during a large command: the link continues on other connections."""
    data = random.Random(2).randbytes(200_000_000)
    source = folder / "source"
    source.write_bytes(data)
    with _relay(folder) as relay, _nginx(folder, relay) as (plain, _, tls):
        options = ["--relay", f"127.0.0.1:{plain}", "--id", "box", "--state-dir", str(folder / "agent")]
        with Program("natpass_agent", options, folder) as box:
            box.said("logged in")
            console = Place(folder, ("--relay", f"127.0.0.1:{tls}")).meet()
            with source.open("rb") as stdin, (folder / "target").open("wb") as stdout:
                process = subprocess.Popen(
                    console.words("exec", "box", "--", "cat"), stdin=stdin, stdout=stdout, env=console.env
                )
                program = str(shutil.which("nginx") or find("nginx"))
                for part in range(1, 5):
                    wait_until(lambda part=part: (folder / "target").stat().st_size > part * 30_000_000, "data", 120)  # type: ignore[misc]
                    run(program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-s", "reload")
                assert process.wait(300) == 0
    assert (folder / "target").read_bytes() == data


TOOL = Tool(
    "nginx as a TCP proxy (--trusted-proxy) and as one that terminates TLS (--proxy-cert)",
    {
        "nginx": "nginx",
        "/usr/lib/nginx/modules/ngx_stream_module.so": "libnginx-mod-stream",
        "openssl": "openssl",
    },
    small,
    heavy,
)
