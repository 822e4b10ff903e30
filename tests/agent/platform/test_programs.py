import os
import subprocess
import sys
from pathlib import Path

import pytest

from natpass_agent.platform.environment import Account
from natpass_agent.platform.programs import FakePrograms, NoProgramError, PosixPrograms, WindowsPrograms, programs
from tests.support import nameless


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program = tmp_path / "hello"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return tmp_path


def test_a_name_is_looked_up_in_the_path_that_the_program_will_have(folder: Path) -> None:
    found = PosixPrograms({}).find("hello", {"PATH": f"/nowhere:{folder}"}, "/")
    assert found == str(folder / "hello")
    with pytest.raises(NoProgramError, match="no such program: hello"):
        PosixPrograms({}).find("hello", {"PATH": "/nowhere"}, "/")


def test_a_path_is_relative_to_where_the_program_starts(folder: Path) -> None:
    assert PosixPrograms({}).find("./hello", {}, str(folder)) == str(folder / "hello")


@pytest.mark.parametrize("name", ["/" + "k" * 5000, "/k" * 3000, "./" + "k" * 300])
def test_a_path_that_is_too_long_is_no_program(name: str, folder: Path) -> None:
    with pytest.raises(NoProgramError, match="no such program: "):
        PosixPrograms({}).find(name, {}, str(folder))


def test_only_what_is_on_the_list_is_inherited() -> None:
    inherited = {"NATPASS_SECRET": "x", "STY": "x", "LISTEN_FDS": "1", "ANYTHING": "x", "LC_TIME": "C", "TZ": "UTC"}
    nobody = Account(name="kim", shell="/bin/zsh", runtime="/run/user/7", home="/usr", path="/opt/bin:/bin")
    stranger = {"HOME": "/", "PATH": "/of/whoever/started/the/agent"}
    env = PosixPrograms(inherited | stranger, agent="box", account=nobody).environment({"ADDED": "1"})
    assert env == {
        "HOME": "/usr",
        "USER": "kim",
        "LOGNAME": "kim",
        "SHELL": "/bin/zsh",
        "PATH": "/opt/bin:/bin",
        "XDG_RUNTIME_DIR": "/run/user/7",
        "LC_TIME": "C",
        "TZ": "UTC",
        "LANG": "C.UTF-8",
        "NATPASS_AGENT": "box",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "ADDED": "1",
    }


@pytest.mark.programs
@pytest.mark.parametrize("below", ["", "/below"])
def test_a_home_that_can_not_be_entered_is_none(tmp_path: Path, below: str) -> None:
    """HOME of another user, as in a container: no program could start there."""
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "below").mkdir()
    closed.chmod(0o600)
    script = f"""
import os
from natpass_agent.platform.programs import PosixPrograms
print(os.access({str(closed)!r}, os.X_OK), PosixPrograms({{"HOME": {str(closed) + below!r}}}).home())
"""
    folder = str(Path(__file__).parents[3])
    command = nameless.command(sys.executable, "-c", script, PYTHONPATH=folder)
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, cwd="/")
    closed.chmod(0o700)
    if found.stdout.startswith("True"):
        pytest.skip("that user may enter every directory here")
    assert found.stdout == "False /\n", found.stderr


def test_what_the_operator_passes_is_inherited_but_no_option_of_ours() -> None:
    inherited = {"JAVA_HOME": "/j", "HTTPS_PROXY": "p", "TERM": "agents-own", "NATPASS_SECRET": "x", "OTHER": "o"}
    env = PosixPrograms(inherited, passed=("JAVA_*", "HTTPS_PROXY", "NATPASS_SECRET")).environment({})
    assert (env["JAVA_HOME"], env["HTTPS_PROXY"], env["TERM"]) == ("/j", "p", "xterm-256color")
    assert not {"NATPASS_SECRET", "OTHER"} & set(env)
    everything = PosixPrograms(inherited, passed=("*",)).environment({})
    assert set(everything) >= set(inherited) - {"NATPASS_SECRET"}
    assert "NATPASS_SECRET" not in everything


def test_the_shell_is_the_accounts_or_the_one_that_is_found() -> None:
    inherited = {"SHELL": "/bin/of-whoever-started-the-agent"}
    assert PosixPrograms(inherited, account=Account(shell="/bin/zsh")).environment({})["SHELL"] == "/bin/zsh"
    assert PosixPrograms(inherited, account=Account()).environment({})["SHELL"].endswith(("/bash", "/sh"))
    assert "SHELL" not in PosixPrograms({}, account=Account(path="/nowhere")).environment({})


def test_home_and_path_of_whoever_started_the_agent_count_if_the_operator_passes_them(folder: Path) -> None:
    inherited = {"HOME": str(folder), "PATH": str(folder)}
    account = Account(home="/usr", path="/bin")
    for passed, home, path in (((), "/usr", "/bin"), (("HOME", "PATH"), str(folder), str(folder))):
        found = PosixPrograms(inherited, passed=passed, account=account)
        env = found.environment({})
        assert (found.home(), env["HOME"], env["PATH"]) == (home, home, path)


def test_a_user_id_without_an_account_has_the_home_of_the_agent(folder: Path) -> None:
    assert PosixPrograms({"HOME": str(folder)}, account=Account()).home() == str(folder)
    assert PosixPrograms({}, account=Account()).home() == "/"


def test_a_terminal_that_is_not_said_is_no_empty_variable() -> None:
    env = PosixPrograms({}).environment({"TERM": "linux", "COLORTERM": "", "EMPTY": ""})
    assert (env["TERM"], env.get("COLORTERM"), env["EMPTY"]) == ("linux", None, "")


def test_an_agent_without_an_environment_gives_a_usable_one() -> None:
    env = PosixPrograms({}).environment({})
    assert {"HOME", "PATH", "TERM", "SHELL"} <= set(env)
    assert env["LANG"] == "C.UTF-8"
    assert PosixPrograms({"LC_ALL": "C"}).environment({}).get("LANG") is None


def test_a_home_that_is_gone_is_the_root() -> None:
    for gone in ("/no/such/home", "relative", ""):
        assert PosixPrograms({"HOME": gone}, account=Account(home=gone)).home() == "/"


def test_windows_has_one_variable_in_any_case() -> None:
    env = WindowsPrograms({"Path": "C:\\Windows", "NATPASS_SECRET": "x"}).environment({"pAtH": "D:\\"})
    assert env == {"PATH": "D:\\"}
    inherited = {"SystemRoot": "C:\\W", "Java_Home": "C:\\j", "OneDrive": "x"}
    env = WindowsPrograms(inherited, agent="box", passed=("java_*",)).environment({})
    assert env == {"SYSTEMROOT": "C:\\W", "JAVA_HOME": "C:\\j", "NATPASS_AGENT": "box"}
    assert WindowsPrograms({}).shells[0][0] == "powershell"


def test_windows_keeps_backslashes_in_a_command_line() -> None:
    assert WindowsPrograms({}).split('C:\\tool.exe "two words" x') == ["C:\\tool.exe", "two words", "x"]


def test_the_fake_knows_what_the_test_says() -> None:
    fake = FakePrograms({"sh"})
    assert fake.find("sh", {}, "/") == "sh"
    with pytest.raises(NoProgramError):
        fake.find("bash", {}, "/")


def test_the_factory_gives_this_platforms() -> None:
    assert programs().find("sh", os.environ, "/").endswith("/sh")
