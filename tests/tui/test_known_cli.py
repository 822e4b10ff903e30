"""What a person can ask about keys, without a relay and without the secret."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from natpass_tui.cli import command
from natpass_tui.known_agents import FILE, KnownAgentsStore
from natpass_tui.login import PROGRAM
from natpass_wire.identity import fingerprint
from natpass_wire.identity.authorized import ALL, AuthorizedConsoles
from natpass_wire.identity.keys import PublicKey
from natpass_wire.program.identity import load_identity
from natpass_wire.program.main import exit_status
from natpass_wire.program.state import StateDir

ONE, TWO = bytes(32), bytes(31) + b"1"
FIRST, SECOND = (fingerprint.short(PublicKey(key)) for key in (ONE, TWO))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDir:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    state = StateDir(tmp_path / "state")
    for relay, agent_id, key in (("a:6154", "web-1", ONE), ("b:6154", "web-1", TWO), ("a:6154", "my box", TWO)):
        KnownAgentsStore(state, relay, lambda: datetime(2026, 1, 31, tzinfo=UTC)).check(agent_id, key)
    return state


def run(state: StateDir, *arguments: str) -> int:
    return exit_status(command, PROGRAM, [*arguments, "--state-dir", str(state.path)])


@pytest.mark.parametrize("words", [("known",), ("known", "list")])
def test_the_list(state: StateDir, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert run(state, *words) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["AGENT", "RELAY", "SINCE", "KEY"]
    assert lines == [
        f"web-1   a:6154  2026-01-31  {FIRST}",
        f"web-1   b:6154  2026-01-31  {SECOND}",
        f"my box  a:6154  2026-01-31  {SECOND}",
    ]


def test_the_list_for_programs(state: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, "known", "list", "--json", "--relay", "B") == 0  # the default port, and no case
    assert json.loads(capsys.readouterr().out) == [
        {
            "id": "web-1",
            "relay": "b:6154",
            "since": "2026-01-31T00:00:00Z",
            "key": str(PublicKey(TWO)),
            "fingerprint": SECOND,
            "words": " ".join(fingerprint.words(PublicKey(TWO))),
        }
    ]


def test_a_key_is_shown_as_its_agent_shows_it(state: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (fingerprint.shown(PublicKey(key)) for key in (ONE, TWO))
    assert run(state, "known", "show", "web-1") == 0
    one, two = f"web-1 at a:6154, since 2026-01-31\n{first}\n", f"web-1 at b:6154, since 2026-01-31\n{second}\n"
    assert capsys.readouterr().out == f"{one}\n{two}"
    assert run(state, "known", "show", "web-1", "--relay", "B") == 0
    assert capsys.readouterr().out == two


def test_nobody_is_known_at_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(StateDir(tmp_path / "none"), "known") == 0
    assert capsys.readouterr() == ("", "no agents are known yet\n")
    assert run(StateDir(tmp_path / "none"), "known", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    assert not (tmp_path / "none").exists()


def test_an_agent_is_forgotten_at_all_relays(
    state: StateDir, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATPASS_RELAY", "b:6154")  # where to log in to, which is something else
    assert run(state, "known", "forget", "web-1") == 0
    assert capsys.readouterr().out == f"forgot web-1 at a:6154: {FIRST}\nforgot web-1 at b:6154: {SECOND}\n"
    assert run(state, "known", "forget", "my box") == 0
    assert not KnownAgentsStore(state, "a:6154").list()


@pytest.mark.parametrize(
    "words",
    [
        ("known", "forget", "web-1", "--relay", "b:6154"),
        ("known", "--relay", "b:6154", "forget", "web-1"),
        ("--relay", "b:6154", "known", "forget", "web-1"),
    ],
)
def test_an_agent_is_forgotten_at_one_relay(state: StateDir, words: tuple[str, ...]) -> None:
    assert run(state, *words) == 0
    assert KnownAgentsStore(state, "a:6154").is_pinned("web-1")
    assert not KnownAgentsStore(state, "b:6154").is_pinned("web-1")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("web-2",), "no agent web-2 is known (did you mean web-1?)"),
        (("zz",), "no agent zz is known (natpass-tui known lists those that are)"),
        (("zz\x1b[2J",), "no agent zz\N{REPLACEMENT CHARACTER}[2J is known (natpass-tui known lists those that are)"),
        (("my box", "--relay", "b"), "no agent my box is known at b:6154 (natpass-tui known lists those that are)"),
    ],
)
@pytest.mark.parametrize("verb", ["show", "forget"])
def test_who_is_not_known_can_not_be_shown_or_forgotten(
    state: StateDir, capsys: pytest.CaptureFixture[str], verb: str, words: tuple[str, ...], says: str
) -> None:
    before = (state.path / FILE).read_bytes()
    assert run(state, "known", verb, *words) == 2
    assert capsys.readouterr() == ("", f"natpass-tui: {says}\n")
    assert (state.path / FILE).read_bytes() == before


def test_a_damaged_file_is_named(state: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    state.replace(FILE, b"what?\n")
    for words in (("known",), ("known", "forget", "web-1")):
        assert run(state, *words) == 2
        assert f"{state.path / FILE}, line 1: not RELAY KEY DATE AGENT" in capsys.readouterr().err


def test_ones_own_fingerprint_and_line(state: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(state, "fingerprint") == 0
    said = capsys.readouterr().out
    key = load_identity(state, "console").public
    assert said.startswith(fingerprint.shown(key) + "\n")
    line = said.splitlines()[-1]
    assert AuthorizedConsoles.parse(line.encode(), []).rights_of(key, datetime(2026, 6, 1, tzinfo=UTC)) == ALL


@pytest.mark.programs
def test_it_starts_without_what_only_a_screen_needs(state: StateDir) -> None:
    question = (
        "import sys; from natpass_tui.cli import command; from natpass_wire.program.main import exit_status;"
        f"exit_status(command, 'natpass-tui', ['known', '--state-dir', {str(state.path)!r}]);"
        "print(*[name for name in ('textual', 'mnemonic', 'filelock', 'numpy') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == ""
