"""Invites with real programs: from a code on one terminal to shells on machines that never saw the secret."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from natpass_wire.login.keys import LoginKey
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET, Program

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]
NOTHING = {"NATPASS_SECRET": ""}
LOGGED_IN = r"logged in at 127\.0\.0\.1:\d+ as box"


def inviter(folder: Path, port: int, *arguments: str, env: dict[str, str] | None = None) -> Program:
    options = ["--no-tls", "invite", "--relay", f"127.0.0.1:{port}", "--state-dir", str(folder / "relay")]
    return Program("natpass_relay", [*options, *arguments], folder, env)


def code(program: Program) -> str:
    return program.said(r"one-time code (\d+(-[a-z]+){3}):")[1]


def wrong(code: str) -> str:
    """Return another code with the same number."""
    return f"{code.partition('-')[0]}-{'acorn' if 'acorn' not in code else 'agent'}-acorn-acorn"


def console(folder: Path, port: int, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    arguments = ["exec", "--relay", f"127.0.0.1:{port}", "--no-tls", "--state-dir", str(folder / "console")]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
    return subprocess.run(
        [sys.executable, "-m", "natpass_tui", *arguments, *words],
        env=clean | {"HOME": str(folder)} | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        input="",
    )


@pytest.mark.parametrize("relay_has", ["the secret", "the verifier"])
def test_an_agent_and_a_console_join_and_a_command_runs(tmp_path: Path, relay_has: str) -> None:
    options = ["--verifier", LoginKey.from_secret(SECRET).to_verifier()] if relay_has == "the verifier" else []
    with agent_programs.relay(tmp_path, *options) as (relay, port):
        with inviter(tmp_path, port) as invite:
            line = invite.said(r"natpass-agent (--relay \S+ --invite \S+ --no-tls)\n")[1]
            with agent_programs.agent(tmp_path, port, *line.split()[2:], env=NOTHING) as agent:
                agent.said(LOGGED_IN)
                assert invite.status() == 0
                assert re.search(rf"agent box on {os.uname().nodename}"[:60] + ".* has joined", invite.output)
                # the code is hidden from the process list
                shown = Path(f"/proc/{agent.process.pid}/cmdline").read_bytes().replace(b"\0", b" ")
                assert b"--invite ***" in shown
        (kept,) = (tmp_path / "agent").glob("enrolled-*.secret")
        assert kept.read_text() == SECRET + "\n"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        with agent_programs.agent(tmp_path, port, env=NOTHING) as agent:  # no secret, no invite: it has both behind it
            agent.said(LOGGED_IN)
            assert console(tmp_path, port, "box", "--", "true", NATPASS_SECRET=SECRET).returncode == 0
            with inviter(tmp_path, port) as invite:
                ran = console(tmp_path, port, "box", "--invite", code(invite), "--", "echo", "it works")
                assert (ran.returncode, ran.stdout) == (0, "it works\n"), ran
                assert invite.status() == 0
                assert re.search(rf"a console on {os.uname().nodename}"[:60] + ".* has joined", invite.output)
            ran = console(tmp_path, port, "box", "--", "echo", "again")
            assert (ran.returncode, ran.stdout) == (0, "again\n"), ran
            assert SECRET not in relay.output + invite.output + agent.output
            assert code(invite) not in relay.output
        kept.write_text("quite another secret\n")
        with agent_programs.agent(tmp_path, port, env=NOTHING) as agent:
            agent.said(rf"wrong secret \(from {re.escape(str(kept))}\)")


def test_whoever_has_joined_needs_no_other_invite(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port):
        with (
            inviter(tmp_path, port) as invite,
            agent_programs.agent(tmp_path, port, env=NOTHING | {"NATPASS_INVITE": code(invite)}) as agent,
        ):
            agent.said(LOGGED_IN)
        with agent_programs.agent(tmp_path, port, "--invite", "1-acorn-acorn-acorn", env=NOTHING) as agent:
            agent.said("has joined .* already")
            agent.said(LOGGED_IN)


def test_three_wrong_codes_end_it(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port), inviter(tmp_path, port) as invite:
        right = code(invite)
        for left in ("2 more tries", "1 more try", "that was the last try: ask for another invite"):
            ran = console(tmp_path, port, "box", "--invite", wrong(right), "--", "true")
            assert ran.returncode == 2
            assert f"wrong invite code ({left})" in ran.stderr
        assert invite.status() == 1
        assert "three wrong codes" in invite.output
        for left in ("2 tries", "1 try"):
            assert f"someone tried a wrong code ({left} left)" in invite.output
        ran = console(tmp_path, port, "box", "--invite", right, "--", "true")
        assert "there is no invite" in ran.stderr
        assert right not in ran.stderr
    assert not list((tmp_path / "console").glob("enrolled*"))


def test_ctrl_c_withdraws_it(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port), inviter(tmp_path, port) as invite:
        right = code(invite)
        assert invite.stop(signal.SIGINT) == 130
        assert "withdrawn" in invite.output
        ran = console(tmp_path, port, "box", "--invite", right, "--", "true")
        assert "there is no invite" in ran.stderr


def test_on_a_terminal_it_counts_down_until_somebody_came_or_ctrl_c(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port):
        for ends in ("joined", "withdrawn"):
            command = [sys.executable, "-c", "from natpass_relay.cli import main; main()", "--no-tls", "invite"]
            arguments = [*command[1:], "--relay", f"127.0.0.1:{port}", "--state-dir", str(tmp_path / "relay")]
            clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
            env = clean | {"HOME": str(tmp_path), "NATPASS_SECRET": SECRET}
            terminal = pexpect.spawn(command[0], arguments, env=env, encoding="utf-8", timeout=20, cwd=str(ROOT))
            try:
                terminal.expect(r"one-time code (\S+):")
                assert isinstance(terminal.match, re.Match)
                right = str(terminal.match[1])
                terminal.expect(r"waiting for a machine … 9:5\d \(ctrl\+c withdraws\)")
                if ends == "joined":
                    console(tmp_path, port, "box", "--invite", right, "--", "true")
                else:
                    terminal.sendintr()
                terminal.expect(ends)
                terminal.expect(pexpect.EOF)
                terminal.wait()
                assert terminal.exitstatus == (0 if ends == "joined" else 130)
            finally:
                terminal.close(force=True)


def test_an_inviter_that_is_killed_takes_its_invite_with_it(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (relay, port), inviter(tmp_path, port) as invite:
        right = code(invite)
        invite.kill()
        relay.said("is gone")
        ran = console(tmp_path, port, "box", "--invite", right, "--", "true")
        assert (ran.returncode, "there is no invite" in ran.stderr) == (2, True)


def test_without_its_relay_an_invite_ends_with_the_reason(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (relay, port), inviter(tmp_path, port) as invite:
        code(invite)
        relay.kill()
        assert invite.status() == 2
        assert "connection to the relay was lost" in invite.output


def test_the_relays_own_secret_over_tls(tmp_path: Path) -> None:
    state = ["--state-dir", str(tmp_path / "relay")]
    with Program("natpass_relay", ["--listen", "127.0.0.1:0", *state], tmp_path, NOTHING) as relay:
        port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        here = ["--listen", f"127.0.0.1:{port}", *state]  # where the relay of this machine is
        for agent_state, words in (("one", [*here, "invite"]), ("two", ["invite", *here])):
            with Program("natpass_relay", words, tmp_path, NOTHING) as invite:
                options = ["--relay", f"127.0.0.1:{port}", "--id", "box", "--state-dir", str(tmp_path / agent_state)]
                with Program("natpass_agent", [*options, "--invite", code(invite)], tmp_path, NOTHING) as agent:
                    agent.said(LOGGED_IN)
                assert invite.status() == 0
                assert re.search(rf"natpass-agent --relay 127\.0\.0\.1:{port} --invite \S+\n", invite.output)


@pytest.mark.parametrize(
    ("arguments", "env", "complaint"),
    [
        (["--invite", "nonsense"], NOTHING, "an invite code is a number and 3 words"),
        (["--invite", "5-acorn-acorn-accorn"], NOTHING, "in no invite code: acorn"),
        (["--invite", "5-acorn-acorn-acorn"], NOTHING, "or its invite is over"),
        (["--invite", "5-acorn-acorn-acorn"], {}, "not both"),
        (["--invite", "-"], NOTHING, "standard input"),
        (["--invite", "5-acorn-acorn-acorn", "--legacy", "md5"], NOTHING, "--legacy"),
        (["--invite", "5-acorn-acorn-acorn", "--relay", "127.0.0.1:1"], NOTHING, "cannot reach 127.0.0.1:1"),
    ],
)
def test_a_guests_mistake_is_one_line(
    tmp_path: Path, arguments: list[str], env: dict[str, str], complaint: str
) -> None:
    with (
        agent_programs.relay(tmp_path) as (_, port),
        agent_programs.agent(tmp_path, port, *arguments, env=env) as agent,
    ):
        assert agent.status() == 2
        assert complaint in agent.output
        assert agent.output.count("\n") == 1


def test_a_code_comes_from_standard_input(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port), inviter(tmp_path, port) as invite:
        arguments = ["agents", "--relay", f"127.0.0.1:{port}", "--no-tls", "--state-dir", str(tmp_path / "c")]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        typed = code(invite).upper().replace("-", " ") + "\n"
        subprocess.run(
            [sys.executable, "-m", "natpass_tui", *arguments, "--invite", "-"],
            env=clean | {"HOME": str(tmp_path)},
            input=typed,
            text=True,
            check=True,
            timeout=60,
        )
        assert invite.status() == 0


def test_an_inviter_whose_relay_is_not_here_is_told_how_to_name_another(tmp_path: Path) -> None:
    options = ["invite", "--listen", "127.0.0.1:1", "--state-dir", str(tmp_path), "--secret", SECRET]
    with Program("natpass_relay", options, tmp_path, None) as invite:
        assert invite.status() == 2
        assert "cannot reach 127.0.0.1:1: Connection refused; for a relay that is elsewhere: --relay" in invite.output


def test_an_inviter_without_the_right_secret_is_refused(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port):
        with inviter(tmp_path, port, env={"NATPASS_SECRET": "quite another secret"}) as invite:
            assert invite.status() == 2
            assert "the relay refuses the login: wrong secret" in invite.output
        with inviter(tmp_path, port, env=NOTHING) as invite:
            assert invite.status() == 2
            assert "--secret-file" in invite.output
