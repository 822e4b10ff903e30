"""The palette and remote words."""

import pytest
from textual.widgets import Input

from natpass_tui.links.tab import Outcome
from natpass_tui.screens.palette import match
from tests.support.waiting import wait_for
from tests.tui.fakes import entry
from tests.tui.test_app import PREFIX, Screen, opened

HOSTILE = [
    "[/x]",
    "[@click=app.quit]PWNED[/]",
    "[bold red on yellow]PWNED[/]",
    "[$error]x[/$error] [link='x']y[/]",
    "\\[/x] [[/]] ]",
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
        for text in (f"Go to tab 1: {words}", f"title {words}", f"Shell on {words}", f"host {words}"):
            await screen.until_shown(text)
        await screen.press(*"shell on")
        await wait_for(lambda: not screen.shows("Show all agents"))
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
        assert not isinstance(screen.app.return_value, Outcome)


async def test_what_was_typed_is_plain_text() -> None:
    async with opened("web") as screen:
        await open_palette(screen, "colon")
        screen.app.screen.query_one(Input).value = "[/nothing]"
        await screen.until_shown("[/nothing]")
        await screen.until_shown("No matches")


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
