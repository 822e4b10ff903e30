"""The three programs for a user without a passwd entry, without HOME: in a container, or as a service."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.support import nameless
from tests.support.waiting import patience, wait_until

assert sys.platform != "win32"

BIN = Path(sys.executable).parent
SECRET = "a secret that only tests know"
#: What else there is of an environment in a container's start script.
PATH = "/usr/local/bin:/usr/bin:/bin"


def program(name: str, *arguments: str) -> list[str]:
    return nameless.command(str(BIN / name), *arguments, PATH=PATH, NATPASS_SECRET=SECRET, TERM="xterm-256color")


def run(name: str, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = program(name, *arguments)
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60, input="")


@contextmanager
def running(folder: Path, name: str, *arguments: str) -> Iterator[Path]:
    """Run a program; yield the file with its output. It has to stop with 0."""
    path = folder / f"{name}.out"
    with path.open("w") as out:
        process = subprocess.Popen(program(name, *arguments), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/")
    try:
        yield path
    finally:
        process.terminate()
        status = process.wait(timeout=patience(10))
    assert status == 0, path.read_text()
    assert "Traceback" not in path.read_text()


def said(path: Path, pattern: str) -> re.Match[str]:
    def found() -> re.Match[str] | None:
        return re.search(pattern, path.read_text())

    match = wait_until(found, f"{pattern} in {path}")
    assert match is not None
    return match


#: Everything that can be asked of them, and what is missing where something is.
NO_HOME = f"user {nameless.UID} has no home directory to keep state in: say --state-dir DIR, or set HOME"
NEED_NONE = [
    *((name, "--help") for name in ("natpass-relay", "natpass-agent", "natpass-tui")),
    ("natpass-relay", "verifier"),
    ("natpass-tui", "known"),
    ("natpass-tui", "known", "list", "--json"),
]
NEED_STATE = [
    ("natpass-relay", "--listen", "127.0.0.1:0"),  # it keeps its certificate there
    ("natpass-agent", "--relay", "127.0.0.1:1"),
    ("natpass-agent", "fingerprint"),
    ("natpass-tui", "fingerprint"),
    ("natpass-tui", "exec", "--relay", "127.0.0.1:1", "box", "--", "true"),
    ("natpass-tui", "agents", "--relay", "127.0.0.1:1", "--invite", "4711-antler-apple-apron"),
]


@pytest.mark.parametrize("arguments", NEED_NONE, ids=" ".join)
def test_what_needs_no_state_runs_without_any(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    found = run(*arguments, cwd=tmp_path)
    assert (found.returncode, "Traceback" in found.stderr) == (0, False), found.stderr
    assert list(tmp_path.iterdir()) == []  # above all no folder that is called ~


@pytest.mark.parametrize("arguments", NEED_STATE, ids=" ".join)
def test_what_needs_state_says_so_in_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    if "--invite" in arguments:  # instead of the secret
        command = [word for word in program(*arguments) if not word.startswith("NATPASS_SECRET=")]
        found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    else:
        found = run(*arguments, cwd=tmp_path)
    assert found.returncode == 2, found.stderr
    assert found.stderr == f"{arguments[0]}: {NO_HOME}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_relay_without_a_certificate_and_with_a_secret_needs_no_state(tmp_path: Path) -> None:
    with running(tmp_path, "natpass-relay", "--listen", "127.0.0.1:0", "--no-tls") as relay:
        said(relay, r"listening on 127\.0\.0\.1:\d+")


def test_the_whole_way_with_state_directories(tmp_path: Path) -> None:
    def state(name: str) -> tuple[str, str]:
        return ("--state-dir", str(tmp_path / name))

    with running(tmp_path, "natpass-relay", "--listen", "127.0.0.1:0", *state("relay")) as relay:
        port = said(relay, r"listening on 127\.0\.0\.1:(\d+)")[1]
        to = ("--relay", f"127.0.0.1:{port}")
        with running(tmp_path, "natpass-agent", *to, *state("agent"), "--id", "box") as agent:
            said(agent, "logged in")
            script = 'id -u; pwd; echo "$HOME"; echo ~'
            found = run("natpass-tui", "exec", *to, *state("tui"), "box", "--", "sh", "-c", script, cwd=tmp_path)
            assert found.stdout.split() == [str(nameless.UID), "/", "/", "/"], found.stderr
            assert run("natpass-tui", "known", *state("tui"), cwd=tmp_path).stdout.count("box") == 1
            agents = run("natpass-tui", "agents", *to, cwd=tmp_path)  # which leaves no trace, and so needs no place
            assert re.search(rf"^box .*\b{nameless.UID}\b", agents.stdout, re.M), agents
            argv = program("natpass-tui", "shell", "box", *to, *state("tui"))
            screen = pexpect.spawn(argv[0], argv[1:], timeout=20, dimensions=(24, 80), encoding="utf-8")
            try:
                screen.expect(r"[$#] ")  # a prompt
                screen.send("exit 7\r")
                screen.expect(pexpect.EOF)
            finally:
                screen.close()
            assert screen.exitstatus == 7
