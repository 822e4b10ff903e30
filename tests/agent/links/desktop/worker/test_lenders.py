"""Keycodes that were lent come back, also those of a worker that was killed: a real X server."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from Xlib import Xatom
from Xlib.display import Display

from natpass_agent.links.desktop.worker.input.lenders import PROPERTY
from natpass_agent.links.desktop.worker.input.x11 import X11Devices
from tests.support.waiting import patience
from tests.support.xserver import XServer, needs, x_server

pytestmark = [pytest.mark.x11, needs()]

#: A worker's hands that type these characters, say so, and live until they are killed or told to end.
TYPES = """
import sys
from natpass_agent.links.desktop.worker.input.x11 import X11Devices
from natpass_agent.links.desktop.worker.keys import Character
hands = X11Devices()
for character in sys.argv[1]:
    hands.press_key(Character(character))
    hands.release_key(Character(character))
print("typed", flush=True)
sys.stdin.read()
hands.close()
"""


@pytest.fixture
def server() -> Iterator[XServer]:
    with x_server("200x100") as found:
        yield found


def worker(server: XServer, text: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", TYPES, text]
    process = subprocess.Popen(command, env=server.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"typed\n"
    return process


def end(process: "subprocess.Popen[bytes]", *, kill: bool) -> None:
    if kill:
        process.kill()
    process.communicate(timeout=patience(10))


def typable(server: XServer) -> list[tuple[int, ...]]:
    """Return what each key types, without what the server fills rows with."""
    with closing(Display(server.display)) as display:
        return [tuple(keysym for keysym in row if keysym) for row in display.get_keyboard_mapping(8, 248)]


def noted(server: XServer) -> list[int]:
    with closing(Display(server.display)) as display:
        root = display.screen().root
        value = root.get_full_property(display.intern_atom(PROPERTY), Xatom.CARDINAL)
        return [] if value is None else list(value.value)


def test_the_next_worker_takes_back_what_a_killed_one_lent(server: XServer) -> None:
    before = typable(server)
    end(worker(server, "éÉ中€"), kill=True)
    assert len([row for row, old in zip(typable(server), before, strict=True) if row != old]) >= 3
    end(worker(server, "a"), kill=False)
    assert typable(server) == before
    assert noted(server) == []


def test_a_worker_that_lives_keeps_what_it_lent(server: XServer) -> None:
    before = typable(server)
    first = worker(server, "é")
    with_first = typable(server)
    end(worker(server, "a"), kill=False)
    assert typable(server) == with_first != before
    end(worker(server, "中"), kill=True)
    end(first, kill=False)
    assert typable(server) != before  # nobody has come since that could
    end(worker(server, "a"), kill=False)
    assert (typable(server), noted(server)) == (before, [])


def test_what_was_given_another_meaning_since_stays(server: XServer) -> None:
    end(worker(server, "é"), kill=True)
    (keycode,) = noted(server)[3::3]
    with closing(Display(server.display)) as display:
        display.change_keyboard_mapping(keycode, [(0x61, 0x41)])
        display.sync()
    end(worker(server, "a"), kill=False)
    assert typable(server)[keycode - 8][:2] == (0x61, 0x41)


@pytest.mark.parametrize("odd", [[1], [1, 2, 999999], [1, 2, 1, 5, 6, 7], [1, 2, 1, 300, 6, 7], [0xFFFFFFFF] * 40])
def test_a_property_that_somebody_else_wrote_does_no_harm(
    server: XServer, odd: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = typable(server)
    with closing(Display(server.display)) as display:
        display.screen().root.change_property(display.intern_atom(PROPERTY), Xatom.CARDINAL, 32, odd)
        display.sync()
    monkeypatch.setenv("DISPLAY", server.display)
    X11Devices().close()
    assert typable(server) == before
