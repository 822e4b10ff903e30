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
            "f13 is not sent: web does not know this key",
        ]
        for key, character in (("A", "A"), ("at", "@"), ("ctrl+x", "\x18")):
            desk.tab.type(key, character)
        expected = "+alt +shift +a -a -shift -alt +shift +2 -2 -shift +control +x -x -control"
        await wait_for(lambda: desk.keys == expected)


async def test_a_modifier_that_is_held_has_the_existing_agents_name_until_its_release() -> None:
    async with opened(legacy=True) as desk:
        desk.tab.latch("ctrl")
        desk.tab.latch("ctrl")
        desk.tab.type("c", "c")
        desk.tab.release_all()
        await wait_for(lambda: desk.keys == "+control +c -c -control")


async def test_that_an_existing_agent_on_linux_ignores_punctuation_is_said_once() -> None:
    async with opened(legacy=True) as desk:
        for key, character in (("a", "a"), ("minus", "-"), ("slash", "/"), ("question_mark", "?")):
            desk.tab.type(key, character)
        await wait_for(lambda: desk.keys == "+a -a +- -- +/ -/ +shift +/ -/ -shift")
        (remark,) = desk.viewer.remarks
        assert remark == (
            "an existing natpass agent on Linux types letters and digits only; to put text on the clipboard of web, "
            "paste it here"
        )


async def test_our_agents_are_told_nothing_about_punctuation() -> None:
    async with opened() as desk:
        desk.tab.type("minus", "-")
        desk.tab.type("ctrl+x", "\x18")
        await wait_for(lambda: desk.keys == "+- -- +ctrl +x -x -ctrl")
        assert desk.viewer.remarks == []
