"""A page with many small files, and nginx that serves it beyond the agent, with and without TLS."""

import hashlib
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop.beyond import ADDRESS, NAME, Beyond
from tests.interop.place import run
from tests.interop.tool import find
from tests.support.waiting import wait_until

HTTP, HTTPS = 8080, 8443
#: Files of the page, besides itself.
FILES = 200
_CONFIG = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    log_format files '$request_method $request_uri $status';
    access_log {folder}/access.log files;
    types {{ text/html html; text/javascript js; image/svg+xml svg; text/plain txt; }}
    server {{
        listen {address}:{http};
        listen {address}:{https} ssl;
        ssl_certificate {folder}/nginx.pem;
        ssl_certificate_key {folder}/nginx.key;
        root {folder}/www;
        location = /loaded {{ return 204; }}
        location = /favicon.ico {{ return 204; }}
    }}
}}
"""
#: Each file counts once it is there and is the right one; the page says so when all are.
_PAGE = """<!doctype html><title>0</title><script>
let loaded = 0;
function count(isRight) {{
    if (isRight) document.title = ++loaded;
    if (loaded == {files}) fetch("/loaded?" + loaded);
}}
function text(number) {{
    fetch("t" + number + ".txt").then(r => r.text()).then(t => count(t == (number + "\\n").repeat(number)));
}}
</script>{elements}"""


def make(www: Path) -> None:
    """Write the page: scripts, images and what a script fetches."""
    elements = []
    for number in range(1, FILES + 1):
        match number % 3:
            case 0:
                (www / f"s{number}.js").write_text(f"count(true);// {'.' * number * 10}\n")
                elements.append(f'<script src="s{number}.js"></script>')
            case 1:
                size = f'xmlns="http://www.w3.org/2000/svg" width="{number}" height="1"'
                (www / f"i{number}.svg").write_text(f"<svg {size}><!--{'.' * number * 10}--></svg>")
                elements.append(f'<img src="i{number}.svg" onload="count(this.naturalWidth == {number})">')
            case _:
                (www / f"t{number}.txt").write_text(f"{number}\n" * number)
                elements.append(f"<script>text({number})</script>")
    (www / "index.html").write_text(_PAGE.format(files=FILES, elements="\n".join(elements)))


def make_data(www: Path, size: int) -> str:
    """Write random data as `data`; return its hash."""
    data = random.Random(4).randbytes(size)
    (www / "data").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


@contextmanager
def nginx(place: Beyond) -> Iterator[None]:
    """Serve `www` at HTTP and HTTPS."""
    folder = place.folder
    made = ("-keyout", str(folder / "nginx.key"), "-out", str(folder / "nginx.pem"))
    name = ("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name, *made)
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, address=ADDRESS, http=HTTP, https=HTTPS))
    program = find("nginx")
    assert program is not None
    with place.there(program, "-p", str(folder), "-c", str(config)) as server:
        wait_until(lambda: place.listens(HTTPS, server), "nginx")
        yield


def served(folder: Path) -> list[str]:
    """Return the paths that nginx has served, each as often as it was asked for."""
    log = folder / "access.log"
    return re.findall(r"(?m)^GET (\S+) 20[04]$", log.read_text()) if log.exists() else []
