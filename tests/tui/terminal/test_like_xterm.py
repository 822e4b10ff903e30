"""All keys of a PC keyboard within all modifiers, as a real xterm sends them in each mode of the keyboard."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from natpass_tui.terminal.ghostty import GhosttyEngine
from tests.support.xserver import needs
from tests.tui.terminal.conftest import KINDS

pytest.importorskip("Xlib", reason="no X11")

from tests.tui.terminal.xterm_keys import xterm_keys

pytestmark = [pytest.mark.x11, needs("xterm")]

#: The X server takes these itself: they would switch to another console.
TAKEN = {f"alt+ctrl+f{number}" for number in range(1, 13)}
#: libghostty sends DEL, and xterm BS, for backspace within ctrl at level 2. The modifier says it anyway.
OTHERWISE = {"ctrl+shift+backspace", "alt+ctrl+backspace", "alt+ctrl+shift+backspace"}


def differences(kind: str, sent: Mapping[str, bytes], mode: str) -> dict[str, tuple[bytes, bytes]]:
    """Return the keys for which an engine sends something else than xterm: theirs, and ours."""
    engine = KINDS[kind](4, 20)
    engine.feed(mode.encode().decode("unicode_escape").encode())
    ours = {key: engine.encode_key(key) for key in sent}
    engine.close()
    return {key: (theirs, ours[key]) for key, theirs in sent.items() if theirs != ours[key]}


@pytest.mark.parametrize("mode", ["", r"\x1b[?1h", r"\x1b[?67h"], ids=["plain", "cursor-keys", "backarrow"])
def test_programs_that_asked_for_nothing(tmp_path: Path, mode: str) -> None:
    with xterm_keys(tmp_path, mode) as xterm:
        sent = xterm.table()
    assert sent["ctrl+m"] == b"\r"
    assert len(sent) == 592
    for kind in KINDS:
        assert differences(kind, sent, mode).keys() == TAKEN


def test_programs_that_asked_for_modify_other_keys(tmp_path: Path) -> None:
    mode = r"\x1b[>4;1m"
    with xterm_keys(tmp_path, mode) as xterm:
        sent = xterm.table()
    assert sent["shift+enter"] == b"\x1b[27;2;13~"
    different = differences("ghostty", sent, mode)
    # xterm says nothing of alt where another modifier makes a sequence of a key; ours does.
    assert all(key.startswith("alt+") for key in different)
    chords = {key: ours for key, (theirs, ours) in different.items() if theirs.startswith(b"\x1b[27;")}
    assert chords["alt+ctrl+1"] == b"\x1b[27;7;49~"
    assert not different.keys() & {key for key in sent if key.count("+") == 1 and not key.endswith("+")}


def test_programs_that_asked_for_modify_other_keys_of_all(tmp_path: Path) -> None:
    mode = r"\x1b[>4;2m"
    with xterm_keys(tmp_path, mode) as xterm:
        sent = xterm.table()
    assert sent["ctrl+m"] == b"\x1b[27;5;109~"
    different = differences("ghostty", sent, mode).keys()
    assert different == TAKEN | OTHERWISE


def test_asking_ends_as_it_began() -> None:
    engine = GhosttyEngine(4, 20)
    for asked, ended in (
        (b"\x1b[>4;1m", b"\x1b[>4m"),
        (b"\x1b[>4;2m", b"\x1b[>4;0m"),
        (b"\x1b[>4;2m", b"\x1b[>4n"),
        (b"\x1b[>4;2m", b"\x1bc"),
        (b"\x1b[>4;1m", b"\x1b[!p"),
        (b"\x1b[>1u", b"\x1b[<u"),
        (b"\x1b[=5u", b"\x1b[=0u"),
    ):
        for cut in range(len(asked)):
            engine.feed(b"x" + asked[:cut])
            engine.feed(asked[cut:])
            assert engine.encode_key("shift+enter") in {b"\x1b[27;2;13~", b"\x1b[13;2u"}, asked
            engine.feed(ended[:2])
            engine.feed(ended[2:])
            assert engine.encode_key("shift+enter") == b"\r", ended
    engine.close()
