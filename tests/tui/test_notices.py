"""Notices are readable in terminals of any size."""

import pytest

from natpass_tui.settings import Settings
from tests.support.waiting import wait_for
from tests.tui.fakes import absent
from tests.tui.test_app import PREFIX, Screen, opened

pytestmark = pytest.mark.screens


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (59, 20), (40, 12)])
async def test_notices_break_between_words_and_hide_no_pane_s_own_line(size: tuple[int, int]) -> None:
    async with opened("web", size=size, notices=True) as screen:
        screen.client.answer = absent
        await screen.press("enter")
        line = (
            "no shell: agent web is not connected — it opens when the agent is there; Enter tries now, ctrl+] x: close"
        )
        await until_whole(screen, line)
        await screen.press(PREFIX, "d")
        await until_whole(screen, "ctrl+] v opens the desktop; ctrl+] d will detach some day")
        await until_whole(screen, line.replace("shell", "desktop"))
        await screen.press(
            PREFIX, "f", "n", *"an-id-of-sixty-five-characters-is-one-too-many-for-any-agent-here", "enter"
        )
        await until_whole(screen, "an id has at most 64 characters")
        if size[0] == 80:
            await until_whole(screen, "an-id-of-sixty-five-characters-is-one-too-many-for-any-agent-here:")


async def test_a_key_that_does_nothing_says_so() -> None:
    async with opened("web", notices=True) as screen:
        await screen.press("enter")
        link = await screen.shell()
        for keys, said in (
            ((PREFIX, "z"), "ctrl+] z: no such key; ? lists them"),
            ((PREFIX, "f5"), "ctrl+] f5: no such key; ? lists them"),
            ((PREFIX, "k"), "ctrl+] k (keys) works only in desktop tabs"),
            ((PREFIX, "7"), "there is no tab 7"),
        ):
            await screen.press(*keys)
            await until_whole(screen, said)
        await screen.press(PREFIX, "escape", "x")
        await wait_for(lambda: link.input == b"x")
        assert not any("escape" in line for line in screen.lines())


async def until_whole(screen: Screen, text: str) -> None:
    """Wait until every word of `text` is on the screen, unbroken."""

    def missing() -> list[str]:
        shown = {word.strip("▌▊") for line in screen.lines() for word in line.split()}
        return [word for word in text.split() if word not in shown]

    try:
        await wait_for(lambda: not missing())
    except AssertionError:
        raise AssertionError("\n".join([f"missing: {missing()}", *screen.lines()])) from None


async def test_the_commands_notice_stands_below_the_fleet_and_covers_no_tab() -> None:
    """The demo's stood over the first lines of a shell that was opened meanwhile."""

    async def told() -> str:
        return "http://127.0.0.1:8080/ is a page beyond the agent: natpass-tui forward brings it here"

    async with opened("web", size=(80, 24), settings=Settings(notice=told), notices=True) as screen:
        await screen.until_shown("natpass-tui forward")
        assert [line for line in screen.lines()[:-3] if "http" in line] == []
        assert any("web.lan" in line for line in screen.lines())
        await screen.press("enter")
        await screen.shell()
        assert not screen.shows("http://")
        assert not screen.app._notifications
        await screen.press(PREFIX, "f")
        await screen.until_shown("http://127.0.0.1:8080/")
