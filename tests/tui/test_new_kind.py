"""A kind of link that is made up here is everywhere where the console offers kinds.

What a new kind touches at the console: its folder, one line of `natpass_tui.links.REGISTRY`, and `console.tcss` if its
pane needs styles that it can't have as `DEFAULT_CSS`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from textual.widgets import Input

from natpass_tui import links
from natpass_tui.cli import command
from natpass_tui.model.prefix import RESERVED, rows
from natpass_tui.screen_command import screen_options
from natpass_tui.screens.dialogs import HelpScreen
from natpass_tui.settings import Settings
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.support.waiting import wait_for
from tests.tui.screens.test_palette import offered, open_palette
from tests.tui.test_app import PREFIX, Screen, opened

#: The folder, and the registry's line.
FOLDER = "made_up_tides"
FILES = {
    "__init__.py": """
from natpass_tui.links.kind import FleetKey, Kind, KindTabs, Offer, PrefixKey
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest


def _command():
    from made_up_tides.cli import command

    return command


def _opener():
    from made_up_tides.pane import open_tab

    return open_tab


def _settings():
    from made_up_tides.settings import TideSettings

    return TideSettings


KIND = Kind(
    name="tides",
    wire=ConnectRequest.code,
    words=Words(noun="tide", at="at"),
    command=_command,
    instead="have no tides",
    tabs=KindTabs(
        opener=_opener,
        key=PrefixKey(("y",), "y", "tides", "the tides of the same agent"),
        fleet=FleetKey(("y",), "y", "tides", "y", "show its tides"),
        same=Offer("Tides", "The tides of the same agent"),
        at_cursor=Offer("Tides", "The tides of {agent}"),
        others=Offer("Tides of {agent}", "{host}", is_shown=False),
        help=(("m", "the moon"),),
    ),
    actions={"ebb": PrefixKey(("b",), "b", "ebb", "let the water go")},
    settings=_settings,
)
""",
    "settings.py": """
from dataclasses import dataclass

import click


@dataclass(frozen=True)
class TideSettings:
    sea: str = "north"

    @staticmethod
    def options():
        yield click.option("--sea", default="north", help="Whose tides.")

    @classmethod
    def from_values(cls, values):
        return cls(values["sea"])
""",
    "cli.py": '''
import click


@click.command("tides")
@click.argument("agent")
@click.option("--moon", is_flag=True, help="With the moon.")
def command(agent, moon):
    """Show the tides of AGENT."""
''',
    "pane.py": """
import asyncio

from made_up_tides import KIND
from made_up_tides.settings import TideSettings
from natpass_tui.links.pane import LinkPane
from natpass_tui.links.tab import LinkTab
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.pb.link_pb2 import ConnectRequest
from textual.widgets import Static


class TideTab(LinkTab):
    words = KIND.words

    def __init__(self, sea, *args, **more):
        super().__init__(*args, **more)
        self.sea = sea

    def _message(self):
        return ConnectRequest(name=self.sea, kind=KIND.wire)

    def _separate(self, text):
        pass

    async def _carry(self, link):
        try:
            while True:
                await link.receive()
        except LinkEndedError as error:
            return error.end


class Water(Static, can_focus=True):
    pass


class TidePane(LinkPane):
    def compose(self):
        yield Water(f"high water of the {self.tab.sea} sea", markup=False)
        yield Static(id="banner", markup=False)

    @property
    def view(self):
        return self.query_one(Water)

    def on_mount(self):
        self.tab.begin()

    def send_prefix(self):
        pass

    def act(self, name):
        if name == "ebb":
            self.view.update("low water")
        return name == "ebb"


def open_tab(agent, console, settings, changed):
    sea = settings.of(TideSettings).sea
    tab = TideTab(sea, console, agent, on_change=lambda: changed(tab), clock=console.clock)
    return TidePane(tab, settings.prefix)
""",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a directory to import the kind's folder from."""
    (tmp_path / FOLDER).mkdir()
    for name, text in FILES.items():
        (tmp_path / FOLDER / name).write_text(text)
    return tmp_path


@pytest.fixture
def tides(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the kind."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(links, "REGISTRY", (*links.REGISTRY, FOLDER))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == FOLDER]:
        del sys.modules[name]
    links._descriptor.cache_clear()


def shows_tides(screen: Screen) -> bool:
    return screen.shows("high water of the north sea") and len(screen.client.links) == 1


@pytest.mark.programs
@pytest.mark.parametrize("line", [("--help",), ("tides", "--help")])
def test_its_command_is_in_the_help_of_the_program(site: Path, line: tuple[str, ...]) -> None:
    program = (
        f"from natpass_tui import links; links.REGISTRY += ('{FOLDER}',); from natpass_tui.cli import main; main()"
    )
    run = [sys.executable, "-c", program, *line]
    done = subprocess.run(run, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True)
    assert "Show the tides of AGENT." in done.stdout
    if len(line) == 1:
        assert "  tides " in done.stdout
        assert "--sea TEXT" in done.stdout
    else:
        assert "--moon" in done.stdout


@pytest.mark.usefixtures("tides")
def test_without_its_registry_line_there_is_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CliRunner().invoke(command, ["tides", "--help"]).exit_code == 0
    monkeypatch.setattr(links, "REGISTRY", links.REGISTRY[:-1])
    assert CliRunner().invoke(command, ["tides", "--help"]).exit_code == 2


@pytest.mark.usefixtures("tides")
def test_its_options_are_those_of_all_commands_with_a_screen() -> None:
    def shown() -> None: ...

    screen_options(shown)
    names = {parameter.opts[0] for parameter in shown.__click_params__}  # type: ignore[attr-defined]  # click's own
    assert {"--prefix", "--clipboard", "--sea"} <= names


@pytest.mark.usefixtures("tides")
async def test_the_fleet_opens_its_tab_and_says_by_which_key() -> None:
    async with opened("web", size=(140, 24)) as screen:
        await screen.until_shown(" y tides ")
        await screen.press("y")
        await wait_for(lambda: shows_tides(screen))
        assert screen.client.links[0].request.kind == ConnectRequest.code
        assert screen.client.plain == [False]
        await wait_for(lambda: screen.console.tabs.live == 1)


@pytest.mark.usefixtures("tides")
async def test_keys_after_the_prefix_open_its_tab_and_act_in_it() -> None:
    async with opened("web", size=(200, 24), notices=True) as screen:
        await screen.press("enter")
        await screen.shell()
        await screen.press(PREFIX)
        await screen.until_shown(" y tides ")
        assert screen.shows(" b ebb ")
        await screen.press("b")
        await screen.until_shown("ctrl+] b (ebb) works only in tides tabs")
        await screen.press(PREFIX, "y")
        await screen.until_shown("high water of the north sea")
        await wait_for(lambda: screen.console.tabs.live == 2)
        await screen.press(PREFIX, "b")
        await screen.until_shown("low water")
        await screen.press(PREFIX, "x")
        await screen.until_shown("A tide runs on web.")


@pytest.mark.usefixtures("tides")
async def test_the_palette_offers_its_tab() -> None:
    async with opened("db", "web", size=(140, 40)) as screen:
        await open_palette(screen, "colon")
        await screen.until_shown("The tides of db")
        assert "Tides of web" not in offered(screen)  # for those who ask for it
        screen.app.screen.query_one(Input).value = "tides of web"
        await wait_for(lambda: offered(screen)[:1] == ["Tides of web"])
        await screen.press("enter")
        await wait_for(lambda: shows_tides(screen))
        assert screen.client.links[0].peer == "web"
        await open_palette(screen, PREFIX, "colon")
        await screen.until_shown("The tides of the same agent")


@pytest.mark.usefixtures("tides")
async def test_a_command_opens_its_tab_at_once() -> None:
    async with opened("web", settings=Settings(agent="web", opens="tides")) as screen:
        await wait_for(lambda: shows_tides(screen))


@pytest.mark.usefixtures("tides")
def test_the_help_has_its_keys() -> None:
    text = HelpScreen("ctrl+]", in_fleet=True)._text().plain
    for row in ("show its tides", "the tides of the same agent", "let the water go", "the moon"):
        assert row in text
    assert "In a shell or desktop or tide every other key" in text


def test_no_two_kinds_have_the_same_name_number_or_key() -> None:
    kinds = links.kinds()
    assert len({kind.name for kind in kinds}) == len({kind.wire for kind in kinds}) == len(kinds)
    keys = [key for row in rows(kinds) for key in (*row.key.keys, *row.key.moved)]
    assert len(set(keys)) == len(keys)
    assert not RESERVED & set(keys)
    fleet = [key for _, tabs in links.kinds_with_tabs() for key in tabs.fleet.keys]
    assert len(set(fleet)) == len(fleet)
    assert not set("/nsrjkgGq?:123456789") & set(fleet)
