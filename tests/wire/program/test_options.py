"""Options from the command line, the environment and the config file, through a small program of their own."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from natpass_wire.aio.dial import LegacyLogin, RelayAddress
from natpass_wire.errors import UserError
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program import options
from natpass_wire.program.config import load
from natpass_wire.program.main import exit_status
from natpass_wire.program.options import gather
from natpass_wire.program.platform import HAS_FILE_MODES
from natpass_wire.program.secret import in_arguments, read_secret_file
from natpass_wire.program.settings import CommonSettings, ConnectionSettings
from tests.support.sealing import link_key, sealing

SECRET = "correct horse battery staple"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NATPASS_SECRET", "NATPASS_LEGACY_SECRET", "NATPASS_RELAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(sys, "argv", ["natpass-test"])


def run(*arguments: str) -> dict[str, Any]:
    """Return what a program with a group and a subcommand gathers."""
    gathered: dict[str, Any] = {}

    @click.group(invoke_without_command=True)
    @options.connection_options
    @options.common_options
    @click.pass_context
    def cli(ctx: click.Context, /, **_: object) -> None:
        if ctx.invoked_subcommand is None:
            gathered.update(gather(ctx, config_keys={"agents": list}))

    @cli.command()
    @click.argument("agent")
    @options.connection_options
    @options.common_options
    @click.pass_context
    def shell(ctx: click.Context, /, **_: object) -> None:
        gathered.update(gather(ctx, config_keys={"agents": list}))

    cli.main(list(arguments), prog_name="natpass-test", standalone_mode=False)
    return gathered


def settings(*arguments: str) -> ConnectionSettings:
    return ConnectionSettings.from_values("natpass-test", run(*arguments))


def test_an_option_may_stand_before_or_after_the_subcommand() -> None:
    before = settings("--relay", "127.0.0.1:1", "--secret", SECRET, "shell", "web")
    after = settings("shell", "web", "--relay", "127.0.0.1:1", "--secret", SECRET)
    assert before == after
    assert before.relay == RelayAddress("127.0.0.1", 1)
    assert before.common.secret == SECRET


def test_the_innermost_of_two_wins() -> None:
    assert settings("--relay", "a:1", "shell", "web", "--relay", "b:2").relay == RelayAddress("b", 2)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("::1", "::1", 6154),
        ("fe80::1:2", "fe80::1:2", 6154),
        ("relay:7", "relay", 7),
        ("relay", "relay", 6154),
        ("[::1]:9", "::1", 9),
        ("[::1]", "::1", 6154),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert settings("--relay", text).relay == RelayAddress(host, port)


@pytest.mark.parametrize("text", ["relay:", "relay:x", ":5", "relay:65536", "relay:-1", "relay:²"])
def test_a_bad_address_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.BadParameter, match="HOST:PORT"):
        run("--relay", text)


@pytest.mark.parametrize("path", ["~", "~/x", "~root/x"])
def test_a_tilde_is_the_home_in_options_the_environment_and_the_config_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "c.toml").write_text(f'state-dir = "{path}"\nlog-file = "{path}/log"\n')
    wanted = Path(path).expanduser()
    assert wanted.is_absolute()
    assert run("--state-dir", path)["state_dir"] == wanted
    values = run("--config", "~/c.toml")
    assert (values["state_dir"], values["log_file"]) == (wanted, wanted / "log")
    assert run("--state-dir", "./~")["state_dir"] == Path("~")


def test_a_home_that_nobody_has_is_a_usage_error() -> None:
    with pytest.raises(click.BadParameter, match="there is no home directory for ~nobody-of-that-name"):
        run("--state-dir", "~nobody-of-that-name/x")


def test_no_relay_says_how_to_name_one() -> None:
    with pytest.raises(UserError, match="--relay HOST:PORT"):
        settings("--secret", SECRET)


def config(tmp_path: Path, text: str) -> str:
    file = tmp_path / "c.toml"
    file.write_text(text)
    file.chmod(0o600)
    return str(file)


def test_the_config_file_gives_what_the_command_line_does_not(tmp_path: Path) -> None:
    file = config(tmp_path, f'relay = "h:5"\nno-tls = true\ninsecure = true\nsecret = "{SECRET}"\nagents = ["a"]\n')
    gathered = run("--config", file)
    assert gathered["agents"] == ["a"]
    found = settings("--config", file, "--relay", "other:6")
    assert (found.relay, found.tls, found.common.secret) == (RelayAddress("other", 6), False, SECRET)


def test_the_config_file_serves_subcommands(tmp_path: Path) -> None:
    assert settings("--config", config(tmp_path, 'relay = "h:5"'), "shell", "web").relay == RelayAddress("h", 5)


def test_the_default_config_file_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "natpass"
    folder.mkdir(parents=True)
    (folder / "test.toml").write_text('relay = "h:5"')
    assert settings().relay == RelayAddress("h", 5)


def test_an_unknown_config_key_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="colour"):
        run("--config", config(tmp_path, "colour = 1"))


@pytest.mark.parametrize(
    "text", ["relay = 1", "no-tls = 1", "relay = true", 'agents = "a"', "log-level = 'loud'", "relay = ["]
)
def test_a_config_value_of_the_wrong_sort_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"c\.toml"):
        run("--config", config(tmp_path, text))


def test_a_config_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no config file"):
        run("--config", str(tmp_path / "absent"))


def test_the_environment_gives_the_secret_and_children_do_not_inherit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATPASS_SECRET", SECRET)
    assert settings("--relay", "h").common.secret == SECRET
    assert "NATPASS_SECRET" not in os.environ


def test_a_secret_file_outranks_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NATPASS_SECRET", "x" * 20)
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    file.chmod(0o600)
    assert settings("--relay", "h", "--secret-file", str(file)).common.secret == SECRET


def test_a_secret_and_a_secret_file_are_one_too_many(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    with pytest.raises(UserError, match="not both"):
        settings("--relay", "h", "--secret", SECRET, "--secret-file", str(file))


@pytest.mark.skipif(not HAS_FILE_MODES, reason="there are no modes")
def test_a_config_file_with_a_secret_is_nobody_elses(tmp_path: Path) -> None:
    file = Path(config(tmp_path, f'relay = "h"\nsecret = "{SECRET}"\n'))
    file.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        settings("--config", str(file))
    file.write_text('relay = "h"\n')
    assert settings("--config", str(file)).relay.host == "h"


@pytest.mark.skipif(not HAS_FILE_MODES, reason="there are no modes")
@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602])
def test_a_secret_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(mode)
    with pytest.raises(UserError, match="chmod 600") as caught:
        settings("--relay", "h", "--secret-file", str(file))
    assert SECRET not in str(caught.value)


@pytest.mark.skipif(not HAS_FILE_MODES, reason="there are no modes")
@pytest.mark.parametrize("mine", [True, False])
def test_a_group_may_read_secrets_of_root_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, mine: bool) -> None:
    """As systemd hands them out."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o440)
    real = os.fstat

    def status(handle: int) -> os.stat_result:
        values = list(real(handle))
        values[4] = 1000 if mine else 0
        return os.stat_result(values)

    monkeypatch.setattr("os.fstat", status)
    monkeypatch.setattr("natpass_wire.program.secret.user_id", lambda: 1000)
    if mine:
        with pytest.raises(UserError, match="chmod 600"):
            read_secret_file(file)
    else:
        assert read_secret_file(file) == SECRET


@pytest.mark.skipif(not HAS_FILE_MODES, reason="there are no modes")
def test_a_secret_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by root, who may read all files: its owner would choose the secret."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    monkeypatch.setattr("os.fstat", lambda _: os.stat_result((0o100600, 0, 0, 1, 1001, 1001, 9, 0, 0, 0)))
    with pytest.raises(UserError, match="belongs to another user, who could change it: chown it"):
        read_secret_file(file)
    config = tmp_path / "config.toml"
    config.write_text(f'secret = "{SECRET}"')
    with pytest.raises(UserError, match="belongs to another user"):
        load(config, {"secret"}, must_exist=True)


def test_options_whose_secrets_are_in_the_arguments_are_named() -> None:
    named = {"--secret": SECRET, "--legacy-secret": "old one", "--verifier": None, "--proxy": "ann:pw"}
    assert in_arguments(["--secret", SECRET], named) == ["--secret"]
    assert in_arguments([f"--secret={SECRET}", "--proxy", "http://ann:pw@h:1"], named) == ["--secret", "--proxy"]
    assert in_arguments(["--secret-file", "f"], named) == []


@pytest.mark.skipif(not HAS_FILE_MODES, reason="there are no modes")
def test_a_pipe_is_as_good_as_a_file() -> None:
    reading, writing = os.pipe()
    os.write(writing, SECRET.encode() + b"\n")
    os.close(writing)
    try:
        assert read_secret_file(Path(f"/dev/fd/{reading}")) == SECRET
    finally:
        os.close(reading)


def test_a_short_secret_is_refused_with_the_reason() -> None:
    with pytest.raises(UserError, match="at least 16"):
        settings("--relay", "h", "--secret", "short")


def test_one_secret_for_both_purposes_is_refused() -> None:
    with pytest.raises(UserError, match="equals the secret"):
        settings("--relay", "h", "--secret", SECRET, "--legacy-secret", SECRET)


def test_no_tls_beyond_loopback_needs_to_be_said_twice() -> None:
    for host in ("127.0.0.1", "127.9.9.9", "[::1]", "localhost"):
        assert not settings("--relay", host, "--no-tls").tls
    with pytest.raises(UserError, match="--insecure"):
        settings("--relay", "example.org", "--no-tls")
    assert not settings("--relay", "example.org", "--no-tls", "--insecure").tls


def test_targets() -> None:
    ours = settings("--relay", "h", "--secret", SECRET).target(
        "me", Role.ROLE_AGENT, b"token", (), "natpass-test", seal=sealing
    )
    assert isinstance(ours.login, LoginKey)
    assert len(ours.claims.instance) == 16
    assert ours.sealing is not None
    assert ours.sealing.psk == link_key(SECRET)
    assert ours.sealing.psk.key != ours.login.key
    assert not ours.verify
    theirs = settings("--relay", "h", "--legacy", "hmac", "--legacy-secret", "old").target(
        "me", Role.ROLE_AGENT, b"token", (), "natpass-test", seal=sealing
    )
    assert theirs.sealing is None
    assert isinstance(theirs.login, LegacyLogin)
    assert theirs.verify  # an older dialect proves nothing about the certificate
    assert "old" not in repr(theirs)
    assert SECRET not in repr(ours)


def test_a_missing_secret_without_a_terminal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UserError, match="NATPASS_SECRET"):
        settings("--relay", "h").target("me", Role.ROLE_AGENT, b"t", (), "natpass-test", seal=sealing)


def test_settings_do_not_show_secrets() -> None:
    text = repr(CommonSettings.from_values("natpass-test", run("--secret", SECRET, "--legacy-secret", "old one")))
    assert SECRET not in text
    assert "old one" not in text


@pytest.mark.parametrize("content", ["\0" * 40, "a secret with\x1bescapes", "two\nlines of it"])
def test_a_secret_file_holds_text(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secret"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(UserError, match="one line"):
        settings("--relay", "h", "--secret-file", str(file))


ENVIRONMENT_PROGRAM = """
import os, sys
from natpass_wire.program.secret import hide_arguments
hide_arguments("natpass-test", sys.argv[1:], [os.environ["NATPASS_SECRET"]], in_environment=True)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.programs
def test_the_kernel_does_not_show_a_secret_from_the_environment() -> None:
    command = [sys.executable, "-c", ENVIRONMENT_PROGRAM, "--id", "x"]
    environment = dict(os.environ) | {"NATPASS_SECRET": "hunter2hunter2hunter2", "ZZZ_LAST": "y" * 2000}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"ready\n"
        shown = Path(f"/proc/{process.pid}/environ").read_bytes() + Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.stdin.close()
    assert b"hunter2" not in shown


PROGRAM = """
import sys
from natpass_wire.program.secret import hide_arguments
hide_arguments("natpass-test", sys.argv[1:], ["hunter2hunter2hunter2"])
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.programs
def test_the_process_list_does_not_show_the_secret() -> None:
    command = [sys.executable, "-c", PROGRAM, "--secret", "hunter2hunter2hunter2", "--id", "x"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"ready\n"
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.stdin.close()
    assert b"hunter2" not in shown
    assert b"--secret ***" in shown.replace(b"\0", b" ")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("no \x1b[31mway"), 2, "natpass-test: no \ufffd[31mway\n"),
        (click.UsageError("what?"), 2, "natpass-test: what? (see natpass-test --help)\n"),
        (KeyboardInterrupt(), 130, "\n"),  # the cursor leaves the line with the ^C
    ],
)
def test_a_mistake_is_one_line(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def command() -> None:
        raise error

    assert exit_status(command, "natpass-test", []) == status
    assert capsys.readouterr().err == line


def test_a_command_returns_its_own_status() -> None:
    @click.command()
    def command() -> int:
        return 7

    assert exit_status(command, "natpass-test", []) == 7


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1048576", 1 << 20),
        ("64k", 1 << 16),
        ("512MiB", 1 << 29),
        ("512 MB", 1 << 29),
        ("2g", 1 << 31),
        ("70000b", 70_000),
        (1 << 20, 1 << 20),
    ],
)
def test_a_size_has_a_unit(text: object, size: int) -> None:
    assert options.ByteSize(least=1 << 16).convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5G", "MiB", "10 parsecs", "1" * 16, "63k"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        options.ByteSize(least=1 << 16).convert(text, None, None)
