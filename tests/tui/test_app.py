"""The screens, driven by keys and mouse, on a fake relay."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from textual.pilot import Pilot

from natpass_tui.app import ConsoleApp
from natpass_tui.links.shell.pane import ShellPane
from natpass_tui.links.tab import TabOutcome
from natpass_tui.model.console import Console
from natpass_tui.screens.dialogs import ConfirmScreen, HelpScreen
from natpass_tui.screens.main import MainScreen
from natpass_tui.settings import Settings
from natpass_tui.widgets.fleet_table import FleetTable
from natpass_tui.widgets.terminal_view import TerminalView
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import LinkEnd
from tests.support.waiting import wait_for
from tests.tui.fakes import FakeClient, FakeLink, absent, away, entry, make_console

pytestmark = pytest.mark.screens

PREFIX = "ctrl+right_square_bracket"


@dataclass
class Screen:
    """The application under test, and the relay's end."""

    app: ConsoleApp
    pilot: Pilot[TabOutcome]
    console: Console
    client: FakeClient

    @property
    def main(self) -> MainScreen:
        screen = self.app.get_default_screen()
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def table(self) -> FleetTable:
        return self.main.fleet.table

    def fleet_is_in_front(self) -> bool:
        return self.console.tabs.front is None

    def lines(self) -> list[str]:
        """Return what is on the screen, one string a row."""
        screen = self.app.screen
        return ["".join(segment.text for segment in strip) for strip in screen._compositor.render_strips()]

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.lines())

    async def until_shown(self, text: str) -> None:
        await wait_for(lambda: self.shows(text), f"{text!r} on the screen")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def shell(self, number: int = 1) -> FakeLink:
        """Wait until so many links were opened and the last has the keyboard; return it."""
        await wait_for(lambda: len(self.client.links) >= number)
        await wait_for(lambda: isinstance(self.app.focused, TerminalView))
        await wait_for(lambda: self.console.tabs.front is not None and self.console.tabs.front.is_live)
        return self.client.links[number - 1]


@contextlib.asynccontextmanager
async def opened(
    *agents: str,
    size: tuple[int, int] = (100, 24),
    settings: Settings | None = None,
    legacy: bool = False,
    listed: tuple[str, ...] = (),
    notices: bool = False,
) -> AsyncIterator[Screen]:
    console, client = make_console(legacy=legacy, listed=listed)
    client.log_in(roster=not legacy)
    if not legacy:
        client.snapshot(*(entry(agent) for agent in agents))
    app = ConsoleApp(console, settings or Settings())
    async with app.run_test(size=size, notifications=notices) as pilot:
        await pilot.pause()
        try:
            yield Screen(app, pilot, console, client)
        finally:  # also of a test that has failed: uvloop waits for sockets that are left when its loop is closed
            await console.close()


# the fleet


async def test_the_fleet_shows_agents_and_follows_them() -> None:
    async with opened("web-1", "web-2") as screen:
        await screen.until_shown("web-1")
        assert screen.shows("2 online")
        assert screen.shows("web-2.lan")
        screen.client.change(entry("db"), away=[away("web-1", ago=720)])
        await screen.until_shown("db.lan")
        await screen.until_shown("○  away 12 min   web-1")
        await screen.until_shown("2 online of 3")
        rows = [line.split()[2] for line in screen.lines() if " online " in line or " away " in line][1:]
        assert [row for row in rows if row != "12"] == ["db", "web-2"]  # and then those that are away


async def test_the_cursor_stays_on_its_agent_and_its_line() -> None:
    async with opened(*(f"m{number:02}" for number in range(50))) as screen:
        await screen.press("end", *["up"] * 5)
        assert screen.table.cursor_id == "m44"
        line = next(y for y, text in enumerate(screen.lines()) if " m44 " in text)
        screen.client.change(*(entry(f"a{number}") for number in range(30)))
        await screen.until_shown("80 online")
        await screen.pilot.pause()
        assert screen.table.cursor_id == "m44"
        assert " m44 " in screen.lines()[line]
        await screen.press("home")
        assert screen.table.cursor_id == "a0"


async def test_the_filter_works_while_it_is_typed_and_escape_clears_it() -> None:
    async with opened("web-1", "web-2", "db-1") as screen:
        await screen.press("slash", "d", "b")
        await screen.until_shown("1 match")
        assert not screen.shows("web-1")
        await screen.press("enter")
        assert screen.table.has_focus
        assert screen.table.cursor_id == "db-1"
        await screen.press("escape")
        await screen.until_shown("web-1")
        assert screen.table.cursor_id == "db-1"
        await screen.press("slash", "x", "y")
        await screen.until_shown("No agent matches “xy”")
        await screen.press("escape")
        await screen.until_shown("web-1")


async def test_an_empty_fleet_says_what_to_do() -> None:
    async with opened() as screen:
        await screen.until_shown("natpass-agent --relay relay.test:6154")
        screen.client.change(entry("web"))
        await screen.until_shown("web.lan")
        assert not screen.shows("No agents yet")


async def test_without_a_roster_ids_are_configured_or_typed() -> None:
    async with opened(legacy=True) as screen:
        await screen.until_shown("has no list of agents")
        await screen.press("n", *"web-7", "enter")
        link = await screen.shell()
        assert link.peer == "web-7"
        await screen.press(PREFIX, "f")
        await screen.until_shown("·  listed        web-7")
    async with opened(legacy=True, listed=("db-9",)) as screen:
        await screen.until_shown("db-9")


async def test_remote_words_are_no_markup() -> None:
    async with opened(size=(150, 24)) as screen:
        screen.client.change(entry("[red]web[/red]", host="[@click=app.exit]x[/]"))
        await screen.until_shown("[red]web[/red]")
        assert screen.shows("[@click=app.exit]x[/]")
        await screen.press("enter")
        link = await screen.shell()
        link.output(b"\x1b]0;[b]title[/b]\x07")
        await screen.until_shown("[b]title[/b]")
        link.finish(End(LinkEnd.FAILED, "[blink]gone[/blink]"))
        await screen.until_shown("[blink]gone[/blink]")


async def test_round_trips_appear_in_their_rows() -> None:
    async with opened("a") as screen:
        screen.console.latencies.ask(["a"])
        screen.client.report(a=23_000)
        await screen.until_shown("23 ms")


# shells and tabs


async def test_enter_opens_a_shell_and_all_keys_go_there() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        assert (link.peer, link.request.cshell.rows, link.request.cshell.cols) == ("web", 22, 100)
        link.output(b"hello $ ")
        await screen.until_shown("hello $")
        await screen.press(
            "q", "ctrl+q", "ctrl+c", "ctrl+p", "ctrl+z", "tab", "shift+tab", "f1", "escape", "slash", "1"
        )
        await wait_for(lambda: link.input == b"q\x11\x03\x10\x1a\t\x1b[Z\x1bOP\x1b/1")
        assert screen.app.is_running


async def test_the_prefix_twice_sends_it_and_a_hint_shows_the_choices() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        await screen.press(PREFIX)
        await screen.until_shown("? all keys  q quit")
        await screen.press(PREFIX)
        await wait_for(lambda: link.input == b"\x1d")
        await screen.until_shown("connected to relay.test:6154")
        await screen.press(PREFIX, "escape", "a")
        await wait_for(lambda: link.input == b"\x1da")


async def test_the_prefix_can_be_another_key() -> None:
    async with opened("web", settings=Settings(prefix="ctrl+b")) as screen:
        await screen.press("enter")
        link = await screen.shell()
        await screen.press(PREFIX, "ctrl+b", "f")
        await wait_for(lambda: link.input == b"\x1d")
        assert screen.fleet_is_in_front()


async def test_tabs_are_reached_by_keys_and_clicks() -> None:
    async with opened("web", "db") as screen:
        await screen.press("enter")
        await screen.shell(1)
        await screen.press(PREFIX, "c")
        await screen.shell(2)
        assert [link.peer for link in screen.client.links] == ["db", "db"]
        first, second = screen.console.tabs.all()
        await screen.press(PREFIX, "p")
        assert screen.console.tabs.front == first
        await screen.press(PREFIX, "2")
        assert screen.console.tabs.front == second
        await screen.press(PREFIX, "n")
        assert screen.fleet_is_in_front()
        await screen.until_shown(" fleet  1 db  2 db ")
        await screen.pilot.click("TabBar", offset=(9, 0))
        assert screen.console.tabs.front == first
        await screen.press("x")
        await wait_for(lambda: screen.client.links[0].input == b"x")
        await screen.pilot.click("TabBar", offset=(2, 0))
        assert screen.fleet_is_in_front()
        await screen.press("2")  # in the fleet, a digit alone will do
        assert screen.console.tabs.front == second


async def test_a_tab_behind_marks_output_and_bell_until_it_is_seen() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        await screen.press(PREFIX, "f")
        link.output(b"news")
        await screen.until_shown("1 web •")
        link.output(b"\x07")
        await screen.until_shown("1 web ♪")
        await screen.press("1")
        await wait_for(lambda: not screen.shows("♪"))


async def test_closing_a_live_tab_asks_once() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        await screen.press(PREFIX, "x")
        await wait_for(lambda: isinstance(screen.app.screen, ConfirmScreen))
        await screen.press("n")
        assert not link.closed
        await screen.press("a")
        await wait_for(lambda: link.input == b"a")
        await screen.press(PREFIX, "x")
        await wait_for(lambda: isinstance(screen.app.screen, ConfirmScreen))
        await screen.press("y")
        await wait_for(lambda: link.closed and not screen.console.tabs.all())
        await wait_for(lambda: screen.table.has_focus)


async def test_closing_an_ended_tab_asks_nothing() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        link.finish(End(LinkEnd.EXITED, "", 1))
        await screen.until_shown("shell ended (status 1) — Enter: new shell, ctrl+] x: close")
        await screen.press("z")
        await screen.until_shown("not sent: there is no shell")
        await screen.press(PREFIX, "x")
        await wait_for(lambda: not screen.console.tabs.all())


async def test_quitting_asks_only_if_shells_run() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        await screen.shell()
        await screen.press(PREFIX, "q")
        await wait_for(lambda: isinstance(screen.app.screen, ConfirmScreen))
        await screen.press("escape")
        assert screen.app.is_running
        await screen.press(PREFIX, "f", "q")
        await wait_for(lambda: isinstance(screen.app.screen, ConfirmScreen))
        await screen.press("enter")
        await wait_for(lambda: screen.app.return_value == TabOutcome(0))
    async with opened("web") as screen:
        await screen.press("q")
        await wait_for(lambda: screen.app.return_value == TabOutcome(0))


async def test_a_lost_relay_is_said_in_place_and_the_shell_comes_back() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        link.output(b"before")
        screen.client.lose("Connection reset by peer")
        await screen.until_shown("a new shell opens when the relay is back")
        await screen.until_shown("reconnecting in 3 s — Connection reset by peer")
        await screen.press("a")
        await screen.until_shown("not sent: there is no connection")
        screen.client.log_in()
        await screen.shell(2)
        await screen.until_shown("── relay connection lost ")
        assert screen.shows("before")


async def test_a_refused_shell_says_why_and_enter_tries_again() -> None:
    async with opened("web") as screen:
        screen.client.answer = absent
        await screen.press("enter")
        await screen.until_shown("no shell: agent web is not connected — it opens when the agent is there")
        screen.client.answer = lambda peer: None
        await screen.press("enter")
        await screen.shell()


async def test_a_console_for_one_shell_ends_with_it_and_its_status() -> None:
    async with opened("web", settings=Settings(agent="web")) as screen:
        link = await screen.shell()
        link.finish(End(LinkEnd.EXITED, "", 7))
        await wait_for(lambda: screen.app.return_value == TabOutcome(7))


async def test_a_console_for_one_shell_stays_if_there_are_other_tabs() -> None:
    async with opened("web", settings=Settings(agent="web")) as screen:
        await screen.shell(1)
        await screen.press(PREFIX, "c")
        link = await screen.shell(2)
        link.finish(End(LinkEnd.EXITED, "", 0))
        await screen.until_shown("shell ended (status 0)")
        assert screen.app.is_running


async def test_history_is_scrolled_by_keys_after_the_prefix() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        link.output(b"".join(b"line %d\r\n" % number for number in range(100)))
        await screen.until_shown("line 99")
        await screen.press(PREFIX, "left_square_bracket")
        await screen.until_shown("Esc or q: back")
        await screen.press("home")
        await screen.until_shown("line 1 ")
        await screen.press("q")
        await screen.until_shown("line 99")
        assert link.input == b""
        await screen.press("q")
        await wait_for(lambda: link.input == b"q")


# clipboard, dialogs, sizes


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_remote_writes_to_the_clipboard_only_if_it_may(allowed: bool) -> None:
    async with opened("web", settings=Settings(clipboard=allowed)) as screen:
        await screen.press("enter")
        link = await screen.shell()
        link.output(b"\x1b]52;c;cm0gLXJmIC8=\x07")
        await screen.until_shown("on your clipboard" if allowed else "wants to write to your clipboard: not done")
        assert screen.app.clipboard == ("rm -rf /" if allowed else "")


async def test_help_names_every_command_and_escape_closes_it() -> None:
    async with opened("web", size=(100, 60)) as screen:
        await screen.press("question_mark")
        await wait_for(lambda: isinstance(screen.app.screen, HelpScreen))
        for text in ("open a shell", "filter by", "next tab", "close the tab", "send ctrl+] itself", "select and copy"):
            await screen.until_shown(text)
        await screen.press("escape")
        assert screen.app.screen is screen.main


async def test_the_palette_has_our_commands_only_and_opens_shells() -> None:
    async with opened("web", "db") as screen:
        names = [command.title for command in screen.app.get_system_commands(screen.app.screen)]
        others = ["Shell on web", "Desktop of web", "Forwards of web"]
        assert names == ["Shell on db", "Desktop", "Forwards", "Help", "Quit", *others]
        await screen.press("colon")
        await wait_for(lambda: screen.app.screen is not screen.main)
        await screen.press(*"shell web")
        await screen.until_shown("Shell on web")
        await screen.press("enter")
        link = await screen.shell()
        assert link.peer == "web"


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (10, 2), (300, 100)])
async def test_no_size_is_too_small(size: tuple[int, int]) -> None:
    async with opened(*(f"web-{number}" for number in range(9)), size=size) as screen:
        await screen.press("down", "slash", "w", "enter", "question_mark", "escape", "enter")
        link = await screen.shell()
        link.output(b"hello\x1b]0;title\x07")
        screen.client.lose()
        await screen.pilot.pause()
        await screen.press(PREFIX, "f", "question_mark", "escape")
        await screen.pilot.resize_terminal(80, 24)
        await screen.until_shown("web-8")


async def test_a_hidden_shell_keeps_its_size_and_gets_the_new_one_when_seen() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        await screen.press(PREFIX, "f")
        await screen.pilot.resize_terminal(60, 20)
        await screen.press("1")
        await wait_for(lambda: link.sizes[-1] == (18, 60))
        assert screen.main.query_one(ShellPane).display


async def test_a_sorted_fleet_can_be_sorted_otherwise() -> None:
    async with opened() as screen:
        screen.client.change(entry("a", host="z", up=10), entry("b", host="y", up=5))
        await screen.until_shown("2 online")
        orders = []
        for _ in range(4):
            orders.append([agent.id for agent in screen.console.fleet.window(0, 9)])
            await screen.press("s")
        assert orders == [["a", "b"], ["b", "a"], ["a", "b"], ["b", "a"]]


async def test_r_dials_the_relay_now() -> None:
    async with opened("web") as screen:
        screen.client.lose()
        await screen.press("r")
        assert screen.client.retries == 1


async def test_the_first_agent_that_appears_has_the_keyboard() -> None:
    async with opened() as screen:
        await screen.until_shown("No agents yet")
        screen.client.change(entry("web"))
        await screen.until_shown("web.lan")
        await screen.press("enter")
        assert (await screen.shell()).peer == "web"


async def test_a_relay_that_does_not_answer_is_said_so_long_before_it_is_given_up() -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        link = await screen.shell()
        assert screen.client.connection is not None
        screen.client.connection.life.unanswered = 2.0
        screen.main.redraw()
        await screen.until_shown("● connected")
        screen.client.connection.life.unanswered = 5.0
        await screen.until_shown("◐ no answer for 5 s")
        assert not screen.shows("●")
        await screen.press("a")
        await screen.until_shown("no answer from the relay for 5 s: what you type may arrive late, or not at all")
        await wait_for(lambda: link.input == b"a")  # it waits for the network; nothing is thrown away
        screen.client.connection.life.unanswered = 0.0
        await screen.until_shown("● connected")


@pytest.mark.parametrize("width", [12, 30, 50, 80, 100, 140, 200])
async def test_the_choices_after_the_prefix_end_with_a_sign_where_there_is_no_room(width: int) -> None:
    async with opened("web", size=(width, 24)) as screen:
        await screen.press(PREFIX)
        await wait_for(lambda: screen.lines()[-1].startswith(" ctrl+] "))
        line = screen.lines()[-1].rstrip()
        assert line.endswith("…") is (width < 200)
        assert ("? all keys  q quit" in line) is (width >= 30)
        assert ("x close  f fleet  n next  c new shell  [ scroll" in line) is (width >= 80)


async def test_a_tab_whose_agent_was_away_opens_when_the_roster_shows_it() -> None:
    async with opened("web") as screen:
        screen.client.answer = absent
        await screen.press("enter")
        await screen.until_shown("it opens when the agent is there")
        screen.client.answer = lambda peer: None
        screen.client.change(entry("db"))
        assert not screen.client.links
        screen.client.change(entry("web", up=1))
        assert (await screen.shell()).peer == "web"
