"""Every key that the console shows is on the page of keys."""

import re

import pytest
from textual.binding import Binding

from natpass_tui.links.desktop import pane as desktop
from natpass_tui.links.forward.pane import ForwardPane
from natpass_tui.screens.dialogs import HelpScreen
from natpass_tui.tty.escape import HELP_LINES
from tests.docs.pages import DOCS, text

PREFIX = "ctrl+]"
#: Characters of the help's column of keys.
COLUMN = slice(2, 26)
NO_KEYS = {"…", "or"}
#: Keys whose name on the page is not Textual's.
SHOWN = {"escape": "Esc", "delete": "Delete"}


def section(title: str) -> set[str]:
    """Return what stands in backticks in a section of the page."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text(DOCS / "keys.md"), re.DOTALL | re.MULTILINE)
    assert found is not None
    return set(re.findall(r"`([^`]+)`", found[1]))


def keys_of_help(title: str) -> set[str]:
    """Return the keys that a part of the console's help shows."""
    shown = HelpScreen(PREFIX, in_fleet=True)._text().plain
    part = next(part for part in shown.split("\n\n") if part.startswith(title))
    columns = [line[COLUMN].partition(",")[0] for line in part.splitlines()[1:]]  # behind commas is the mouse
    return {key for column in columns for key in column.split()} - NO_KEYS


@pytest.mark.parametrize(("help_title", "title"), [("In the fleet", "Fleet"), ("Anywhere", "The prefix")])
def test_keys_of_the_help(help_title: str, title: str) -> None:
    keys = keys_of_help(help_title)
    assert len(keys) > 10
    assert not keys - section(title)


def test_keys_of_a_desktop() -> None:
    assert not {*desktop._LATCH_KEYS, *desktop._COMBINATION_KEYS, "d", "r"} - section("Desktop tabs")


def test_keys_of_forwards() -> None:
    assert not keys_of_help("In a tab of forwards") - section("Tabs of forwards")
    bound = {key for binding in ForwardPane.BINDINGS if isinstance(binding, Binding) for key in binding.key.split(",")}
    assert {SHOWN.get(key, key) for key in bound} <= section("Tabs of forwards")


def test_escapes_of_exec() -> None:
    escapes = {line.split()[0] for line in HELP_LINES if line.startswith("~")}
    assert escapes
    assert escapes == {key for key in section("exec -t") if key.startswith("~") and len(key) > 1}
