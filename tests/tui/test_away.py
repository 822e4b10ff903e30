"""Agents that are away, or no agents, in the fleet and in tabs."""

import pytest

from natpass_wire.pb.roster_pb2 import About, RosterEntry
from tests.support.waiting import wait_for
from tests.tui.fakes import absent, away, entry
from tests.tui.test_app import opened

pytestmark = pytest.mark.screens


async def test_a_tab_on_an_agent_that_is_away_says_since_when_and_opens_when_it_is_back() -> None:
    async with opened(size=(140, 24)) as screen:
        screen.client.change(away=[away("web", ago=720)])
        screen.client.answer = absent
        await screen.until_shown("away 12 min")
        await screen.press("enter")
        await screen.until_shown("no shell: web is away since ")
        await screen.until_shown("it opens when the agent is there")
        screen.client.answer = lambda peer: None
        screen.client.change(entry("web"))
        await screen.shell()


async def test_an_existing_program_that_only_opens_links_is_marked_and_comes_last() -> None:
    async with opened() as screen:
        screen.client.change(RosterEntry(id="a-browser", about=About(version="legacy"), console=True), entry("web"))
        await screen.until_shown("·  console       a-browser")
        assert [line.split()[2] for line in screen.lines() if "web" in line or "a-browser" in line] == [
            "web",
            "a-browser",
        ]
        assert screen.shows("1 online of 2")
        screen.client.change(left=("a-browser",))
        await wait_for(lambda: not screen.shows("a-browser"))


async def test_rows_of_agents_that_are_away_are_dimmed() -> None:
    async with opened("db", "web") as screen:
        screen.client.change(away=[away("site2", ago=720)])
        await screen.until_shown("site2")

        def colour(word: str) -> object:
            strips = screen.app.screen._compositor.render_strips()
            style = next(s.style for strip in strips for s in strip if s.text.strip() == word)
            return style.color if style is not None else None

        assert colour("web.lan") != colour("site2.lan")
