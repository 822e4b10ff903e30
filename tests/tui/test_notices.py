"""Notices are readable in terminals of any size."""

import pytest

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
