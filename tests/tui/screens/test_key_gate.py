"""Keys that come in one read go where they would have gone one by one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual import events
from textual.keys import _character_to_key
from textual.widgets import Input

from natpass_tui.links.shell.tab import ShellTab
from natpass_tui.links.tab import TabOutcome
from natpass_tui.screens.key_gate import MOST_HELD
from natpass_tui.settings import Settings
from natpass_tui.widgets.desktop_view import DesktopView
from natpass_tui.widgets.terminal_view import TerminalView
from tests.end_to_end.agent_programs import agent, relay
from tests.end_to_end.test_console_shell import console_command, console_env
from tests.support.waiting import wait_for
from tests.tui.test_app import Screen, opened

pytest.importorskip("ptyprocess", reason="no pseudo-terminals")

from tests.end_to_end.outer_terminal import OuterTerminal

pytestmark = pytest.mark.screens

_NAMES = {"\x1d": "ctrl+right_square_bracket", "\r": "enter", "\x1b": "escape"}
#: What one types: the fleet with web-1, web-2 and db-1 is in front.
SCRIPTS = (
    "\rls\r",
    "\rls\r\x1dx\r",
    "\rls\r\x1dxn\r",
    "\rls\r\x1dqy",
    "\rls\r\x1dqnmore",
    "\r\x1d?qmore",
    "\r\x1dcls\r\x1dpid\r\x1d2w\r",
    "\r\x1df/db\r\rdate\r",
    "/web-2\r\rls\r",
    "/web\x1b/db\r\rx",
    "ndb-1\rls\r",
    "?q/db\r",
    ":shell on web-2\rls\r",
    "\r\x1d:fleet\r/db\r",
    "\r\x1d:close\ry/db\r",
    "\r\x1d\x1dx\x1d\x1bx",
    "\rone\x1dcxtwo\x1df1more\x1dxy2",
    "\ra\x1dcb\x1dcc\x1dxy\x1dxyls\r",
    "\x1dq",
    "\x1dv\x1dfss/web-1\rj\r",
)


def key(character: str) -> events.Key:
    name = _NAMES.get(character) or (character if character.isalnum() else _character_to_key(character))
    return events.Key(name, None if character in "\x1d\x1b" else character)


def state(screen: Screen) -> object:
    """Return what the user sees, and what the remotes got."""
    focused = screen.app.focused
    tabs = screen.console.tabs
    return (
        screen.app.return_value,
        [link.input for link in screen.client.links if link.request.cshell.rows],
        [link.closed for link in screen.client.links if link.request.cshell.rows],
        [(tab.agent, tab is tabs.front) for tab in tabs.all()],
        screen.console.fleet.filter,
        screen.console.fleet.order,
        screen.table.cursor_id,
        [type(shown).__name__ for shown in screen.app.screen_stack],
        type(focused).__name__,
        focused.value if isinstance(focused, Input) else "",
        screen.main.fleet.query_one("#fleet-filter", Input).value,
    )


async def end_of(screen: Screen) -> object:
    """Return the state once nothing changes any more: the gate is open, and every shell has what was typed."""
    app = screen.app

    def at_rest() -> bool:
        if not app.is_running:
            return True
        waiting = any(not node._message_queue.empty() for node in (app, *app._registry))
        return not waiting and not app.keys.is_busy and all(tab.is_live for tab in _shells(screen))

    await wait_for(at_rest)
    if app.is_running:
        await screen.pilot.pause()
        await wait_for(at_rest)
        await wait_for(lambda: all(not tab._outbox for tab in _shells(screen)))
    return state(screen)


def _shells(screen: Screen) -> list[ShellTab]:
    return [tab for tab in screen.console.tabs.all() if isinstance(tab, ShellTab)]


async def run(script: str, *, together: bool) -> object:
    async with opened("web-1", "web-2", "db-1") as screen:
        for character in script:
            screen.app.post_message(key(character))
            if not together:
                await end_of(screen)
        return await end_of(screen)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_keys_in_one_go_do_what_they_do_one_by_one(script: str) -> None:
    assert await run(script, together=True) == await run(script, together=False)


async def test_what_follows_a_question_answers_it() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        for character in "a\x1dqy":
            screen.app.post_message(key(character))
        await wait_for(lambda: screen.app.return_value == TabOutcome(0))
        assert link.input == b"a"


async def test_what_follows_the_slash_is_the_filter_and_opens_one_tab() -> None:
    async with opened("web", "db") as screen:
        for character in "/web\r\r":
            screen.app.post_message(key(character))
        link = await screen.shell()
        assert (link.peer, screen.console.fleet.filter) == ("web", "web")


async def test_a_paste_waits_for_its_turn() -> None:
    async with opened("web", "db") as screen:
        screen.app.post_message(key("/"))
        screen.app.post_message(events.Paste("we"))
        screen.app.post_message(key("b"))
        await wait_for(lambda: screen.console.fleet.filter == "web")


async def test_keys_before_the_first_tab_is_there_are_for_it() -> None:
    async with opened("web", settings=Settings(agent="web")) as screen:
        for character in "ls\r":
            screen.app.post_message(key(character))
        link = await screen.shell()
        await wait_for(lambda: link.input == b"ls\r")


async def test_keys_without_end_are_refused_and_those_that_wait_are_not_lost() -> None:
    async with opened("web") as screen:
        for character in "\r" + "a" * (MOST_HELD + 100):
            screen.app.post_message(key(character))
        link = await screen.shell()
        await wait_for(lambda: len(link.input) >= MOST_HELD - 1)


async def test_a_view_of_a_remote_is_where_keys_wait_for_nothing() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        await screen.shell()
        assert isinstance(screen.app.focused, TerminalView | DesktopView)
        screen.app.post_message(key("a"))
        await screen.pilot.pause()
        assert not screen.app.keys.is_busy


@contextmanager
def terminal(folder: Path, *arguments: str) -> Iterator[OuterTerminal]:
    with relay(folder) as (_, port), agent(folder, port) as box:
        box.said("logged in")
        env = {"TERM": "xterm-256color", "PATH": "/usr/bin:/bin", **console_env(folder)}
        outer = OuterTerminal(24, 80, console_command(port, *arguments), env)
        try:
            yield outer
        finally:
            outer.close()
            outer.process.close(force=True)


@pytest.mark.programs
def test_one_write_to_a_real_terminal(tmp_path: Path) -> None:
    with terminal(tmp_path) as outer:
        outer.wait_for("1 online")
        outer.type("/box\r\recho r$((40+2))\r")
        outer.wait_for("r42")
        outer.type("echo r$((50+3))\r\x1dxn")
        outer.wait_for("r53")
        outer.type("\x1dqn" + "echo r$((60+4))\r")
        outer.wait_for("r64")
        outer.type("\x1dqy")
        outer.process.wait()
        assert outer.process.exitstatus == 0
