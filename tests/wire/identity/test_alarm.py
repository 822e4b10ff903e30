"""Whoever has to decide reads what there is to know."""

import shlex
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.identity import fingerprint
from natpass_wire.identity.alarm import forget_command, sentence
from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import Checked, KeyStatus, Pin
from natpass_wire.ids import client_id_fault

IDS = st.text(min_size=1, max_size=64).filter(lambda text: client_id_fault(text) is None)
OLD, NEW = PublicKey(bytes(32)), PublicKey(bytes(31) + b"1")


def pin(agent_id: str, relay: str = "relay:1") -> Pin:
    return Pin(relay, agent_id, OLD, datetime(2026, 1, 31, 12, 0, tzinfo=UTC))


def checked(agent_id: str) -> Checked:
    return Checked(KeyStatus.CHANGED, NEW, pin(agent_id))


def test_the_alarm_says_all_that_there_is_to_know() -> None:
    text = sentence(checked("web-1"))
    assert "THE KEY OF web-1 HAS CHANGED" in text
    assert "there may be a man in the middle" in text
    assert fingerprint.short(OLD) in text
    assert fingerprint.short(NEW) in text
    assert "2026-01-31" in text
    assert "natpass-agent fingerprint" in text
    assert text.endswith("natpass-tui known forget --relay relay:1 web-1")


@given(IDS)
def test_a_shell_takes_the_way_out(agent_id: str) -> None:
    words = shlex.split(forget_command(pin(agent_id)))
    assert words[:5] == ["natpass-tui", "known", "forget", "--relay", "relay:1"]
    assert words[-1] == agent_id
    assert (len(words) == 7) == agent_id.startswith("-")
    assert sentence(checked(agent_id)).endswith(forget_command(pin(agent_id)))


def test_the_way_out_is_for_this_relay_only() -> None:
    """An agent of the same name at another relay is another machine: its key stays known."""
    assert shlex.split(forget_command(pin("web", "[::1]:6154")))[3:] == ["--relay", "[::1]:6154", "web"]
