"""OSC 52 of a program on an agent, as it arrives at the user's terminal."""

import os
from pathlib import Path

from natpass_tui.terminal.clipboard import Clip
from tests.end_to_end.agent_programs import agent, relay
from tests.end_to_end.outer_terminal import outer_terminal
from tests.end_to_end.test_console_shell import SHELL, console_command, console_env, meet


def test_each_text_arrives_in_order_for_its_selection(tmp_path: Path) -> None:
    script = tmp_path / "shell"
    script.write_text(SHELL)
    script.chmod(0o755)
    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        meet(port, "box", tmp_path)
        command = console_command(port, "shell", "box", "--exec", str(script), "--clipboard")
        env = os.environ | console_env(tmp_path) | {"TERM": "xterm-256color"}
        with outer_terminal(24, 80, command, env) as terminal:
            terminal.wait_for("ready>")
            terminal.type(r"printf '\e]52;c;b25l\a\e]52;p;dHdv\a\e]52;s0;dGhyZWU=\e\\'" + "\r")
            terminal.wait_for("put 5 characters on your selection s0")
            with terminal._lock:
                offered = terminal._engine.take_clipboard()
            assert offered == (Clip("c", "one"), Clip("p", "two"), Clip("s0", "three"))
