"""A tab of forwards on the screen."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from natpass_tui.links.forward import tab
from natpass_tui.links.forward.pane import ForwardPane
from natpass_tui.links.forward.rules import parse_tables
from natpass_tui.links.forward.settings import ForwardSettings
from natpass_tui.links.forward.tab import ForwardTab
from natpass_tui.screens.dialogs import ConfirmScreen, HelpScreen
from natpass_tui.settings import Settings
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd
from tests.support.peers import Peer, Target
from tests.support.waiting import wait_for
from tests.tui.links.forward.agent_double import World, unused_port
from tests.tui.links.forward.serving import serve
from tests.tui.links.forward.test_tab import is_free
from tests.tui.screens.test_palette import offered, open_palette
from tests.tui.test_app import PREFIX, Screen, opened

pytestmark = pytest.mark.screens

WIDE, USUAL = (160, 50), (80, 24)


@dataclass
class Forwarding:
    """The screen with a tab of forwards to `web` in front."""

    screen: Screen
    world: World

    @property
    def pane(self) -> ForwardPane:
        return self.screen.main.query_one(ForwardPane)

    @property
    def tab(self) -> ForwardTab:
        return self.pane.tab

    def address(self, number: int = 0) -> str:
        row = self.tab.lines()[number].row
        assert row is not None
        return row.address

    async def type(self, text: str) -> None:
        await self.screen.press(*("space" if letter == " " else letter for letter in text), "enter")

    async def add(self, text: str) -> None:
        """Add a rule, and wait until it listens."""
        count = len(self.tab.lines())
        await self.screen.press("a")
        await self.type(text)
        await wait_for(lambda: len(self.tab.lines()) > count and not self.pane.line.has_class("shown"))


@contextlib.asynccontextmanager
async def forwarding(
    *tables: object, size: tuple[int, int] = USUAL, agents: tuple[str, ...] = ("web",), notices: bool = False
) -> AsyncIterator[Forwarding]:
    settings = Settings(kinds=(ForwardSettings(parse_tables(tables)),))
    async with opened(*agents, size=size, settings=settings, notices=notices) as screen:
        world = serve(screen.client)
        await screen.press("t")
        await wait_for(lambda: screen.console.tabs.live == 1)
        try:
            yield Forwarding(screen, world)
            await screen.console.close()
            for agent in world.agents:
                await agent.running
        finally:
            for agent in world.agents:
                await agent.tasks.close()


async def test_an_empty_tab_shows_examples_and_the_line_says_what_a_rule_means() -> None:
    async with forwarding() as on:
        screen = on.screen
        await screen.until_shown("No forwards to web yet. Press a to add one")
        await screen.until_shown("D 1080")
        await screen.until_shown(" 1 forwards web ")
        await screen.press("a")
        await wait_for(lambda: screen.app.focused is on.pane.line)
        await screen.press(*"L", "space", *"8080:localhost:80")
        await screen.until_shown("port 8080 here leads to localhost:80 at web")
        await screen.press("escape")
        await screen.until_shown("No forwards to web yet")
        assert on.pane.line.value == ""
        assert on.tab.lines() == []


async def test_a_rule_is_added_carries_and_is_deleted() -> None:
    with contextlib.closing(Target()) as target:
        async with forwarding() as on:
            screen = on.screen
            await on.add(f"L 0:localhost:{target.port}")
            address = on.address()
            await screen.until_shown(f"● L  {address}")
            await screen.until_shown(f"localhost:{target.port}")
            await screen.until_shown("no connection yet")
            client = await Peer.to(address)
            there = await target.accept()
            await client.send(b"x" * 1200)
            await there.send(b"y" * 34_000)
            await client.read(34_000)
            await screen.until_shown("1/1  1.2 kB   34 kB")
            await screen.until_shown("1 of 1 connection open · ↑ 1.2 kB ↓ 34 kB")
            await screen.until_shown("1 forward · 1 open")
            await screen.press("enter")
            await screen.until_shown(f"connections of L 0:localhost:{target.port}")
            await screen.until_shown("{}:{}".format(*client.sock.getsockname()))
            await screen.press("escape")
            await screen.until_shown("LISTENS AT")
            await screen.press("d")
            await screen.until_shown("1 connection is open through L 0:localhost:")
            await screen.press("n")
            await wait_for(lambda: not isinstance(screen.app.screen, ConfirmScreen))
            assert on.tab.open_count == 1
            await screen.press("d", "y")
            await screen.until_shown("No forwards to web yet")
            await wait_for(lambda: is_free(address))
            with pytest.raises(ConnectionResetError):
                await client.read(1)
            client.close()


async def test_what_is_wrong_is_said_in_place_and_can_be_mended() -> None:
    with contextlib.closing(Target()) as target:
        async with forwarding() as on:
            screen = on.screen
            await screen.press("a")
            await on.type("L 8080:localhost")
            await screen.until_shown("-L 8080:localhost: ")
            assert on.pane.query_one("#forward-hint").has_class("fault")
            assert on.pane.line.has_focus
            await screen.press("end", *["backspace"] * len("8080:localhost"))
            await on.type(f"127.0.0.1:{target.port}:localhost:80")  # somebody listens there
            await screen.until_shown("cannot listen at")
            assert on.pane.line.value == f"L 127.0.0.1:{target.port}:localhost:80"
            assert on.tab.lines() == []
            await screen.press("home", *["delete"] * len(f"L 127.0.0.1:{target.port}"))
            await screen.press("L", "space", "0", "enter")
            await screen.until_shown("listening")
            assert on.pane.rules.has_focus


async def test_rules_of_the_config_file_are_offered_and_started() -> None:
    async with forwarding({"agent": "web", "local": "0:localhost:9"}, {"agent": "db", "dynamic": "1080"}) as on:
        screen = on.screen
        await screen.until_shown("in tui.toml, not running · s starts it")
        assert not screen.shows("1080")
        await screen.press("d")
        await screen.until_shown("does not run: it is in tui.toml")
        await screen.press("enter")
        await screen.until_shown("does not run: s starts it")
        await screen.press("s")
        await screen.until_shown("listening at ")
        await screen.press("s")
        await screen.until_shown("runs already")
        await screen.press("d")
        await screen.until_shown("in tui.toml, not running")


async def test_the_prefix_opens_one_tab_an_agent_and_leaving_it_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab, "BUSY_SECONDS", 600.0)  # the mark of traffic is not missed on a busy machine
    with contextlib.closing(Target()) as target:
        async with forwarding() as on:
            screen = on.screen
            await on.add(f"L 0:localhost:{target.port}")
            await screen.press(PREFIX, "f")
            await wait_for(screen.fleet_is_in_front)
            client = await Peer.to(on.address())
            there = await target.accept()
            await client.send(b"x" * 100)
            await there.read(100)
            await screen.until_shown(" 1 forwards web ⇅ ")
            await screen.press("enter")
            await wait_for(lambda: len(screen.console.tabs) == 2)
            await wait_for(lambda: screen.console.tabs.live == 2)
            await screen.press(PREFIX, "t")
            await wait_for(lambda: screen.console.tabs.front is on.tab)
            assert len(screen.console.tabs) == 2
            assert len(on.world.agents) == 1
            assert on.tab.open_count == 1
            await screen.press(PREFIX, "x")
            await screen.until_shown("1 connection is open through the forwards to web.")
            await screen.press("y")
            await wait_for(lambda: len(screen.console.tabs) == 1)
            with pytest.raises(ConnectionResetError):
                await client.read(1)
            client.close()


async def test_a_tab_without_connections_is_closed_at_once() -> None:
    async with forwarding() as on:
        await on.add("L 0:localhost:9")
        address = on.address()
        await on.screen.press(PREFIX, "x")
        await wait_for(lambda: not on.screen.console.tabs.all())
        assert is_free(address)


async def test_keys_are_the_consoles() -> None:
    async with forwarding(agents=("db", "web"), notices=True) as on:
        screen = on.screen
        await screen.until_shown(" a add ")
        await screen.press("question_mark")
        await wait_for(lambda: isinstance(screen.app.screen, HelpScreen))
        await screen.press("escape")
        await wait_for(lambda: not isinstance(screen.app.screen, HelpScreen))
        await screen.press("q")  # nobody leaves by accident
        await screen.press("7")
        await screen.until_shown("there is no tab 7")
        await open_palette(screen, "colon")
        await screen.until_shown("Add a forward")
        await screen.press("escape")
        assert len(screen.console.tabs) == 1


async def test_the_palette_has_what_the_keys_do_and_finds_an_agents_forwards() -> None:
    async with forwarding(agents=("db", "web"), size=WIDE) as on:
        screen = on.screen
        await screen.press(PREFIX, "f")
        await open_palette(screen, "colon")
        await wait_for(lambda: "Forwards" in offered(screen))
        await screen.press(*"forwards", "space", *"web")
        await wait_for(lambda: "Forwards of web" in offered(screen) or "Go to tab 1: forwards db" in offered(screen))
        await screen.press("escape")


async def test_what_remote_ends_say_is_one_line_without_markup() -> None:
    async with forwarding(size=WIDE) as on:
        screen = on.screen
        on.world.refuses = "[red]no[/red]\x1b[2J\n\u202eevil"
        await screen.press("a")
        await on.type("R 0:localhost:9")
        await screen.until_shown("[red]no[/red]\N{REPLACEMENT CHARACTER}[2J")
        on.world.refuses = ""
        await screen.press("escape")
        with unused_port() as port:
            await on.add(f"L 0:127.0.0.1:{port}")
            on.world.refuses = "[blink]gone[/]\x1b]0;x\x07"
            client = await Peer.to(on.address())
            with contextlib.suppress(ConnectionResetError):
                await client.read(1)
            client.close()
            await screen.until_shown("[blink]gone[/]")
            await screen.until_shown("last error ")


@pytest.mark.parametrize(("size", "shown"), [(USUAL, "OPEN/ALL       ↑       ↓"), (WIDE, "LAST ERROR")])
async def test_the_table_fits_the_terminal(size: tuple[int, int], shown: str) -> None:
    long = "L 0:a-host-with-a-very-long-name.of-a-long-domain.example.org:65535"
    async with forwarding(size=size) as on:
        await on.add(long)
        await on.screen.until_shown(shown)
        await on.screen.until_shown("a-host-with-")
        await on.screen.until_shown("…")
        await on.screen.until_shown(long)  # the details have all of it
        assert all(len(line) == size[0] for line in on.screen.lines())


async def test_a_refusal_stands_in_the_banner_and_enter_tries_again() -> None:
    async with opened("web") as screen:
        world = serve(screen.client)
        screen.client.answer = lambda _: End(LinkEnd.FAILED, "not for this key", reason=ConnectResponse.REFUSED)
        await screen.press("t")
        await screen.until_shown("no forward to web: not for this key — Enter tries again")
        screen.client.answer = lambda _: None
        await screen.press("enter")
        await wait_for(lambda: screen.console.tabs.live == 1)
        await screen.console.close()
        await world.agents[0].running


async def test_rows_have_a_cursor_that_moves_as_in_the_fleet() -> None:
    async with forwarding() as on:
        for target in ("one", "two", "three"):
            await on.add(f"L 0:{target}:9")
        assert str(on.pane.rules.cursor_key).endswith("three:9")
        await on.screen.press("k")
        assert str(on.pane.rules.cursor_key).endswith("two:9")
        await on.screen.press("g")
        await on.screen.until_shown("L 0:one:9 · listening")
        await on.screen.press("d")
        await wait_for(lambda: len(on.tab.lines()) == 2)
        assert str(on.pane.rules.cursor_key).endswith("two:9")
