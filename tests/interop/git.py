"""git over HTTP through `forward -D`, by SOCKS5 and by CONNECT."""

import random
from pathlib import Path

from tests.interop.beyond import NAME, beyond
from tests.interop.pages import HTTP, HTTPS, nginx
from tests.interop.place import run
from tests.interop.tool import Tool

#: Nobody's settings.
_ENV = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}


def _repository(folder: Path, commits: int, most: int) -> None:
    """Make a repository with loose objects and a pack, as a web server without git serves it."""
    chance = random.Random(5)
    work, bare = folder / "work", folder / "www" / "repository.git"
    git = ("git", "-C", str(work), "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "gc.auto=0")
    run("git", "init", "-q", "-b", "main", str(work))
    for number in range(commits):
        (work / f"file {number % 7}").write_bytes(chance.randbytes(chance.randrange(most)))
        run(*git, "add", ".")
        run(*git, "commit", "-q", "-m", f"commit {number}")
        if number == commits // 2:
            run(*git, "repack", "-q", "-d")
    run("git", "clone", "-q", "--bare", str(work), str(bare))
    run("git", "-C", str(bare), "update-server-info")


def _clones(folder: Path, commits: int, most: int) -> None:
    with beyond(folder) as place, nginx(place), place.forward("-D 0") as (console, (port,)):
        _repository(folder, commits, most)
        head = run("git", "-C", str(folder / "work"), "rev-parse", "HEAD")
        trusts = ("-c", f"http.sslCAInfo={folder / 'nginx.pem'}")
        for name, url, options in (
            ("socks", f"http://{NAME}:{HTTP}", ("-c", f"http.proxy=socks5h://127.0.0.1:{port}")),
            ("connect", f"https://{NAME}:{HTTPS}", ("-c", f"http.proxy=http://127.0.0.1:{port}", *trusts)),
        ):
            clone = folder / name
            place.here("git", *options, "clone", "-q", f"{url}/repository.git", str(clone), env=_ENV, timeout=600)
            assert run("git", "-C", str(clone), "rev-parse", "HEAD") == head
            run("git", "-C", str(clone), "fsck", "--strict")
            assert _contents(clone) == _contents(folder / "work")
        assert console.stop() == 0


def _contents(tree: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in tree.iterdir() if path.is_file()}


def small(folder: Path) -> None:
    """Clone a few commits by each kind of proxy."""
    _clones(folder, 6, 50_000)


def heavy(folder: Path) -> None:
    """Clone 200 commits of up to 500 kB."""
    _clones(folder, 200, 500_000)


TOOL = Tool(
    "git clone over HTTP through forward -D",
    {"git": "git", "nginx": "nginx", "ip": "iproute2", "openssl": "openssl"},
    small,
    heavy,
)
