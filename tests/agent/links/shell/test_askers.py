"""Whether an answer of the terminal would reach somebody else than who asked: properties, and real shells on ptys."""

import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

from natpass_agent.links.shell.askers import Askers
from natpass_agent.platform.pty import InputMode
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for

assert sys.platform != "win32"

from tests.agent.fake_link import FakeOpener  # noqa: E402 - exists only where the line above holds
from tests.agent.links.shell import test_server as shells  # noqa: E402 - as above
from tests.agent.links.shell.test_server import Open, said, sh  # noqa: E402 - as above

open_shell, server = shells.open_shell, shells.server
SHELL, PROGRAM = 100, 200
RAW, CBREAK, CANONICAL = InputMode.RAW, InputMode.CBREAK, InputMode.CANONICAL
QUERY, ANSWER = b"\x1b]11;?\x07", b"\x1b]11;rgb:0000/0000/0000\x07"

SILENT = "bash as before 5.1"
#: Shells with their prompt `ready> `.
SHELLS = {
    "bash": "bash --norc --noprofile",
    SILENT: "bash --rcfile silent",
    "dash": "dash",
    "zsh": "zsh -f",
    "fish": "fish --init-command 'function fish_prompt; echo -n \"ready> \"; end'",
    "busybox": "busybox ash",
    "bash in a shell": "sh -c 'bash --norc --noprofile; true'",
}


def asked(*, says_begin: bool = False) -> Askers:
    """Return what is remembered when a shell was given a line, at position 10."""
    askers = Askers()
    askers.read(10, SHELL, None, 2 if says_begin else -1)
    askers.line_given(SHELL, 7)
    return askers


def test_an_answer_never_becomes_a_part_of_a_line() -> None:
    assert Askers().is_for_another(0, None, CANONICAL)
    assert not Askers().is_for_another(0, None, InputMode.UNKNOWN)


def test_a_question_before_the_line_editor_began_is_not_the_editors() -> None:
    askers = asked(says_begin=True)
    askers.read(50, SHELL, 8)
    assert askers.is_for_another(60, SHELL, RAW)
    askers.read(100, SHELL, 8, 50)
    assert askers.is_for_another(110, SHELL, RAW)
    assert not askers.is_for_another(111, SHELL, RAW)


def test_a_shell_that_asks_and_reads_the_answer_itself_gets_it() -> None:
    askers = asked(says_begin=True)
    askers.read(100, SHELL, 8)
    assert not askers.is_for_another(110, SHELL, CBREAK)
    silent = asked()
    silent.read(100, SHELL, 8)
    assert not silent.is_for_another(110, SHELL, CBREAK)


def test_a_shell_that_does_not_say_when_it_begins_gets_no_answer_behind_a_child() -> None:
    askers = asked()
    askers.read(100, SHELL, 7)
    assert not askers.is_for_another(110, SHELL, RAW)
    askers.read(100, SHELL, 8)
    assert askers.is_for_another(210, SHELL, RAW)
    askers.read(100, SHELL, 8)
    assert not askers.is_for_another(310, SHELL, RAW)


def test_a_child_does_not_make_a_shell_one_that_says_when_it_begins() -> None:
    askers = asked()
    askers.read(100, SHELL, 8, 10)  # the child says it, to have the question behind it believed
    assert askers.is_for_another(110, SHELL, RAW)


def test_a_program_that_was_given_no_line_may_ask_what_it_likes() -> None:
    askers = asked()
    askers.read(100, PROGRAM)
    assert not askers.is_for_another(110, PROGRAM, RAW)


def test_where_children_are_not_counted_nothing_is_guessed() -> None:
    askers = Askers()
    askers.line_given(SHELL, None)
    askers.read(100, SHELL, None)
    assert not askers.is_for_another(100, SHELL, RAW)


def test_only_so_many_shells_are_remembered() -> None:
    askers = Askers()
    for group in range(1, 1000):
        askers.line_given(group, 0)
    assert askers.counts(999)
    assert not askers.counts(1)


@pytest.mark.programs
async def test_a_terminal_tells_how_it_hands_input_on(open_shell: Open) -> None:
    opener = open_shell(sh("stty raw -echo; echo ready; exec od -An -v -w1 -to1"))
    await said(opener, b"ready\n")
    opener.react(b"\x1b[R", ShellData.ANSWER)
    await said(opener, b" 033\n 133\n 122\n")
    lines = open_shell(sh("stty -echo; echo ready; exec od -An -v -w1 -to1"))
    await said(lines, b"ready\r\n")
    lines.react(b"\x1b[R", ShellData.ANSWER)
    lines.say(b"\n\x04")
    await said(lines, b" 012\r\n")
    assert b"033" not in lines.output


@pytest.mark.programs
@pytest.mark.parametrize("command", ["cat file", r"printf '\033]11;?\007'"], ids=["a program", "a builtin"])
@pytest.mark.parametrize("shell", SHELLS)
async def test_what_is_asked_before_the_prompt_is_not_answered_at_it(
    open_shell: Open, tmp_path: Path, shell: str, command: str
) -> None:
    if shutil.which(SHELLS[shell].split()[0]) is None:
        pytest.skip(f"not installed: {SHELLS[shell].split()[0]}")
    if "printf" in command and shell in {SILENT, "dash", "busybox"}:
        pytest.skip("such a shell does not say when its line editor begins")
    (tmp_path / "file").write_bytes(b"content" + QUERY)
    (tmp_path / "silent").write_text("bind 'set enable-bracketed-paste off'\nPS1='ready> '\n")
    opener = open_shell(SHELLS[shell], f"HOME={tmp_path}", "PS1=ready> ", "TERM=xterm-256color")
    await answering(opener, b"ready> ")
    for _ in range(5):
        start = len(opener.output)
        opener.say(f"{command}\r".encode())
        await wait_for(partial(has_prompt, opener, start))
        opener.react(ANSWER, ShellData.ANSWER, asked_at(opener, start))
    start = len(opener.output)
    opener.say(b"echo do''ne\r")
    await wait_for(lambda: b"done" in opener.output[start:])
    assert b"rgb" not in opener.output


def has_prompt(opener: FakeOpener, start: int) -> bool:
    """Tell whether there is a prompt behind the first question that came behind `start`."""
    return b"ready>" in opener.output[start:].partition(QUERY)[2]


def asked_at(opener: FakeOpener, start: int) -> int:
    """Return the position behind the message in which the question is that came behind `start`."""
    at = opener.output.index(QUERY, start)
    position = 0
    for message in opener.sent:
        position += len(message.sdata.data) if message.sdata.data else 0
        if position > at:
            return position
    raise AssertionError("there is no question")


async def answering(opener: FakeOpener, wanted: bytes) -> None:
    """Wait until the shell has said `wanted`, and answer what it asks meanwhile."""
    answered = 0

    def is_there() -> bool:
        nonlocal answered
        new = opener.output[answered:]
        for query, answer in ((b"\x1b[c", b"\x1b[?62;22c"), (b"\x1b[0c", b"\x1b[?62;22c"), (b"\x1b[6n", b"\x1b[1;1R")):
            if query in new:
                opener.react(answer, ShellData.ANSWER)
        answered += len(new)
        return wanted in opener.output

    await wait_for(is_there)
