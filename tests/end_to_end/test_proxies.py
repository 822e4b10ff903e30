"""All programs behind a real proxy that is the only way out, with a password that must not be seen anywhere."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.agent_programs import SECRET, Program
from tests.support.proxies import PASSWORD, USER, microsocks, needs_proxies, tinyproxy

assert sys.platform != "win32"

pytestmark = needs_proxies

ROOT = Path(__file__).parents[2]
PROXIES: dict[str, Any] = {"http": tinyproxy, "socks5": microsocks}


def own_address() -> str:
    """Return an address of this machine that is not loopback, where proxies are never used."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with contextlib.suppress(OSError):
            probe.connect(("192.0.2.1", 9))  # no packet is sent
        found: str = probe.getsockname()[0]
    if found.startswith(("127.", "0.")):
        pytest.skip("needs an address of this machine beside loopback")
    return found


def console(folder: Path, relay: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--relay", relay, "--state-dir", str(folder / "console")]
    clean = {key: value for key, value in os.environ.items() if "NATPASS_" not in key and "PROXY" not in key.upper()}
    return subprocess.run(
        [sys.executable, "-m", "natpass_tui", words[0], *arguments, *words[1:]],
        env=clean | {"HOME": str(folder), "NATPASS_SECRET": SECRET} | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        input="",
        cwd=ROOT,
    )


def visible(process: "subprocess.Popen[bytes]") -> str:
    """Return what the process list and /proc show of a process."""
    found = [Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    return b"".join(found).replace(b"\0", b" ").decode()


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_agent_console_and_inviter_get_through_and_show_no_password(tmp_path: Path, kind: str) -> None:
    host = own_address()
    listen = ["--listen", f"{host}:0", "--state-dir", str(tmp_path / "relay")]
    with PROXIES[kind](tmp_path, auth=True) as proxy, Program("natpass_relay", listen, tmp_path) as relay:
        port = relay.said(r"listening on \S+:(\d+)")[1]
        address = f"{host}:{port}"
        shown, url = f"{kind}://127.0.0.1:{proxy}", f"{kind}://{USER}:{PASSWORD}@127.0.0.1:{proxy}"

        state = ["--relay", address, "--state-dir"]
        named = ["--proxy", url, "--log-level", "debug"]
        with Program("natpass_relay", ["invite", *state, str(tmp_path / "inviter"), *named], tmp_path) as inviter:
            code = inviter.said(r"one-time code (\S+):")[1]
            assert PASSWORD not in visible(inviter.process)
            # The agent has its proxy from the environment; what it starts does not inherit that.
            options = ["--id", "box", *state, str(tmp_path / "agent"), "--invite", code, "--log-level", "debug"]
            env = {"ALL_PROXY": url, "HTTPS_PROXY": "", "NO_PROXY": "example.org", "NATPASS_SECRET": ""}
            with Program("natpass_agent", options, tmp_path, env) as agent:
                agent.said(f"logged in at {address} through the proxy {shown} as box")
                assert inviter.status() == 0, inviter.output
                assert PASSWORD not in visible(agent.process)
                environment = console(tmp_path, address, "exec", "--proxy", url, "box", "--", "env")
                assert environment.returncode == 0, environment.stderr
                assert PASSWORD not in environment.stdout
                assert PASSWORD not in agent.output + inviter.output + relay.output
        wrong = url.replace(PASSWORD, "wr0ng")
        refused = console(tmp_path, address, "agents", HTTPS_PROXY=wrong)
        assert refused.returncode == 2
        assert f"the proxy {shown} refuses: " in refused.stderr
        assert "wr0ng" not in refused.stderr + refused.stdout
        with Program("natpass_relay", ["invite", *state, str(tmp_path / "inviter"), "--proxy", wrong], tmp_path) as bad:
            assert bad.status() == 2
            assert f"the proxy {shown} refuses: " in bad.output
        assert console(tmp_path, address, "agents", https_proxy=wrong, no_proxy=f"{host}/24").returncode == 0
        assert console(tmp_path, address, "agents", "--proxy", "none", https_proxy=wrong).returncode == 0


def test_a_proxy_with_a_password_in_a_config_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "tui.toml"
    config.write_text(f'proxy = "http://{USER}:{PASSWORD}@127.0.0.1:9"\n')
    config.chmod(0o644)
    found = console(tmp_path, "192.0.2.1", "agents", "--config", str(config))
    assert found.returncode == 2
    assert "which holds a secret: chmod 600 it" in found.stderr
    config.chmod(0o600)
    found = console(tmp_path, "192.0.2.1", "agents", "--config", str(config))
    assert "cannot reach the proxy http://127.0.0.1:9: Connection refused" in found.stderr
    assert PASSWORD not in found.stderr


def test_what_is_no_proxy_is_one_line(tmp_path: Path) -> None:
    found = console(tmp_path, "192.0.2.1", "agents", HTTPS_PROXY=f"https://{USER}:{PASSWORD}@proxy")
    assert found.returncode == 2
    assert found.stderr == (
        "natpass-tui: HTTPS_PROXY should be http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ if need be, or "
        "'none'; https:// is not supported\n"
    )
