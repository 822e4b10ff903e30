"""The units as systemd reads them, and the relay's start under what its unit forbids. No init system runs here."""

import os
import re
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support import nameless
from tests.support.waiting import patience, wait_until

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

UNITS = Path(__file__).parents[2] / "docs" / "systemd"
SANDBOX = str(Path(__file__).parents[1] / "support" / "sandbox.py")
BIN = Path(sys.executable).parent
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze (package systemd)")

#: What of a service's settings does not reach the shells that an agent starts, or is meant to.
HARMLESS = {
    *("Type", "User", "ExecStart", "LoadCredential", "StateDirectory", "StateDirectoryMode"),
    *("Restart", "RestartSec", "KillMode", "TimeoutStopSec", "OOMPolicy", "TasksMax"),
}


def settings(program: str) -> dict[str, list[str]]:
    """Return the settings of a unit, each with its values."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / f"natpass-{program}.service").read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
@pytest.mark.parametrize("program", ["relay", "agent"])
def test_systemd_understands_every_line(tmp_path: Path, program: str) -> None:
    name = f"natpass-{program}.service"
    text = (UNITS / name).read_text().replace("/opt/natpass/bin", str(BIN))
    (tmp_path / name).write_text(text)
    found = analyze("verify", "--man=no", str(tmp_path / name))
    assert (found.returncode, found.stderr) == (0, "")
    (tmp_path / name).write_text(text.replace("Restart=always", "Restart=allways\nNoSuch=1"))
    assert "allways" in analyze("verify", "--man=no", str(tmp_path / name)).stderr  # it does look


@needs_systemd
def test_the_relay_is_exposed_to_little() -> None:
    """1.2 of 10 when this was written, most of it the network, which is what a relay is for."""
    unit = str(UNITS / "natpass-relay.service")
    found = analyze("security", "--offline=yes", "--no-pager", "--threshold=13", unit)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("program", ["relay", "agent"])
def test_both_are_started_again_for_ever_and_wait_for_the_network(program: str) -> None:
    found = settings(program)
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"]
    assert found["Wants"] == found["After"] == ["network-online.target"]


def test_the_agents_unit_has_nothing_that_shells_inherit() -> None:
    unit = {"Description", "Documentation", "Wants", "After", "StartLimitIntervalSec", "WantedBy"}
    assert set(settings("agent")) - unit <= HARMLESS
    assert settings("agent")["User"] == ["natpass"]
    assert settings("agent")["KillMode"] == ["process"]
    assert "ExecReload" not in settings("agent")  # nothing of it is read again
    assert settings("relay")["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_the_options_of_the_units_are_the_programs() -> None:
    for program in ("relay", "agent"):
        words = settings(program)["ExecStart"][0].split()
        assert words[0] == f"/opt/natpass/bin/natpass-{program}"
        said = subprocess.run([str(BIN / f"natpass-{program}"), "--help"], capture_output=True, text=True, check=True)
        for option in (word for word in words[1:] if word.startswith("-")):
            assert option in said.stdout


def test_readme_installs_them() -> None:
    readme = (UNITS.parents[1] / "README.md").read_text()
    for program in ("relay", "agent"):
        assert f"docs/systemd/natpass-{program}.service" in readme
        assert f"systemctl enable --now natpass-{program}" in readme


def in_the_sandbox(state: Path) -> list[str]:
    """Return the relay's command as its unit has it: by an unprivileged user, who may write its state only."""
    command = settings("relay")["ExecStart"][0].replace("/opt/natpass/bin", str(BIN)).replace("%S", str(state)).split()
    relay = [sys.executable, "-P", SANDBOX, str(state), *command, "--listen", "127.0.0.1:0"]
    return nameless.command(*relay, PATH=os.defpath, PYTHONDONTWRITEBYTECODE="1", LANG="C.UTF-8")


def started(process: "subprocess.Popen[str]", log: Path) -> int:
    def port() -> re.Match[str] | None:
        text = log.read_text()
        if "UnavailableError" in text:
            pytest.skip(text.strip().splitlines()[-1])
        assert process.poll() is None, text
        return re.search(r"listening on 127\.0\.0\.1:(\d+)\n(.*\n)+natpass-tui", text)

    found = wait_until(port)
    assert found is not None
    return int(found[1])


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60, env=environment)


def test_the_relay_runs_under_what_its_unit_forbids(tmp_path: Path) -> None:
    """Not seen here: the namespaces of the unit (devices, /home, processes), and its address families."""
    state, log = tmp_path / "state", tmp_path / "log"
    private = state / "private" / "natpass-relay"
    private.mkdir(parents=True, mode=0o700)
    (state / "natpass-relay").symlink_to(private)  # as DynamicUser= has it
    with log.open("w") as out:
        process = subprocess.Popen(in_the_sandbox(state), stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True)
    try:
        port = started(process, log)
        assert "NoNewPrivs:\t1" in Path(f"/proc/{process.pid}/status").read_text()
        secret = state / "natpass-relay" / "secret"
        options = ["--relay", f"127.0.0.1:{port}", "--secret-file", str(secret), "--state-dir", str(tmp_path / "tui")]
        listed = run(str(BIN / "natpass-tui"), "agents", *options, HOME=str(tmp_path), PATH=os.defpath)
        assert (listed.returncode, listed.stderr) == (0, "no agents are connected\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "SIGHUP: the certificate is the same" in log.read_text())
    finally:
        process.terminate()
        assert process.wait(timeout=patience(10)) == 0, log.read_text()
    assert log.read_text().endswith("INFO stopped\n")


def test_the_sandbox_of_the_test_holds(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    script = f"""
import mmap, pathlib
pathlib.Path({str(allowed)!r}, "a").write_text("a")
for attempt in (
    lambda: pathlib.Path({str(other)!r}).write_text("a"),
    lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
):
    try:
        attempt()
    except PermissionError:
        print("forbidden")
"""
    command = nameless.command(sys.executable, "-P", SANDBOX, str(allowed), sys.executable, "-c", script)
    found = run(*command)
    if "UnavailableError" in found.stderr:
        pytest.skip(found.stderr.strip().splitlines()[-1])
    assert found.stdout.split() == ["forbidden", "forbidden"], found.stderr


@cache
def _set(name: str) -> frozenset[str]:
    """Return the system calls of one of systemd's sets, those in the sets in it included."""
    found: set[str] = set()
    for line in analyze("syscall-filter", name).stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= _set(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return frozenset(found)


def allowed_calls() -> set[str]:
    first, second = settings("relay")["SystemCallFilter"]
    assert not first.startswith("~")
    assert second.startswith("~")
    allowed = {"execve"} | {call for name in first.split() for call in _set(name)}
    return allowed - {call for name in second.removeprefix("~").split() for call in _set(name)}


@needs_systemd
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_relay_makes_no_system_call_that_its_unit_forbids(tmp_path: Path) -> None:
    trace, log, state = tmp_path / "trace", tmp_path / "log", tmp_path / "state"
    state.mkdir()
    command = [str(BIN / "natpass-relay"), "--listen", "127.0.0.1:0", "--state-dir", str(state)]
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(shutil.which("strace")), "-f", "-qq", "-o", str(trace), *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            text=True,
            env={"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        )
    try:
        port = started(process, log)
        relay = int(trace.read_text().split()[0])
        options = ["--relay", f"127.0.0.1:{port}", "--secret-file", str(state / "secret")]
        listed = run(str(BIN / "natpass-tui"), "agents", *options, HOME=str(tmp_path), PATH=os.defpath)
        assert listed.returncode == 0, listed.stderr
        os.kill(relay, signal.SIGHUP)
        wait_until(lambda: "SIGHUP" in log.read_text())
        os.kill(relay, signal.SIGTERM)
        assert process.wait(timeout=patience(20)) == 0
    finally:
        process.kill()
        process.wait()
    made = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", trace.read_text(), re.M))
    assert {"bind", "epoll_ctl"} <= made
    assert made - allowed_calls() == set()
