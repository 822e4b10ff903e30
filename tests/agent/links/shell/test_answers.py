"""What nobody typed, for programs on real ptys."""

import re
import sys

import pytest

from natpass_agent.links.shell import pump
from natpass_wire.pb.shell_pb2 import ShellData
from tests.support.waiting import wait_for

assert sys.platform != "win32"

from tests.agent.links.shell import test_server as shells  # noqa: E402 - exists only where the line above holds
from tests.agent.links.shell.test_server import Open, said, sh  # noqa: E402 - as above

pytestmark = pytest.mark.programs

open_shell, server = shells.open_shell, shells.server
#: Shows its input a byte a line, in octal, and takes no notice of what ends others.
SHOW_INPUT = "stty raw isig -echo; echo ready; exec od -An -v -w1 -to1"


@pytest.mark.both_loops
async def test_an_answer_reaches_the_program_that_asked(open_shell: Open) -> None:
    opener = open_shell(sh(SHOW_INPUT))
    await said(opener, b"ready\n")
    opener.react(b"\x1b[R", ShellData.ANSWER)
    await said(opener, b" 033\n 133\n 122\n")


@pytest.mark.both_loops
async def test_answers_behind_an_interrupt_are_not_typed_into_the_shell(open_shell: Open) -> None:
    opener = open_shell("bash --norc --noprofile", "PS1=ready> ")
    await said(opener, b"ready>")
    opener.say(b"bash -c \"stty -echo; printf '\\e[6n'as''king; sleep 1000\"\r")
    await said(opener, b"asking")
    asked = len(opener.output)
    opener.say(b"\x03")
    for _ in range(100):
        opener.react(b"\x1b[1;1R", ShellData.ANSWER, asked)
    await said(opener, b"asking" + opener.output[asked:])
    await wait_for(lambda: opener.output.count(b"ready>") == 2)
    opener.say(b"stty sane; echo do''ne\r")
    await said(opener, b"done\r\n")
    assert b"1R" not in opener.output[asked:]


async def test_a_program_that_reads_nothing_loses_its_answers_and_keeps_its_keys(
    open_shell: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump.carry, "__kwdefaults__", {"stalled_seconds": 30.0, "valid_seconds": 0.05})
    opener = open_shell(sh("stty raw -echo; echo ready; read -r x < /dev/null; sleep 0.5; exec od -An -v -w1 -to1"))
    await said(opener, b"ready")
    for _ in range(10):
        opener.say(b"x" * 10_000)
    opener.react(b"answer", ShellData.ANSWER)
    opener.say(b"\x01")
    await wait_for(lambda: b"001" in opener.output)
    assert b"141" not in opener.output  # an `a`
    assert opener.output.count(b"170") == 100_000
    opener.hang_up()


async def test_the_mouse_of_a_program_is_not_for_the_one_in_front_now(open_shell: Open) -> None:
    opener = open_shell("bash --norc --noprofile", "PS1=ready> ")
    await said(opener, b"ready>")
    opener.say(f"sh -c '{SHOW_INPUT}'\r".encode())
    await said(opener, b"ready\n")
    shown = len(opener.output)
    opener.react(b"\x01", ShellData.PRESS)
    opener.react(b"\x02", ShellData.RELEASE)
    opener.react(b"\x04", ShellData.SCREEN)
    await said(opener, b" 001\n 002\n 004\n")
    opener.react(b"\x05", ShellData.PRESS)
    await said(opener, b" 005\n")
    opener.say(b"\x1c")  # ends it
    await wait_for(lambda: b"ready>" in opener.output[shown:])
    opener.react(b"12", ShellData.RELEASE)
    opener.react(b"34", ShellData.SCREEN, shown)
    opener.say(b"stty sane; echo do''ne\r")
    await said(opener, b"done\r\n")
    assert not re.search(rb"12|34", opener.output[opener.output.rindex(b"005") :])
