"""The palette and remote words."""

import pytest
from textual.command import CommandList
from textual.widgets import Input

from natpass_tui.links.tab import TabOutcome
from natpass_tui.screens.palette import match
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.support.waiting import wait_for
from tests.tui.fakes import entry
from tests.tui.test_app import PREFIX, Screen, opened

pytestmark = pytest.mark.screens

HOSTILE = [
    "[/x]",
    "[@click=app.quit]PWNED[/]",
    "[bold red on yellow]PWNED[/]",
    "[$error]x[/$error] [link='x']y[/]",
    "x\\[/x] [[/]] ]",
    "[" * 40,
]


async def open_palette(screen: Screen, *keys: str) -> None:
    await screen.press(*keys)
    await wait_for(lambda: screen.app.screen is not screen.main)


@pytest.mark.parametrize("words", HOSTILE)
async def test_remote_words_in_the_palette_are_no_markup(words: str) -> None:
    async with opened(size=(200, 60)) as screen:
        screen.client.change(entry(words, host=f"host {words}", system=words))
        await screen.until_shown(f"host {words[:6]}")  # the table's columns are narrow
        await screen.press("enter")
        link = await screen.shell()
        link.output(b"\x1b]2;title %s\x07" % words.encode())
        await screen.until_shown(f"title {words[:6]}")
        await open_palette(screen, PREFIX, "space")
        await screen.until_shown(f"New shell on {words}")
        await screen.press("escape", PREFIX, "f")
        await open_palette(screen, "colon")
        for text in (f"Go to tab 1: {words}", f"title {words}", f"Shell on {words}", f"host {words}"):
            await screen.until_shown(text)
        await screen.press(*"shell on")
        await wait_for(lambda: not screen.shows("Go to tab 1"))
        await screen.until_shown(f"Shell on {words}")
        await screen.until_shown(f"host {words}")
        assert not any("click" in meta for meta in metas(screen))
        await screen.press("enter")
        assert (await screen.shell(2)).peer == words
        assert screen.app.return_value is None


async def test_a_click_on_a_remote_word_chooses_the_command_only() -> None:
    async with opened(size=(200, 60)) as screen:
        screen.client.change(entry("web", host="[@click=app.quit]PWNED[/]"))
        await screen.until_shown("PWNED")
        await open_palette(screen, "colon")
        await screen.press(*"shell on")
        await screen.until_shown("Shell on web")
        row = next(y for y, line in enumerate(screen.lines()) if "PWNED" in line)
        await screen.pilot.click(offset=(screen.lines()[row].index("PWNED") + 1, row))
        assert (await screen.shell()).peer == "web"
        assert not isinstance(screen.app.return_value, TabOutcome)


async def test_what_was_typed_is_plain_text() -> None:
    async with opened("web") as screen:
        await open_palette(screen, "colon")
        screen.app.screen.query_one(Input).value = "[/nothing]"
        await screen.until_shown("[/nothing]")
        await screen.until_shown("No matches")


def offered(screen: Screen) -> list[str]:
    """Return the titles in the palette, from the first one on."""
    options = screen.app.screen.query_one(CommandList)
    prompts = (str(options.get_option_at_index(number).prompt) for number in range(options.option_count))
    return [prompt.partition("\n")[0] for prompt in prompts]


async def until_offered(screen: Screen, *titles: str) -> None:
    """Wait until the palette begins with these."""
    try:
        await wait_for(lambda: offered(screen)[: len(titles)] == list(titles))
    except AssertionError:
        raise AssertionError(f"the palette begins with {offered(screen)}") from None


async def test_what_one_does_most_comes_first_and_no_agent_twice() -> None:
    async with opened("db", "web", "web-2") as screen:
        await open_palette(screen, "colon")
        most = "Shell on db", "Desktop", "Forwards", "Help", "Quit"
        await until_offered(screen, *most, "Shell on web", "Shell on web-2")
        assert len(offered(screen)) == 7
        await screen.press("escape", "down")
        await open_palette(screen, "colon")
        await until_offered(screen, "Shell on web")  # where the cursor is
        await screen.press("enter")
        await screen.shell(1)
        await screen.press(PREFIX, "f", "home", "enter")
        await screen.shell(2)
        await screen.press(PREFIX, "c")
        await screen.shell(3)
        await open_palette(screen, PREFIX, "colon")
        await until_offered(screen, "Go to tab 2: db", "Go to tab 1: web", "Fleet", "New shell on db", "Desktop")
        found = offered(screen)
        assert len(set(found)) == len(found)
        assert [title for title in found if "web" in title] == ["Go to tab 1: web", "Shell on web", "Shell on web-2"]
        await screen.press("enter")  # and nothing is closed by it
        assert screen.console.tabs.front == screen.console.tabs.number(2)
        assert len(screen.console.tabs) == 3


async def test_an_open_tab_is_found_before_another_shell_and_a_desktop_if_it_is_asked_for() -> None:
    async with opened("db", "web") as screen:
        await screen.press("enter")
        await screen.shell(1)
        await screen.press(PREFIX, "f")
        await open_palette(screen, "colon")
        await screen.press(*"db")
        await until_offered(screen, "Go to tab 1: db", "Shell on db")
        assert "Desktop of web" not in offered(screen)
        await screen.press(*["backspace"] * 2, *"desk web")
        await until_offered(screen, "Desktop of web")
        await screen.press("enter")
        await wait_for(lambda: len(screen.client.links) == 2)
        assert (screen.client.links[1].peer, screen.client.links[1].request.kind) == ("web", ConnectRequest.vnc)


def metas(screen: Screen) -> list[dict[str, object]]:
    """Return what the styles on the screen carry, such as actions."""
    strips = screen.app.screen._compositor.render_strips()
    return [segment.style.meta for strip in strips for segment in strip if segment.style]


@pytest.mark.parametrize(
    ("query", "title", "offsets"),
    [
        ("web", "Shell on web", [9, 10, 11]),
        ("WEB", "Shell on web", [9, 10, 11]),
        ("shell web", "Shell on web", [0, 1, 2, 3, 4, 9, 10, 11]),
        ("web shell", "Shell on web", [9, 10, 11, 0, 1, 2, 3, 4]),
        ("slw", "Shell on web", [0, 3, 9]),
        ("x", "İx", [1]),
        ("", "Shell on web", []),
        ("xyz", "Shell on web", []),
    ],
)
def test_titles_are_matched_by_words_or_letters(query: str, title: str, offsets: list[int]) -> None:
    score, found = match(query, title)
    assert list(found) == offsets
    assert bool(score) == bool(offsets)
    assert 0 <= score <= 1


def test_better_matches_come_first() -> None:
    scores = [match("web", title)[0] for title in ("web", "a web", "we b", "x y")]
    assert scores == sorted(scores, reverse=True)
    assert match("a b", "b a")[0] > match("a b", "xaxbx")[0]


def test_no_title_makes_the_search_slow() -> None:
    """Each further letter of the query would multiply the ways to match; this would not end."""
    assert match("aaaaaaaaaaaaaaaab", "ab" * 32)[0]
    assert not match("aaaaaaaaaaaaaaaac", "ab" * 32)[0]
