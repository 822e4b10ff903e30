"""The top line: the fleet, the tabs with their marks, and the active tab's own title."""

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from natpass_tui.model.console import LiveTab
from natpass_tui.model.tabs import Tabs
from natpass_tui.widgets.cells import fit

#: The most cells of a tab's title: a long id must not push the others away.
_MOST_TITLE = 24
#: The mark before the title of a tab whose link is not sealed.
_OPEN_PADLOCK = "\N{OPEN LOCK}"


class TabBar(Widget):
    """Draws `tabs`; call `refresh` when they change."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tab-bar--tab", "tab-bar--front", "tab-bar--mark", "tab-bar--title"}

    class Chosen(Message):
        """The user clicked on a tab, or the fleet (None)."""

        def __init__(self, tab: LiveTab | None) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, tabs: Tabs[LiveTab]) -> None:
        super().__init__()
        self._tabs = tabs
        self._places: list[tuple[int, int, LiveTab | None]] = []  # first column, one after the last, the tab

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        width = self.size.width
        normal, front = (self.get_component_rich_style(name) for name in ("tab-bar--tab", "tab-bar--front"))
        mark_style = self.get_component_rich_style("tab-bar--mark", partial=True)
        labels = [self._label(number, tab) for number, tab in enumerate((None, *self._tabs.all()))]
        first = self._first_in_sight([cell_len(text) + cell_len(mark) for text, mark in labels], width)
        segments: list[Segment] = []
        used = 0
        self._places = []
        if first > 1:
            segments.append(Segment("‹", normal))
            used = 1
        for number, tab in enumerate((None, *self._tabs.all())):
            text, mark = labels[number]
            cells = cell_len(text) + cell_len(mark)
            if 0 < number < first or used >= width:
                continue
            style = front if tab is self._tabs.front else normal
            segments += [Segment(text, style), Segment(mark, style + mark_style)]
            self._places.append((used, used + cells, tab))
            used += cells
        strip = Strip([*segments, *self._remote_title(width - used, self.get_component_rich_style("tab-bar--title"))])
        return strip.adjust_cell_length(width, normal)

    def on_click(self, event: events.Click) -> None:
        """Choose the tab under the pointer."""
        for start, end, tab in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(tab))

    def _label(self, number: int, tab: LiveTab | None) -> tuple[str, str]:
        """Return a tab's text and the mark after it, which together end with a blank."""
        if tab is None:
            return " fleet ", ""
        title = tab.title if cell_len(tab.title) <= _MOST_TITLE else fit(tab.title, _MOST_TITLE)
        if tab.is_unsealed:
            title = f"{_OPEN_PADLOCK} {title}"
        mark = tab.mark or ("♪" if tab.bell else "•" if tab.activity else "")
        return f" {number} {title}", f" {mark} " if mark else " "

    def _first_in_sight(self, cells: list[int], width: int) -> int:
        """Return the number of the first tab to draw, so that the active one fits; the fleet is always drawn."""
        front = next((i for i, tab in enumerate(self._tabs.all(), 1) if tab is self._tabs.front), 0)
        first = 1
        while first < front and cells[0] + 1 + sum(cells[first : front + 1]) > width:
            first += 1
        return first

    def _remote_title(self, room: int, style: Style) -> list[Segment]:
        tab = self._tabs.front
        if tab is None or not tab.remote_title or room < 12:
            return []
        text = fit(tab.remote_title, min(room - 3, cell_len(tab.remote_title)))
        return [Segment(fit(f"{text} ", room, right=True), style)]
