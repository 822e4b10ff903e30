"""curl through all that `forward` has for it: SOCKS5 with names, HTTP's CONNECT, and a port."""

import hashlib
from pathlib import Path

from tests.interop.beyond import NAME, Beyond, beyond
from tests.interop.pages import FILES, HTTP, HTTPS, make, make_data, nginx
from tests.interop.tool import Tool


def _files(place: Beyond, base: str, *options: str) -> None:
    """Get all files of the page, many at a time; they have to be the same."""
    www, got = place.folder / "www", place.folder / "got"
    names = sorted(path.name for path in www.iterdir() if path.name != "data")
    assert len(names) == FILES + 1
    words = [word for name in names for word in ("-o", str(got / name), f"{base}/{name}")]
    place.here("curl", "-sSf", "--create-dirs", "--parallel", "--parallel-max", "20", *options, *words)
    assert {path.name: path.read_bytes() for path in got.iterdir()} == {
        name: (www / name).read_bytes() for name in names
    }
    for path in got.iterdir():
        path.unlink()


def _through(folder: Path, size: int) -> None:
    with (
        beyond(folder) as place,
        nginx(place),
        place.forward("-D 0", f"-L 0:{NAME}:{HTTP}") as (console, (proxy, port)),
    ):
        make(folder / "www")
        sha256 = make_data(folder / "www", size)
        place.here("curl", "-sSf", "-o", "/dev/null", f"http://127.0.0.1:{port}/")
        before = place.open_now(console)
        ways = [
            (f"http://{NAME}:{HTTP}", "--socks5-hostname", f"127.0.0.1:{proxy}"),
            (f"http://{NAME}:{HTTP}", "--proxytunnel", "--proxy", f"http://127.0.0.1:{proxy}"),
            (f"https://{NAME}:{HTTPS}", "--cacert", str(folder / "nginx.pem"), "--proxy", f"http://127.0.0.1:{proxy}"),
            (f"http://127.0.0.1:{port}",),
        ]
        for base, *options in ways:
            _files(place, base, *options)
            data = place.here("curl", "-sSf", *options, f"{base}/data", timeout=600)
            assert hashlib.sha256(data).hexdigest() == sha256, f"another hash by {options}"
        place.check_nothing_left(before)
        assert console.stop() == 0


def small(folder: Path) -> None:
    """Get 200 files and 3 MB by each way."""
    _through(folder, 3_000_000)


def heavy(folder: Path) -> None:
    """Get 200 files and 200 MB by each way."""
    _through(folder, 200_000_000)


TOOL = Tool(
    "curl through forward: SOCKS5 with names, CONNECT, and a port",
    {"curl": "curl", "nginx": "nginx", "ip": "iproute2", "openssl": "openssl"},
    small,
    heavy,
)
