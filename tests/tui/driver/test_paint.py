"""Painting one widget at once forgets no other one."""

import pytest
from rich.console import RenderableType
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widgets import Static

from natpass_tui.driver.paint import paint_now

pytestmark = pytest.mark.screens


class TwoWidgets(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("view", id="view")
        yield Static("old", id="status")


async def test_what_waits_to_be_painted_is_painted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TwoWidgets()
    async with app.run_test(size=(20, 4)) as pilot:
        await pilot.pause()
        view, status = app.query_one("#view", Static), app.query_one("#status", Static)
        compositor = app.screen._compositor
        painted: list[Region] = []
        paint = compositor.render_partial_update

        def note() -> RenderableType | None:
            painted.extend(compositor._dirty_regions)
            return paint()

        monkeypatch.setattr(compositor, "render_partial_update", note)
        status._set_dirty()  # as `refresh` does
        app.screen._dirty_widgets.add(status)  # and what the screen makes of it, until its timer comes
        paint_now(view, [Region(0, 0, 4, 1)])
        assert painted.count(status.region) == 1
        assert Region(0, 0, 4, 1) in painted
