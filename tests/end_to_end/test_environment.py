"""What a real agent's programs have in their environment, whoever started the agent."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from natpass_agent.platform.environment import login_path
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET
from tests.support.waiting import patience

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]
#: What supervisors, terminals, multiplexers, ssh, editors and shells leave in the environment.
NAMES = """
SSH_CONNECTION SSH_CLIENT SSH_TTY SSH_AUTH_SOCK SSH_AGENT_PID SUDO_USER SUDO_COMMAND KITTY_WINDOW_ID KITTY_PID
WINDOWID TERM COLORTERM TERM_PROGRAM VTE_VERSION COLORFGBG TMUX TMUX_PANE STY NO_COLOR CLICOLOR OLDPWD VIRTUAL_ENV
CONDA_PREFIX EDITOR INVOCATION_ID NOTIFY_SOCKET LISTEN_FDS JOURNAL_STREAM CREDENTIALS_DIRECTORY MAIL DISPLAY
XAUTHORITY WAYLAND_DISPLAY XDG_SESSION_ID DBUS_SESSION_BUS_ADDRESS DEBUGINFOD_URLS NATPASS_RELAY_OF_OLD
PROMPT_COMMAND BASH_ENV ENV HTTPS_PROXY TMPDIR USER LOGNAME SHELL XDG_RUNTIME_DIR EXTRA_ONE EXTRA_TWO SHLVL
"""
POLLUTION = dict.fromkeys(NAMES.split(), "of-whoever-started-the-agent")
#: The name of a program in a folder that only whoever started the agent has in his PATH.
STRANGER = "natpass-test-stranger"
ACCOUNT = pwd.getpwuid(os.getuid())
EXPECTED = {
    "HOME": ACCOUNT.pw_dir,
    "PATH": login_path(is_root=os.getuid() == 0),
    "USER": ACCOUNT.pw_name,
    "LOGNAME": ACCOUNT.pw_name,
    "LANG": "C.utf8",
    "LC_TIME": "C",
    "TZ": "Europe/Berlin",
    "NATPASS_AGENT": "box",
}
Place = tuple[Path, list[str], dict[str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A relay and an agent that was started from the worst place; yield folder, the console's options and its env."""
    folder = tmp_path_factory.mktemp("environment")
    dirty = POLLUTION | {"LANG": "C.utf8", "LC_TIME": "C", "TZ": "Europe/Berlin"}
    others = dict.fromkeys(("LC_ALL", "LANGUAGE"), "")
    with agent_programs.relay(folder) as (_, port):
        options = ["--pass-env", "EXTRA_*", "--pass-env", "NATPASS_*"]
        own = folder / "bin"
        own.mkdir()
        (own / STRANGER).write_text("#!/bin/sh\n")
        (own / STRANGER).chmod(0o755)
        dirty["PATH"] = f"{own}:{os.environ['PATH']}"
        with agent_programs.agent(folder, port, *options, env=others | dirty, passes_home=False) as agent:
            agent.said("logged in")
            clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
            env = clean | {"HOME": str(folder), "NATPASS_SECRET": SECRET, "TERM": "xterm"}
            yield folder, ["--relay", f"127.0.0.1:{port}", "--no-tls"], env


def variables(text: str) -> dict[str, str]:
    found = dict(line.split("=", 1) for line in text.splitlines())
    return {name: value for name, value in found.items() if (name, value) not in {("LC_ALL", ""), ("LANGUAGE", "")}}


def expected() -> dict[str, str]:
    passed = {name: value for name, value in POLLUTION.items() if name.startswith("EXTRA_")}
    return EXPECTED | passed


def test_exec_has_the_allowed_variables_and_no_others(place: Place) -> None:
    _, options, env = place
    words = [sys.executable, "-m", "natpass_tui", "exec", *options, "box", "--env", "ADDED=1", "--", "env"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60, env=env, cwd=ROOT)
    found = variables(done.stdout)
    shell = found.pop("SHELL")
    assert shell == ACCOUNT.pw_shell or Path(shell).name in {"bash", "sh"}
    found.pop("XDG_RUNTIME_DIR", "")  # if this user has one
    assert found == expected() | {"ADDED": "1"}


def test_a_shell_has_the_same_and_its_terminal(place: Place) -> None:
    folder, options, env = place
    words = ["-m", "natpass_tui", "shell", *options, "box"]
    console = pexpect.spawn(sys.executable, words, env=env, cwd=str(ROOT), dimensions=(24, 120), timeout=patience())
    console.expect("[#$] ")
    # bash itself adds PWD, SHLVL (1: it is the first), OLDPWD and _; profiles may add more, so ask a program without.
    console.send(f"env - /bin/cat /proc/$$/environ | tr '\\0' '\\n' >{folder}/shell.env; exit\r")
    console.expect(pexpect.EOF)
    found = variables((folder / "shell.env").read_text())
    assert found.pop("SHELL")
    found.pop("XDG_RUNTIME_DIR", "")
    assert found == expected() | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


def test_a_name_is_looked_up_where_a_login_finds_programs(place: Place) -> None:
    _, options, env = place
    words = [sys.executable, "-m", "natpass_tui", "exec", *options, "box", "--", STRANGER]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=env, cwd=ROOT)
    assert (done.returncode, done.stderr) == (255, f"natpass-tui: box: no such program: {STRANGER}\n")
