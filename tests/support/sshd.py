"""Real SSH servers on loopback with their own keys, for comparison."""

import getpass
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import wait_until

HOST = "127.0.0.1"
#: sshd needs its full path as argv[0]; it is not in an ordinary user's PATH.
SSHD = Path("/usr/sbin/sshd")


def is_there() -> bool:
    """Tell whether SSH servers can run here."""
    return SSHD.exists() and shutil.which("ssh") is not None


@dataclass(frozen=True)
class JumpedSsh:
    """`ssh` to a server through a jump host."""

    config: Path
    jump: int
    target: int

    def command(self, *remote: str) -> list[str]:
        """Return the command line that runs something on the target."""
        user = getpass.getuser()
        return [
            *("ssh", "-F", str(self.config), "-J", f"{user}@{HOST}:{self.jump}"),
            *("-p", str(self.target), f"{user}@{HOST}", *remote),
        ]


@contextmanager
def jumped_ssh(folder: Path) -> Iterator[JumpedSsh]:
    """Run two servers with OpenSSH's default ciphers."""
    config = _configured(folder, Path("/dev/null"))
    with ExitStack() as stack:
        jump, target = (stack.enter_context(_server(folder)) for _ in range(2))
        yield JumpedSsh(config, jump, target)


@contextmanager
def server(folder: Path, prefix: Sequence[str] = ()) -> Iterator[tuple[int, Path]]:
    """Run one server; yield its port, and a config file for clients, which keep the host's key in `known`.

    Args:
        folder: for its keys and settings.
        prefix: what its command begins with, such as `ip netns exec NAME`.
    """
    config = _configured(folder, folder / "known")
    with _server(folder, prefix) as port:
        yield port, config


def _configured(folder: Path, known_hosts: Path) -> Path:
    """Make the keys of host and user; return the config file of clients."""
    for name in ("host", "user"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(keygen, check=True)
    config = folder / "ssh_config"
    config.write_text(
        f"IdentityFile {folder / 'user'}\nIdentitiesOnly yes\nUserKnownHostsFile {known_hosts}\n"
        "StrictHostKeyChecking no\nLogLevel ERROR\nBatchMode yes\n"
    )
    return config


@contextmanager
def _server(folder: Path, prefix: Sequence[str] = ()) -> Iterator[int]:
    Path("/run/sshd").mkdir(exist_ok=True)  # its privilege separation directory, normally made at boot
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    config = folder / f"sshd-{port}"
    config.write_text(
        f"Port {port}\nListenAddress {HOST}\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'user.pub'}\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\n"
    )
    with (
        (folder / f"sshd-{port}.log").open("wb") as log,
        subprocess.Popen(
            [*prefix, str(SSHD), "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=log
        ) as server,
    ):
        try:
            said = folder / f"sshd-{port}.log"
            wait_until(lambda: "Server listening" in said.read_text(), f"sshd: {said.read_text()}")
            yield port
        finally:
            server.terminate()
            server.wait(10)
