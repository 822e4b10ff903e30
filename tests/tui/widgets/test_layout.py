"""Views are told of their size, whatever Textual's compositor forgets."""

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget

from natpass_tui.widgets.desktop_view import DesktopView
from natpass_tui.widgets.terminal_view import TerminalView
from tests.support.waiting import wait_for

pytestmark = pytest.mark.screens


class OneView(App[None]):
    """A view that is mounted later."""

    def __init__(self, view: Widget) -> None:
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        yield Widget()


@pytest.mark.parametrize("make", [lambda: TerminalView(prefix="ctrl+a"), lambda: DesktopView(lambda: None)])
async def test_a_view_that_a_scroll_got_ahead_of_learns_its_size(make: object) -> None:
    view = make()  # type: ignore[operator]  # the parameter is declared as an object
    app = OneView(view)
    async with app.run_test(size=(40, 10)) as pilot:
        screen = app.screen
        await screen.mount(view)
        # What a list that scrolls brings about, and somebody who asks where a widget is.
        screen._compositor.reflow_visible(screen, screen.size)
        assert view in screen._compositor.full_map
        # A scroll bar may come and go before the layout stands.
        await wait_for(lambda: view._shown and (view.rows, view.cols) == (view.size.height, view.size.width))
        await pilot.pause()
