"""Whoever has to decide reads what there is to know, in the room that there is."""

import shlex
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from natpass_wire.identity import fingerprint
from natpass_wire.identity.alarm import BANNER_COLUMNS, BANNER_LINES, banner, forget_command, sentence
from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import Checked, Pin, Trust
from natpass_wire.ids import client_id_fault

IDS = st.text(min_size=1, max_size=64).filter(lambda text: client_id_fault(text) is None)
OLD, NEW = PublicKey(bytes(32)), PublicKey(bytes(31) + b"1")


def checked(agent_id: str) -> Checked:
    return Checked(Trust.CHANGED, NEW, Pin("relay:1", agent_id, OLD, datetime(2026, 1, 31, 12, 0, tzinfo=UTC)))


@pytest.mark.parametrize("text", [" ".join(banner(checked("web-1"))), sentence(checked("web-1"))])
def test_the_alarm_says_all_that_there_is_to_know(text: str) -> None:
    assert "THE KEY OF web-1 HAS CHANGED" in text
    assert "MAY BE IN THE MIDDLE" in text.upper()
    assert fingerprint.short(OLD) in text
    assert fingerprint.short(NEW) in text
    assert "2026-01-31" in text
    assert "natpass-agent fingerprint" in text
    assert text.endswith("natpass-tui known forget web-1")


@given(IDS)
def test_the_banner_fits(agent_id: str) -> None:
    lines = banner(checked(agent_id))
    assert len(lines) <= BANNER_LINES
    for line in lines:
        assert cell_len(line) <= BANNER_COLUMNS
        assert line.isprintable() or not agent_id.isprintable()
    assert "natpass-tui known forget " in lines[-1]


def test_a_long_id_is_cut() -> None:
    assert banner(checked("a" * 64))[0] == f"THE KEY OF {'a' * 24}… HAS CHANGED: SOMEBODY MAY BE IN THE MIDDLE"
    assert banner(checked("a" * 64))[3].endswith("natpass-tui known forget AGENT")


@given(IDS)
def test_a_shell_takes_the_way_out(agent_id: str) -> None:
    words = shlex.split(forget_command(agent_id))
    assert words[:3] == ["natpass-tui", "known", "forget"]
    assert words[-1] == agent_id
    assert (len(words) == 5) == agent_id.startswith("-")
    assert sentence(checked(agent_id)).endswith(forget_command(agent_id))
