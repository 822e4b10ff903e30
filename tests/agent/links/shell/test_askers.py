"""Whether an answer of the terminal would reach somebody else than who asked: properties, and real shells on ptys."""

import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

from natpass_agent.links.shell.askers import EDITOR_BEGINS, Askers, _behind_text
from natpass_agent.platform.pty import InputMode
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for

assert sys.platform != "win32"

from tests.agent.fake_link import FakeOpener  # noqa: E402 - exists only where the line above holds
from tests.agent.links.shell import test_server as shells  # noqa: E402 - as above
from tests.agent.links.shell.test_server import Open, said, sh  # noqa: E402 - as above

open_shell, server = shells.open_shell, shells.server
SHELL, PROGRAM = 100, 200
RAW, CBREAK, CANONICAL, TRANSPARENT = InputMode.RAW, InputMode.CBREAK, InputMode.CANONICAL, InputMode.TRANSPARENT
QUERY, ANSWER = b"\x1b]11;?\x07", b"\x1b]11;rgb:0000/0000/0000\x07"
PLACE_QUERY, PLACE = b"\x1b[6n", b"\x1b[24;1R"
OWN_BEGINNING = PLACE_QUERY + EDITOR_BEGINS + b"\x1b[?25l"

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
} | {
    f"{shell} behind another terminal, as with ssh": f"""script -qfc "env PS1='ready> ' {command}" /dev/null"""
    for shell, command in (
        ("bash", "bash --norc"),
        (SILENT, "bash --rcfile silent"),
        ("dash", "dash"),
        ("busybox", "busybox ash"),
    )
}
#: A line editor that asks for the cursor's place at each prompt, as prompt_toolkit does: before it says that it begins.
ASKING_EDITOR = r"""
import os, re, select, termios
settings = termios.tcgetattr(0)
settings[0] &= ~(termios.ICRNL | termios.IXON)
settings[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
while True:
    termios.tcsetattr(0, termios.TCSADRAIN, settings)
    os.write(1, b"\x1b[6n")
    os.write(1, b"\x1b[?2004h\x1b[?25lready> ")
    got = b""
    while not got.endswith(b"\r"):
        got += os.read(0, 99)
        if (found := re.search(rb"\x1b\[[0-9;]*R", got)) is not None:
            os.write(1, b"<answered>")
            got = got.replace(found[0], b"")
    os.write(1, b"\x1b[?2004l\r\n")
"""


#: Asks and reads on the terminal, in the mode of a line editor.
ASKING_CHILD = r"""
import os, termios
tty = os.open("/dev/tty", os.O_RDWR)
before = termios.tcgetattr(tty)
settings = termios.tcgetattr(tty)
settings[0] &= ~(termios.ICRNL | termios.IXON)
settings[3] &= ~(termios.ECHO | termios.ICANON)
termios.tcsetattr(tty, termios.TCSADRAIN, settings)
os.write(tty, b"\x1b]11;?\x07")
got = b""
while not got.endswith(b"\x07"):
    got += os.read(tty, 99)
termios.tcsetattr(tty, termios.TCSADRAIN, before)
print(len(got))
"""


def read(askers: Askers, size: int, group: int, collected: int | None = None, begins: int = -1) -> int:
    """Record so many bytes of output, in which an editor says at `begins` that it begins."""
    data = b"x" * size if begins < 0 else b"x" * begins + EDITOR_BEGINS + b"x" * (size - begins - len(EDITOR_BEGINS))
    assert len(data) == size
    return askers.read(data, group, collected)


def asked(*, says_begin: bool = False) -> Askers:
    """Return what is remembered when a shell was given a line, at position 10."""
    askers = Askers()
    read(askers, 10, SHELL, None, 2 if says_begin else -1)
    askers.line_given(SHELL, 7, RAW)
    return askers


def test_an_answer_never_becomes_a_part_of_a_line() -> None:
    assert Askers().is_for_another(0, None, CANONICAL)
    assert not Askers().is_for_another(0, None, InputMode.UNKNOWN)


def test_a_question_before_the_line_editor_began_is_not_the_editors() -> None:
    askers = asked(says_begin=True)
    read(askers, 50, SHELL, 8)
    assert askers.is_for_another(60, SHELL, RAW)
    read(askers, 100, SHELL, 8, 50)
    assert askers.is_for_another(110, SHELL, RAW)
    assert not askers.is_for_another(111, SHELL, RAW)


def test_a_shell_that_asks_and_reads_the_answer_itself_gets_it() -> None:
    askers = asked(says_begin=True)
    read(askers, 100, SHELL, 8)
    assert not askers.is_for_another(110, SHELL, CBREAK)
    silent = asked()
    read(silent, 100, SHELL, 8)
    assert not silent.is_for_another(110, SHELL, CBREAK)


def test_a_function_of_the_shell_that_sets_a_mode_of_no_editor_gets_its_answer() -> None:
    askers = asked(says_begin=True)
    read(askers, 100, SHELL, 8)  # `stty raw` has ended
    assert askers.is_for_another(110, SHELL, RAW)
    assert not askers.is_for_another(110, SHELL, TRANSPARENT)


def test_behind_ssh_the_editor_is_in_the_mode_of_ssh() -> None:
    askers = Askers()
    askers.line_given(SHELL, 7, TRANSPARENT)
    askers.line_given(SHELL, 7, CANONICAL)  # typed ahead, in no editor
    read(askers, 100, SHELL, 7, 50)
    assert askers.is_for_another(50, SHELL, TRANSPARENT)
    assert not askers.is_for_another(51, SHELL, TRANSPARENT)


def test_a_script_that_was_given_a_line_without_an_editor_has_none() -> None:
    askers = Askers()
    askers.line_given(SHELL, 7, CANONICAL)
    read(askers, 100, SHELL, 8)
    assert not askers.is_for_another(110, SHELL, RAW)


def test_an_editor_that_asks_before_it_begins_gets_its_answers_but_those_to_its_children() -> None:
    askers = Askers()
    read(askers, 10, SHELL, None, 2)
    askers.answered(SHELL)
    askers.line_given(SHELL, 7, RAW)
    read(askers, 10, SHELL, 7, 2)
    assert not askers.is_for_another(15, SHELL, RAW)
    read(askers, 10, SHELL, 8, 2)
    assert askers.is_for_another(22, SHELL, RAW)
    assert not askers.is_for_another(23, SHELL, RAW)


def test_a_shell_that_does_not_say_when_it_begins_gets_no_answer_behind_a_child() -> None:
    askers = asked()
    read(askers, 100, SHELL, 7)
    assert not askers.is_for_another(110, SHELL, RAW)
    read(askers, 100, SHELL, 8)
    assert askers.is_for_another(210, SHELL, RAW)
    read(askers, 100, SHELL, 8)
    assert not askers.is_for_another(310, SHELL, RAW)


def test_a_shell_that_never_says_when_it_begins_asks_nothing() -> None:
    askers = asked()
    read(askers, 100, SHELL, 7)
    assert askers.doubts(SHELL, RAW)
    assert askers.is_for_another(110, SHELL, RAW, is_alone=True)
    assert not askers.is_for_another(110, SHELL, RAW, is_alone=False)
    assert not askers.is_for_another(110, SHELL, RAW)  # where that can't be known
    for mode in (CBREAK, TRANSPARENT):
        assert not askers.doubts(SHELL, mode)
        assert not askers.is_for_another(110, SHELL, mode, is_alone=True)
    assert not asked(says_begin=True).doubts(SHELL, RAW)
    assert not Askers().doubts(SHELL, RAW)


def test_a_child_does_not_make_a_shell_one_that_says_when_it_begins() -> None:
    askers = asked()
    read(askers, 100, SHELL, 8, 10)  # the child says it, to have the question behind it believed
    assert askers.is_for_another(110, SHELL, RAW)


def test_a_program_that_was_given_no_line_may_ask_what_it_likes() -> None:
    askers = asked()
    read(askers, 100, PROGRAM)
    assert not askers.is_for_another(110, PROGRAM, RAW)


def test_where_children_are_not_counted_nothing_is_guessed() -> None:
    askers = Askers()
    askers.line_given(SHELL, None, RAW)
    read(askers, 100, SHELL, None)
    assert not askers.is_for_another(100, SHELL, RAW)


def test_an_editor_that_asks_and_does_not_say_when_it_begins_gets_its_last_question_answered() -> None:
    """Busybox: nothing follows its question, and its prompt follows that of a command of its own."""
    askers = Askers()
    askers.read(PLACE_QUERY, SHELL)
    askers.answered(SHELL)
    askers.line_given(SHELL, 7, RAW)
    builtin = b"\r\n" + QUERY + PLACE_QUERY
    data = builtin + b"ready> " + PLACE_QUERY
    assert askers.read(data, SHELL, 7) == len(data) - len(PLACE_QUERY)
    start = len(PLACE_QUERY)
    assert askers.is_for_another(start + len(builtin), SHELL, RAW, ANSWER)
    assert askers.is_for_another(start + len(data) - len(PLACE_QUERY), SHELL, RAW, PLACE)
    assert not askers.is_for_another(start + len(data), SHELL, RAW, PLACE)
    askers.read(b"x", SHELL, 7)  # typed meanwhile, and echoed
    assert askers.is_for_another(start + len(data), SHELL, RAW, PLACE)


@pytest.mark.parametrize("cut", range(len(OWN_BEGINNING)))
def test_behind_ssh_an_editor_that_asks_before_it_begins_gets_that_answer_alone(cut: int) -> None:
    askers = Askers()
    askers.line_given(SHELL, 7, TRANSPARENT)
    askers.read(b"\x1b[?2004l\r\noutput" + QUERY + OWN_BEGINNING[:cut], SHELL, 7)
    asked_at = askers._position - cut + len(PLACE_QUERY)
    askers.read(OWN_BEGINNING[cut:] + b"In [2]: ", SHELL, 7)
    assert not askers.is_for_another(asked_at, SHELL, TRANSPARENT, PLACE)
    if cut <= len(PLACE_QUERY) or cut > len(PLACE_QUERY + EDITOR_BEGINS):
        assert askers.is_for_another(asked_at - 1, SHELL, TRANSPARENT, PLACE)
        assert askers.is_for_another(asked_at, SHELL, TRANSPARENT, PLACE + PLACE)
        assert askers.is_for_another(asked_at, SHELL, TRANSPARENT, ANSWER)


def test_behind_ssh_a_shells_prompt_does_not_vouch_for_a_question_before_it() -> None:
    askers = Askers()
    askers.line_given(SHELL, 7, TRANSPARENT)
    data = b"\x1b[?2004l" + PLACE_QUERY
    askers.read(data + EDITOR_BEGINS + b"\x1b[1mready> ", SHELL, 7)
    assert askers.is_for_another(len(data), SHELL, TRANSPARENT, PLACE)


@pytest.mark.parametrize("before", [b"", b"\x1b[?2004h$ \x1b[?2004l"])
def test_behind_ssh_who_asks_outside_of_an_editor_is_answered_until_something_follows(before: bytes) -> None:
    askers = Askers()
    askers.line_given(SHELL, 7, TRANSPARENT)
    data = before + b"text" + QUERY + PLACE_QUERY
    assert askers.read(data, SHELL, 7) == len(before + b"text")
    assert askers.is_for_another(len(before + b"text"), SHELL, TRANSPARENT, ANSWER)
    assert not askers.is_for_another(len(data), SHELL, TRANSPARENT, ANSWER)
    askers.read(PLACE_QUERY, SHELL, 7)
    assert not askers.is_for_another(len(data), SHELL, TRANSPARENT, ANSWER)
    askers.read(b"ready> ", SHELL, 7)
    assert askers.is_for_another(len(data), SHELL, TRANSPARENT, ANSWER)


def test_behind_ssh_a_question_with_a_prompt_in_the_same_output_is_not_the_prompts() -> None:
    askers = Askers()
    askers.line_given(SHELL, 7, TRANSPARENT)
    data = QUERY + b"\x1b[32mready>\x1b[0m "
    askers.read(data, SHELL, 7)
    assert askers.is_for_another(len(data), SHELL, TRANSPARENT, ANSWER)


def test_behind_ssh_a_program_on_the_alternate_screen_is_answered_while_it_draws() -> None:
    askers = Askers()
    askers.line_given(SHELL, 7, TRANSPARENT)
    askers.read(b"\x1b[?1049h" + QUERY, SHELL, 7)
    seen = askers._position
    askers.read(b"a window", SHELL, 7)
    assert not askers.is_for_another(seen, SHELL, TRANSPARENT, ANSWER)
    askers.read(b"\x1b[?1049l", SHELL, 7)
    assert askers.is_for_another(seen, SHELL, TRANSPARENT, ANSWER)


@pytest.mark.parametrize(
    ("output", "behind"),
    [
        (b"", 0),
        (b"text", 0),
        (b"text\x1b[6n", 4),
        (b"text" + QUERY + b"\x1b]10;?\x1b\\\x1b[c\x1b7", len(QUERY) + 8 + 3 + 2),
        (QUERY + b"x", 0),
        (b"\x1b", 0),
        (b"\x1b\\", 0),
        (b"\x1b[6", 0),
    ],
)
def test_questions_at_the_end_of_output_are_told_from_text(output: bytes, behind: int) -> None:
    assert _behind_text(output) == behind


def test_only_so_many_shells_are_remembered() -> None:
    askers = Askers()
    for group in range(1, 1000):
        askers.line_given(group, 0, RAW)
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


@pytest.mark.programs
async def test_a_shells_function_in_raw_mode_gets_its_answer(open_shell: Open, tmp_path: Path) -> None:
    """As people ask for the size of a terminal on a serial line."""
    script = "stty raw -echo; printf '\\033]11;?\\007'; IFS= read -r -t 10 -d $'\\a' x; stty sane; echo got ${#x}"
    (tmp_path / "rc").write_text(f'PS1="ready> "\nask() {{ {script}; }}\n')
    opener = open_shell(f"bash --rcfile {tmp_path / 'rc'}", f"HOME={tmp_path}", "TERM=xterm-256color")
    await answering(opener, b"ready> ")
    for _ in range(3):
        start = len(opener.output)
        opener.say(b"ask\r")
        await wait_for(lambda start=start: QUERY in opener.output[start:])  # type: ignore[misc]  # bound at once
        opener.react(ANSWER, ShellData.ANSWER, asked_at(opener, start))
        await wait_for(lambda start=start: b"got 23" in opener.output[start:])  # type: ignore[misc]  # bound at once


@pytest.mark.programs
async def test_a_child_in_the_group_of_a_silent_shell_gets_its_answer(open_shell: Open, tmp_path: Path) -> None:
    """As `vim $(fzf --height 9)`."""
    (tmp_path / "rc").write_text("bind 'set enable-bracketed-paste off'\nPS1='ready> '\n")
    (tmp_path / "asks").write_text(ASKING_CHILD)
    opener = open_shell(f"bash --rcfile {tmp_path / 'rc'}", f"HOME={tmp_path}", "TERM=xterm-256color")
    await answering(opener, b"ready> ")
    opener.say(f"true; echo got $({sys.executable} {tmp_path / 'asks'})\r".encode())
    await wait_for(lambda: QUERY in opener.output)
    opener.react(ANSWER, ShellData.ANSWER, asked_at(opener, 0))
    await wait_for(lambda: b"got 24" in opener.output)


@pytest.mark.programs
async def test_an_editor_that_asks_at_each_prompt_is_answered(open_shell: Open, tmp_path: Path) -> None:
    (tmp_path / "editor").write_text(ASKING_EDITOR)
    opener = open_shell(f"{sys.executable} {tmp_path / 'editor'}")
    await answering(opener, b"<answered>")
    for count in range(2, 5):
        start = len(opener.output)
        opener.say(b"x\r")
        await wait_for(lambda start=start: b"ready> " in opener.output[start:])  # type: ignore[misc]  # bound at once
        opener.react(b"\x1b[1;1R", ShellData.ANSWER, asked_at(opener, start, b"\x1b[6n"))
        await wait_for(lambda count=count: opener.output.count(b"<answered>") == count)  # type: ignore[misc]


@pytest.mark.programs
async def test_an_editor_behind_another_terminal_is_answered_at_each_of_its_prompts(
    open_shell: Open, tmp_path: Path
) -> None:
    """As IPython behind ssh: without the answers each line took a second."""
    (tmp_path / "editor").write_text(ASKING_EDITOR)
    opener = open_shell("""script -qfc "env PS1='bash> ' bash --norc" /dev/null""", f"HOME={tmp_path}")
    await answering(opener, b"bash> ")
    line = f"{sys.executable} {tmp_path / 'editor'}"
    for count in range(1, 5):
        start = len(opener.output)
        opener.say(f"{line}\r".encode())
        await wait_for(lambda start=start: b"ready> " in opener.output[start:])  # type: ignore[misc]  # bound at once
        opener.react(PLACE, ShellData.ANSWER, asked_at(opener, start, PLACE_QUERY))
        await wait_for(lambda count=count: opener.output.count(b"<answered>") == count)  # type: ignore[misc]
        line = "x"


def has_prompt(opener: FakeOpener, start: int) -> bool:
    """Tell whether there is a prompt behind the first question that came behind `start`."""
    return b"ready>" in opener.output[start:].partition(QUERY)[2]


def asked_at(opener: FakeOpener, start: int, query: bytes = QUERY) -> int:
    """Return the position behind the message in which the question is that came behind `start`."""
    at = opener.output.index(query, start)
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
