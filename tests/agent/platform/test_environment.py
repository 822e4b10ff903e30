import os
import pwd
import sys
from pathlib import Path

import pytest

from natpass_agent.platform.environment import DEFAULT_PATH, Account, check_patterns, chosen, login_path
from natpass_wire.errors import UserError

assert sys.platform != "win32"


def entry(shell: str) -> pwd.struct_passwd:
    return pwd.struct_passwd(("kim", "x", os.getuid(), os.getgid(), "", "/home/kim", shell))


@pytest.mark.parametrize(
    ("shell", "used"),
    [("/bin/sh", "/bin/sh"), ("/usr/sbin/nologin", ""), ("/bin/false", ""), ("/no/such", ""), ("", "")],
)
def test_an_account_that_nobody_logs_in_to_has_no_shell(shell: str, used: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry(shell))
    account = Account.ours({"HOME": "/of-whoever-started-the-agent"})
    assert (account.name, account.shell, account.home) == ("kim", used, "/home/kim")


def test_a_user_id_without_a_name_is_an_account_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert (Account.ours({}).name, Account.ours({}).shell, Account.ours({}).home) == ("", "", "")


def test_a_directory_for_sockets_is_ours_or_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Account.ours({"XDG_RUNTIME_DIR": str(tmp_path)}).runtime == str(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    ours = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: ours + 4_000_000)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry("/bin/sh"))
    for path in (tmp_path, tmp_path / "link", tmp_path / "file", tmp_path / "gone", "nul\0"):
        assert Account.ours({"XDG_RUNTIME_DIR": str(path)}).runtime == ""


@pytest.mark.parametrize("pattern", ["", "A=B", " A", "A\0"])
def test_a_pattern_that_no_name_can_match_is_refused(pattern: str) -> None:
    with pytest.raises(UserError, match="--pass-env"):
        check_patterns(["GOOD", pattern])


def test_names_are_chosen_by_case_and_pattern() -> None:
    env = {"Path": "1", "PATH": "2", "LC_ALL": "3", "LC": "4", "NATPASS_X": "5"}
    assert chosen(env, ("PATH", "LC_*", "NATPASS_*")) == {"PATH": "2", "LC_ALL": "3"}


LOGIN_DEFS = """
# ENV_PATH PATH=/of/a/comment
ENV_SUPATH\tPATH=/sbin:/bin
ENV_PATH /bin:/games
"""


@pytest.mark.parametrize(
    ("files", "root", "other"),
    [
        ({}, DEFAULT_PATH, DEFAULT_PATH),
        ({"login.defs": LOGIN_DEFS}, "/sbin:/bin", "/bin:/games"),
        ({"login.defs": LOGIN_DEFS, "environment": 'PATH="/all:/bin"\nPATHS=/no\n'}, "/all:/bin", "/all:/bin"),
        ({"login.defs": "#", "environment": "LANG=C\nexport PATH = /all # for all\n"}, "/all", "/all"),
        ({"environment": "PATH=\n", "paths": "/usr/local/bin\n\n/usr/bin\n"}, *["/usr/local/bin:/usr/bin"] * 2),
        ({"environment": "\0\xff PATH", "login.defs": "ENV_PATH"}, DEFAULT_PATH, DEFAULT_PATH),
    ],
)
def test_the_path_is_what_the_machine_gives_to_a_login(
    files: dict[str, str], root: str, other: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    assert login_path(tmp_path, is_root=True) == root
    assert login_path(tmp_path, is_root=False) == other
