"""The command natpass-relay, as a user and as a service manager see it."""

import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from natpass_relay.certificate import Certificate
from tests.support.relay import tls_files
from tests.support.relay_process import COMMAND, relay_process

pytestmark = pytest.mark.programs

SECRET = "0123456789abcdef"


def run(state: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(state)}
    arguments = [str(COMMAND), "--listen", "127.0.0.1:0", "--state-dir", str(state / "state"), *options]
    return subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=30, check=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_makes_its_secret_and_certificate_once_and_keeps_them_to_itself(tmp_path: Path) -> None:
    said = []
    for _ in range(2):
        with relay_process(tmp_path) as relay:
            relay.process.terminate()
            assert relay.process.stdout is not None
            said.append(relay.process.stdout.read())
    secret = (tmp_path / "secret").read_text().strip()
    assert len(bytes.fromhex(secret)) == 16
    assert mode(tmp_path / "secret") == mode(tmp_path / "relay.pem") == 0o600
    fingerprint = Certificate.from_pem_file(tmp_path / "relay.pem").fingerprint
    made = "made a new secret: programs with another one are refused\n"
    assert [made in text for text in said] == [True, False]
    for text in said:
        assert secret not in text  # no terminal
        assert f"certificate SHA-256 {fingerprint}" in text
        assert f"the secret is in {tmp_path / 'secret'}" in text
        for program in ("natpass-agent", "natpass-tui"):
            assert f"{program} --relay 127.0.0.1:" in text
            assert f"--secret-file {tmp_path / 'secret'}" in text
        assert "invite" not in text  # no other machine can come
    assert secret not in (tmp_path / "relay.log").read_text()


def test_on_a_terminal_the_two_lines_are_ready_to_paste(tmp_path: Path) -> None:
    arguments = ["--listen", "127.0.0.1:0", "--state-dir", str(tmp_path)]
    child = pexpect.spawn(str(COMMAND), arguments, encoding="utf-8", timeout=20, dimensions=(24, 200))
    try:
        child.expect(r"listening on 127\.0\.0\.1:(\d+)\r\n")
        match = child.match
        assert isinstance(match, re.Match)
        port = match.group(1)
        child.expect(r"natpass-tui .*\r\n")
        secret = (tmp_path / "secret").read_text().strip()
        assert "invite" not in str(child.before)  # what is printed works elsewhere
        assert child.after == f"natpass-tui --relay 127.0.0.1:{port} --secret {secret}\r\n"
        assert f"natpass-agent --relay 127.0.0.1:{port} --secret {secret}\r\n" in str(child.before)
        child.sendintr()
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)


def test_it_starts_again_after_kill_9(tmp_path: Path) -> None:
    with relay_process(tmp_path) as relay:
        port = relay.port
        before = (tmp_path / "relay.pem").read_bytes(), (tmp_path / "secret").read_bytes()
        relay.kill()
    with relay_process(tmp_path, port=port) as relay:
        assert relay.port == port
    assert before == ((tmp_path / "relay.pem").read_bytes(), (tmp_path / "secret").read_bytes())


def test_a_secret_in_the_arguments_is_hidden_from_the_process_list(tmp_path: Path) -> None:
    with relay_process(tmp_path, "--secret", SECRET) as relay:
        assert SECRET.encode() not in Path("/proc", str(relay.process.pid), "cmdline").read_bytes()
    assert not (tmp_path / "secret").exists()


def fails(result: subprocess.CompletedProcess[str], text: str) -> None:
    assert (result.returncode, result.stdout) == (2, ""), result
    assert result.stderr.startswith("natpass-relay: ")
    assert result.stderr.count("\n") == 1
    assert text in result.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--secret", "short"], "at least 16"),
        (["--no-tls", "--listen", "0.0.0.0:0"], "--insecure"),
        (["--legacy", "md5"], "--legacy-secret"),
        (["--legacy", "md4"], "md4"),
        (["--legacy", "md5", "--secret", SECRET, "--legacy-secret", SECRET], "legacy secret equals"),
        (["--tls-cert", "x.pem"], "belong together"),
        (["--tls-cert", "x.pem", "--tls-key", "x.pem"], "cannot read the certificate x.pem"),
        (["--no-tls", "--tls-cert", "x.pem", "--tls-key", "x.pem"], "not both"),
        (["--proxy-cert", sys.executable], "no PEM certificate"),
        (["--listen", "nonsense:port"], "nonsense:port"),
        (["--listen", "203.0.113.77:1"], "cannot listen on 203.0.113.77:1"),
        (["--memory", "much"], "is not a size"),
        (["--memory", "1MiB"], "give at least 32MiB"),
        (["--config", "missing.toml"], "missing.toml"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_user_s_mistake_is_one_line_and_status_2(tmp_path: Path, options: list[str], text: str) -> None:
    fails(run(tmp_path, *options), text)


def test_a_secret_of_its_own_that_equals_the_legacy_secret_is_refused(tmp_path: Path) -> None:
    with relay_process(tmp_path):
        pass
    secret = (tmp_path / "secret").read_text().strip()
    result = run(tmp_path, "--state-dir", str(tmp_path), "--legacy", "md5", "--legacy-secret", secret)
    fails(result, "the legacy secret equals the secret")


def test_a_key_that_is_not_the_certificate_s_is_named(tmp_path: Path) -> None:
    one, two = tls_files(tmp_path, "one"), tls_files(tmp_path, "two")
    fails(run(tmp_path, "--tls-cert", str(one.certificate), "--tls-key", str(two.key)), "cannot use the certificate")


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        fails(run(tmp_path, "--listen", address), f"cannot listen on {address}: Address already in use")


def test_options_come_from_the_config_file_and_unknown_keys_are_named(tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(f'secret = "{SECRET}"\nno-tls = true\nlegacy = ["md5"]\nlegacy-secret = "old"\n')
    config.chmod(0o600)
    with relay_process(tmp_path, "--config", str(config)) as relay:
        assert relay.process.stdout is not None
        relay.process.terminate()
        assert "--no-tls" in relay.process.stdout.read()
    config.write_text("secrt = 'x'\n")
    fails(run(tmp_path, "--config", str(config)), "unknown key")
