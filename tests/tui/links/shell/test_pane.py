"""A shell tab on the screen while there is no way to its agent."""

import contextvars

import pytest

from natpass_tui.links import pane as panes
from natpass_tui.links.pane import LinkPane
from natpass_tui.links.shell.settings import ShellSettings
from natpass_tui.screens.dialogs import ConfirmScreen
from natpass_tui.settings import Settings
from tests.support.waiting import wait_for
from tests.tui.fakes import NOW
from tests.tui.test_app import PREFIX, opened

pytestmark = pytest.mark.screens


async def test_a_shell_without_a_way_stays_says_for_how_long_and_keeps_what_is_typed() -> None:
    async with opened("web") as screen:
        now = [NOW]
        screen.console.clock = lambda: now[0]
        await screen.press("enter")
        link = await screen.shell()
        link.output(b"before")
        await screen.until_shown("before")
        link.detach("relay connection lost", ago=12)
        await screen.until_shown("reconnecting to web · 12 s (relay connection lost) — what you type is kept")
        await screen.until_shown(" 1 web ~ ")
        now[0] += 2  # nobody tells the screen: it looks once a second
        await screen.until_shown("reconnecting to web · 14 s (relay connection lost)")
        await screen.press("l", "s", "enter")
        await screen.until_shown("(relay connection lost) — 3 keys wait")
        assert screen.shows("before")
        await screen.press(PREFIX, "f")
        await screen.press("1")
        await screen.until_shown("3 keys wait")  # what the terminal says of its focus is no key
        link.attach()
        await wait_for(lambda: link.input.replace(b"\x1b[I", b"").replace(b"\x1b[O", b"") == b"ls\r")
        await wait_for(lambda: not screen.shows("reconnecting"))
        assert not screen.shows("~")


async def test_input_without_a_way_can_be_discarded_and_that_is_said() -> None:
    async with opened("web", settings=Settings(kinds=(ShellSettings(keeps_offline_input=False),))) as screen:
        await screen.press("enter")
        link = await screen.shell()
        link.detach()
        await screen.until_shown("(relay connection lost) — what you type is not sent")
        await screen.press("a")
        await screen.until_shown("not sent: reconnecting (offline-input is discard)")
        link.attach()
        await screen.press("b")
        await wait_for(lambda: link.input == b"b")


async def test_a_tab_without_a_way_is_closed_as_a_live_one() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        link.detach()
        await screen.press(PREFIX, "x")
        await wait_for(lambda: isinstance(screen.app.screen, ConfirmScreen))
        await screen.press("y")
        await wait_for(lambda: link.closed and not screen.console.tabs.all())


async def test_a_remark_goes_away_also_if_the_network_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panes, "_REMARK_SECONDS", 0.05)
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        link.detach()
        pane = screen.main.front
        assert isinstance(pane, LinkPane)
        contextvars.Context().run(pane.say, "in passing")
        assert pane._remark
        await wait_for(lambda: not pane._remark)
        await screen.until_shown("reconnecting to web")


async def test_each_text_goes_to_its_own_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("web", settings=Settings(clipboard=True)) as screen:
        await screen.press("enter")
        link = await screen.shell()
        written: list[str] = []
        monkeypatch.setattr(screen.app._driver, "write", written.append)
        link.output(b"\x1b]52;c;b25l\x07\x1b]52;p;dHdv\x07\x1b]52;;dGhyZWU=\x07")
        await screen.until_shown("put 5 characters on your clipboard")
        selections = [text for text in written if text.startswith("\x1b]52;")]
        assert selections == ["\x1b]52;c;b25l\a", "\x1b]52;p;dHdv\a", "\x1b]52;;dGhyZWU=\a"]
        assert screen.app.clipboard == "one"
