"""ssh, scp and rsync to an sshd behind an agent, by `natpass-tui connect` as their ProxyCommand."""

import getpass
import hashlib
import random
from pathlib import Path

from tests.interop.beyond import beyond
from tests.interop.tool import Tool
from tests.support import sshd


def _copies(folder: Path, files: int, most: int, size: int) -> None:
    chance = random.Random(8)
    source, remote, back = folder / "source", folder / "remote", folder / "back"
    for number in range(files):
        path = source / f"folder {number % 5}" / f"file {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randrange(most)))
    (folder / "large").write_bytes(chance.randbytes(size))
    with beyond(folder) as place, sshd.server(folder, prefix=place.machines.on_laptop()) as (port, keys):
        block = place.here(*place.console.words("ssh-config")).decode()
        config = folder / "config"
        config.write_text(f"Port {port}\n{keys.read_text()}\n{block}")
        ssh, where = ("ssh", "-F", str(config)), f"{getpass.getuser()}@box.natpass"
        assert place.here(*ssh, where, "echo hello; hostname >/dev/null") == b"hello\n"
        place.here("scp", "-q", "-F", str(config), "-r", str(source), f"{where}:{remote}", timeout=600)
        place.here("rsync", "-a", "-e", " ".join(ssh), f"{where}:{remote}/", f"{back}/", timeout=600)
        assert _contents(back) == _contents(remote) == _contents(source)
        place.here("scp", "-q", "-F", str(config), str(folder / "large"), f"{where}:{folder}/large-there", timeout=600)
        data = place.here(*ssh, where, f"cat {folder}/large-there", timeout=600)
        assert hashlib.sha256(data).digest() == hashlib.sha256((folder / "large").read_bytes()).digest()


def _contents(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def small(folder: Path) -> None:
    """Copy 30 files and 3 MB there and back."""
    _copies(folder, 30, 20_000, 3_000_000)


def heavy(folder: Path) -> None:
    """Copy 2000 files and 200 MB."""
    _copies(folder, 2000, 100_000, 200_000_000)


TOOL = Tool(
    "ssh, scp and rsync by `natpass-tui connect`",
    {"ssh": "openssh-client", "/usr/sbin/sshd": "openssh-server", "rsync": "rsync", "ip": "iproute2"},
    small,
    heavy,
)
