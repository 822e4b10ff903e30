"""The real console in a real terminal that types odd things: what arrives at the program in the tab."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("ptyprocess", reason="no pseudo-terminals")

from tests.end_to_end.agent_programs import agent, relay
from tests.end_to_end.outer_terminal import OuterTerminal, outer_terminal
from tests.end_to_end.test_console_shell import console_command, console_env, meet
from tests.support.waiting import wait_until
from tests.tui.terminal.panes import needs, pane

ROWS, COLS = 26, 80
#: A program in raw mode that shows what it reads, byte by byte; `q` is not shown, and ends a line with its number.
READER = """#!{python}
import os, sys, tty
tty.setraw(0)
os.write(1, {mode!r} + b"0|ready\\r\\n")
number = 0
while data := os.read(0, 4096):
    for part in ascii(data)[2:-1].replace("q", "\\0q\\0").split("\\0"):
        number += part == "q"
        os.write(1, (part if part != "q" else f"|{{number}}\\r\\n").encode())
"""


Tab = Callable[[bytes], AbstractContextManager[OuterTerminal]]


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    """Open a console with a tab in which the reader has written some bytes first."""

    @contextmanager
    def opened(mode: bytes) -> Iterator[OuterTerminal]:
        script = tmp_path / "reader"
        script.write_text(READER.format(python=sys.executable, mode=mode))
        script.chmod(0o755)
        env = console_env(tmp_path) | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        command = console_command(port, "shell", "box", "--exec", str(script))
        with outer_terminal(ROWS, COLS, command, env) as terminal:
            terminal.wait_for("ready")
            yield terminal

    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        meet(port, "box", tmp_path)
        yield opened


def typed(terminal: OuterTerminal, text: str, shown: str) -> None:
    """Type something, and q; wait until the program has read what is expected, and that alone."""

    def read() -> str:
        return next(line for line in reversed(terminal.text().split("\n")[1:-1]) if "|" in line).rstrip()

    number = int(read().rpartition("|")[2].removesuffix("ready") or 0) + 1
    terminal.type(f"{text}q")
    wait_until(lambda: read().endswith(f"|{number}"), f"an answer to {text!r}", timeout=20)
    assert read() == f"{shown}|{number}", repr(text)


LEGACY = {
    "\x1b[109;5u": r"\r", "\x1b[91;5u": r"\x1b", "\x1b[105;5u": r"\t", "\x1b[13;2u": r"\r", "\x1b[99;6u": r"\x03",
    "\x1b[99:67;6u": r"\x03", "\x1b[13;5u": r"\r", "\x1b[32;5u": r"\x00", "\x1b[97:65;4u": r"\x1bA",
    "\x1b[49:33;4u": r"\x1b!", "\x1b[1089::99;5u": r"\x03",
    "\x1b[1089;5u": r"\x03", "\x1b[223::115;;223u": r"\xc3\x9f", "\x1b[113;7;64u": "@",
    "\x1b[115;9u": "", "\x1b[57358;1;65u": "", "\x1b[97;1:3u": "", "\x1b[1;1:3A": "", "\x1b[1;2R": r"\x1b[1;2R",
    "\x1b[28~": r"\x1b[28~", "\x1b[26~": r"\x1b[26~", "\x1b[57442;5u\x1b[99;5u\x1b[57442;1:3u": r"\x03",
}  # fmt: skip
ODD = ["\x1b[:u", "\x1b[99999999999999u", "\x1b[4294967296A", "\x1b[1114112u", "\x1b[55296u", "\x1b[48;0;0;0;0t",
       "\x1b[48;99999;99999;9;9t", "\x1b[48;1;1;1;1t", "\x1b[48;4096;4096;1;1t",
       "\x1b[<0;65535;65535M\x1b[<0;65535;65535m", "\x1b[<64;5;40M", "\x1b[<0;-7;-7M", "\x1b[<35;999999;999999M",
       "\x1b[<" + "9" * 300 + ";1;1M", "\x1b[?62;22c", "\x1b]11;rgb:0/0/0\x1b\\", "\x1bP1+r524742=38\x1b\\",
       "\x1bP>|odd\x1b\\", "\x1b_Gi=1;OK\x1b\\", "\x1b[24;80R"]  # fmt: skip


def test_a_terminal_with_the_kitty_protocol_and_a_program_without(tab: Tab) -> None:
    with tab(b"") as terminal:
        for sequence, shown in LEGACY.items():
            typed(terminal, sequence, shown)
        for sequence in ODD:
            typed(terminal, sequence, "")
        typed(terminal, "alive", "alive")


def test_the_size_is_the_systems_whatever_the_terminal_says(tab: Tab) -> None:
    with tab(b"") as terminal:
        for report in ("\x1b[?2048;1$y", "\x1b[?2048;2$y", "\x1b[48;1;1;1;1t", "\x1b[48;4096;4096;9;9t"):
            terminal.type(report)
            typed(terminal, "alive", "alive")
            top = terminal.text().splitlines()
            assert "box" in top[0]
            assert "ctrl+]" in top[ROWS - 1]
        terminal.resize(12, 100)
        wait_until(lambda: "ctrl+]" in terminal.text().splitlines()[11], "the new size")
        assert len(terminal.text().splitlines()) == 12


def test_a_program_with_the_kitty_protocol(tab: Tab) -> None:
    with tab(b"\x1b[>1u") as terminal:
        typed(terminal, "\x1b[109;5u\x1b[99:67;6u\x1b[13;2u", r"\x1b[109;5u\x1b[99;6u\x1b[13;2u")
        typed(terminal, "\n", r"\n")


def test_a_program_with_modify_other_keys(tab: Tab) -> None:
    with tab(b"\x1b[>4;1m") as terminal:
        typed(terminal, "\x1b[109;5u\x1b[13;2u\x1b[49;5u", r"\r\x1b[27;2;13~\x1b[27;5;49~")
    with tab(b"\x1b[>4;2m") as terminal:
        typed(terminal, "\x1b[109;5u\x1b[13;2u", r"\x1b[27;5;109~\x1b[27;2;13~")


def test_nothing_unfinished_holds_the_keyboard(tab: Tab) -> None:
    with tab(b"") as terminal:
        for sequence in ("\x1bP:w", "\x1b^x", "\x1bXx", "\x1b]d"):
            typed(terminal, sequence, sequence.replace("\x1b", r"\x1b"))
        for begun in ("\x1b]", "\x1bP", "\x1b_", "\x1b[", "\x1b[1;", "\x1b]11;rgb", "\x1bP1+r"):
            shown = begun.replace("\x1b", r"\x1b")
            terminal.type(begun)
            wait_until(lambda shown=shown: shown in _last(terminal), shown)  # type: ignore[misc]  # bound at once
            typed(terminal, "ls", f"{shown}ls")
        terminal.type("\x1b[200~pasted")
        wait_until(lambda: "pasted" in _last(terminal), "the paste")
        typed(terminal, "\x1b[A", r"pasted\x1b[A")


def _last(terminal: OuterTerminal) -> str:
    lines = [line.rstrip() for line in terminal.text().split("\n")[1:-1]]
    return [line for line in lines if line][-1]


def test_the_prefix_is_heard_in_everything_unfinished(tab: Tab) -> None:
    with tab(b"") as terminal:
        for begun in ("\x1b", "\x1b[1;", "\x1b]11;rgb", "\x1bP1+r"):
            terminal.type(f"{begun}\x1d?")
            terminal.wait_for("this help")
            terminal.type("\x1b[27u")
            wait_until(lambda: "this help" not in terminal.text(), "the help is closed")
        terminal.type("\x1b[200~stands still")
        terminal.wait_for("stands still")
        terminal.type("\x1d?")
        terminal.wait_for("this help")


@pytest.mark.tmux
@needs("vim", "bash")
def test_escape_and_a_command_in_one_write_are_vims(tmp_path: Path) -> None:
    poem = tmp_path / "poem"
    poem.write_text("one\ntwo\n")
    script = tmp_path / "edit"
    script.write_text(f"#!/bin/sh\nexec vim -n -u NONE -i NONE +'set nocompatible showmode' {poem}\n")
    script.chmod(0o755)
    with relay(tmp_path) as (_, port), agent(tmp_path, port) as box:
        box.said("logged in")
        meet(port, "box", tmp_path)
        command = console_command(port, "shell", "box", "--exec", str(script))
        with pane(ROWS, COLS, *command, TERM="screen-256color", **console_env(tmp_path)) as console:
            console.wait_for("two")
            console.write("yyji")
            console.wait_for("-- INSERT --")
            console.write("\x1bP:wq\r")
            wait_until(lambda: poem.read_text() == "one\none\ntwo\n", "vim's file", timeout=20)
