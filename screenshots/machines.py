"""A relay and some agents for screenshots: the real programs, each agent with its own host name and processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SECRET = "a secret for pictures only"
#: The agents' ids and host names.
MACHINES = {
    "backup-1": "backup-1",
    "db-1": "db-1",
    "db-2": "db-2",
    "gw-lisbon": "gw-lisbon",
    "pi-roof": "raspberrypi",
    "web-1": "web-1",
    "web-2": "web-2",
    "web-10": "web-10",
}
#: Gives a program its own host name and process list, where permitted (Linux, root).
_ISOLATED = (
    "unshare",
    "--uts",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "sh",
    "-c",
    'hostname "$0"; exec "$@"',
)
_HTOP = "show_program_path=0\nhide_kernel_threads=1\nhide_userland_threads=1\nhighlight_base_name=1\n"
_PROFILE = "PS1='\\[\\e[32m\\]\\u@\\h\\[\\e[0m\\]:\\w# '\nalias ls='ls --color'\n"


def may_isolate() -> bool:
    """Tell whether agents can have a host name of their own."""
    done = subprocess.run([*_ISOLATED, "test", "true"], check=False, capture_output=True)
    return done.returncode == 0


def home(folder: Path) -> Path:
    """Return a home folder that is the same on every machine."""
    path = folder / "home"
    (path / ".config" / "htop").mkdir(parents=True)
    (path / ".config" / "htop" / "htoprc").write_text(_HTOP)
    (path / "profile").write_text(_PROFILE)
    shell = path / "shell"
    shell.write_text(
        f"#!/bin/sh\nexport HOME={path} LC_ALL=C.UTF-8 HISTFILE=/dev/null\ncd\nexec bash --rcfile {path}/profile\n"
    )
    shell.chmod(0o755)
    return path


@contextmanager
def program(*command: str, log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program with the secret in its environment, and end it afterwards."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, env=environment | {"NATPASS_SECRET": SECRET}, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()  # unshare ignores weaker signals while its child runs


@contextmanager
def machines(folder: Path) -> Iterator[int]:
    """Run the relay and the agents; give the relay's port."""
    prefix = _ISOLATED if may_isolate() else ()
    with ExitStack() as stack:
        command = [
            sys.executable,
            "-m",
            "natpass_relay",
            "--listen",
            "127.0.0.1:0",
            "--state-dir",
            str(folder / "relay"),
        ]
        relay = stack.enter_context(program(*command, log=folder / "relay.log"))
        assert relay.stdout is not None
        port = int(relay.stdout.readline().rsplit(":", 1)[1])
        for name, host in MACHINES.items():
            agent = [
                sys.executable,
                "-m",
                "natpass_agent",
                "--relay",
                f"127.0.0.1:{port}",
                "--id",
                name,
                "--pass-env",
                "HOME",
            ]
            isolated = [*prefix, host] if prefix else []
            state = ["--state-dir", str(folder / name)]
            stack.enter_context(program(*isolated, *agent, *state, log=folder / f"{name}.log"))
        yield port
