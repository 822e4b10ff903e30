"""What the tab bar says of links that are not sealed."""

import pytest

from tests.tui.fakes import FakeLink
from tests.tui.test_app import PREFIX, opened

pytestmark = pytest.mark.screens


async def test_an_open_padlock_stands_at_tabs_whose_link_is_not_sealed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("web") as screen:
        await screen.press("enter")
        sealed = await screen.shell(1)
        sealed.peer_key = bytes(32)
        monkeypatch.setattr(FakeLink, "peer_key", None)
        await screen.press(PREFIX, "c")
        await screen.shell(2)
        await screen.until_shown(" fleet  1 web  2 \N{OPEN LOCK} web ")
        await screen.press(PREFIX, "1")
        await screen.until_shown(" fleet  1 web  2 \N{OPEN LOCK} web ")
