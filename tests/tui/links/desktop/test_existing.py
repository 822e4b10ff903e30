"""A desktop of an existing agent, whose worker hangs on keys that it has not."""

from tests.support.waiting import wait_for
from tests.tui.links.desktop.desk import opened


async def test_an_existing_agent_is_sent_what_it_can_find_and_the_rest_is_refused() -> None:
    async with opened(legacy=True) as desk:
        assert desk.link.is_plain
        desk.tab.latch("alt")
        desk.tab.type("é", "é")
        desk.tab.type("f13", None)
        assert desk.viewer.remarks == [
            "é is not sent: web types US keys only; to put it on its clipboard, paste it here",
            "f13 is not sent: web types US keys only",
        ]
        for key, character in (("A", "A"), ("at", "@"), ("ctrl+x", "\x18")):
            desk.tab.type(key, character)
        expected = "+alt +shift +a -a -shift -alt +shift +2 -2 -shift +ctrl +x -x -ctrl"
        await wait_for(lambda: desk.keys == expected)
