"""With NO_COLOR a shell has the terminal's own colours and all its other attributes, and lays out as ever."""

import pytest
from textual.geometry import Region

from natpass_tui.driver import AnsiStrip
from tests.support.waiting import wait_for
from tests.tui.widgets.terminal_apps import ViewApp

pytestmark = pytest.mark.screens


async def test_colours_go_and_a_view_that_is_being_laid_out_is_filled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = ViewApp()
    async with app.run_test(size=(40, 11)):
        assert app.no_color
        await app.view.feed(b"\x1b[1;31mred\x1b[0m")
        await wait_for(lambda: "red" in app.view.text())
        await wait_for(lambda: "red" in app.view.render_line(0).text)
        strip = app.view.render_line(0)
        assert isinstance(strip, AnsiStrip)
        assert "31" not in strip.line
        assert "\x1b[0;1m" in strip.line
        wider = app.view.render_lines(Region(0, 0, app.view.cols + 20, 1))[0]
        assert wider.cell_length == app.view.cols + 20
