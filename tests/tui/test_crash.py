"""What the console does with an exception that nobody expected."""

import pytest

from natpass_tui.app import ConsoleApp
from natpass_tui.settings import Settings
from tests.support.waiting import wait_for
from tests.tui.fakes import make_console

pytestmark = pytest.mark.screens


async def test_what_was_not_expected_ends_the_console_at_once_and_shows_no_variables() -> None:
    """Textual's own traceback has all variables, with secrets among them, and takes minutes."""
    hidden = "a secret in a variable"
    console, client = make_console()
    client.log_in(roster=True)
    app = ConsoleApp(console, Settings())
    shown: list[str] = []

    def breaks(secret: str) -> None:
        raise ZeroDivisionError(str(len(secret)))

    async def broken() -> None:
        async with app.run_test() as pilot:
            await pilot.pause()
            app.call_later(breaks, hidden)
            await wait_for(lambda: app._exit_renderables)
            shown.extend(str(segment.text) for each in app._exit_renderables for segment in each.segments)  # type: ignore[union-attr]

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert "ZeroDivisionError: 22" in "".join(shown)
    assert hidden not in "".join(shown)
    await console.close()
