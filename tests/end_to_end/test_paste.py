"""A paste of 6 MB into a shell, in a real terminal, through the real programs."""

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.outer_terminal import OuterTerminal
from tests.end_to_end.test_console_shell import console_command, console_env, meet
from tests.support.waiting import wait_until

assert sys.platform != "win32"

#: A terminal's line discipline takes lines of up to 4095 bytes.
_LETTERS = random.Random(3)
LINES = [bytes(_LETTERS.choices(b"abcdefghijklmnop ", k=_LETTERS.randrange(1, 300))).strip() for _ in range(42_000)]
TEXT = b"\n".join(LINES) + b"\n"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[OuterTerminal]:
    with agent_programs.relay(tmp_path) as (_, port), agent_programs.agent(tmp_path, port) as agent:
        agent.said("logged in")
        meet(port, "box", tmp_path)
        program = f"sh -c 'trap : INT; stty -echo; echo ready; cat >{tmp_path}/pasted; echo stopped; exec sleep 1000'"
        command = console_command(port, "shell", "box", "--exec", program)
        outer = OuterTerminal(24, 100, command, console_env(tmp_path))
        try:
            wait_until(lambda: "ready" in outer.text(), "the shell")
            yield outer
        finally:
            outer.close()


def paste(terminal: OuterTerminal, data: bytes) -> None:
    terminal.process.write(b"\x1b[200~" + data + b"\x1b[201~")


def test_a_paste_of_6_mb_arrives_byte_by_byte_with_progress(terminal: OuterTerminal, tmp_path: Path) -> None:
    assert len(TEXT) > 6_000_000
    paste(terminal, TEXT)
    wait_until(lambda: f"of {len(TEXT) / 1e6:.1f} MB" in terminal.text(), "the progress", 60)
    terminal.process.write(b"\x04")  # typed behind it
    wait_until(lambda: "stopped" in terminal.text(), "the end of the paste", 60)
    assert (tmp_path / "pasted").read_bytes() == TEXT
    assert "pasting" not in terminal.text()


def test_a_program_that_reads_nothing_is_not_taken_for_an_agent_that_is_away(terminal: OuterTerminal) -> None:
    terminal.process.write(b"\x03")  # from here on it sleeps
    wait_until(lambda: "stopped" in terminal.text(), "the sleep")
    paste(terminal, TEXT)
    wait_until(lambda: "the remote program takes no input for" in terminal.text(), "what is the matter", 20)
    assert "MB wait; ctrl+c stops the paste" in " ".join(terminal.text().split())
    assert "no answer" not in terminal.text()


def test_ctrl_c_stops_a_paste(terminal: OuterTerminal, tmp_path: Path) -> None:
    paste(terminal, TEXT)
    wait_until(lambda: f"of {len(TEXT) / 1e6:.1f} MB" in terminal.text(), "the progress", 60)
    terminal.process.write(b"\x03")
    wait_until(lambda: "stopped" in terminal.text(), "the interrupt over there", 60)
    wait_until(lambda: "pasting" not in terminal.text(), "the end of the paste")
    pasted = (tmp_path / "pasted").read_bytes()
    assert len(pasted) < len(TEXT)
    assert TEXT.startswith(pasted)


@pytest.mark.slow
def test_a_paste_above_the_limit_is_refused_whole(terminal: OuterTerminal, tmp_path: Path) -> None:
    paste(terminal, TEXT * (70_000_000 // len(TEXT)) + TEXT[: 70_000_000 % len(TEXT)])
    terminal.process.write(b"typed\n\x04")
    wait_until(lambda: "stopped" in terminal.text(), "what was typed behind it", 60)
    assert (tmp_path / "pasted").read_bytes() == b"typed\n"
    said = "paste of 70.0 MB refused: at most 67 MB can be pasted; nothing of it was typed"
    wait_until(lambda: said in " ".join(re.sub("[^ -~]", " ", terminal.text()).split()), "the refusal", 20)
