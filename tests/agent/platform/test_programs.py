import os
from pathlib import Path

import pytest

from natpass_agent.platform.programs import FakePrograms, NoProgramError, PosixPrograms, WindowsPrograms, programs


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


def test_what_is_the_agents_alone_is_not_inherited() -> None:
    inherited = {"NATPASS_SECRET": "x", "NATPASS_ANYTHING": "x", "STY": "x", "LISTEN_FDS": "1", "KEPT": "yes"}
    env = PosixPrograms(inherited).environment({"ADDED": "1"})
    assert env["KEPT"] == "yes"
    assert env["ADDED"] == "1"
    assert not any(key.startswith("NATPASS_") for key in env)
    assert not {"STY", "LISTEN_FDS"} & set(env)
    assert env["TERM"] == "xterm-256color"


def test_an_agent_without_an_environment_gives_a_usable_one() -> None:
    env = PosixPrograms({}).environment({})
    assert {"HOME", "PATH", "TERM"} <= set(env)
    assert env["LANG"] == "C.UTF-8"
    assert PosixPrograms({"LC_ALL": "C"}).environment({}).get("LANG") is None


def test_a_home_that_is_gone_is_the_root() -> None:
    assert PosixPrograms({"HOME": "/no/such/home"}).home() == "/"


def test_windows_has_one_variable_in_any_case() -> None:
    env = WindowsPrograms({"Path": "C:\\Windows", "NATPASS_SECRET": "x"}).environment({"pAtH": "D:\\"})
    assert env == {"PATH": "D:\\"}
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
