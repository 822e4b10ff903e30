"""The bottom line: the state of the connection, and what the keys do here."""

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from natpass_tui.links import kinds
from natpass_tui.model.console import Console
from natpass_tui.model.prefix import Action, rows
from natpass_tui.model.times import round_trip
from natpass_tui.widgets.cells import fit

#: The keys after the prefix that come first when there is no room for all; the help has the others. The keys of the
#: most used kinds and of the palette follow.
_FIRST = (Action.QUIT, Action.CLOSE, Action.FLEET, Action.NEXT)


class StatusBar(Widget):
    """The bottom line; call `redraw` when something it shows may have changed."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status--text",
        "status--good",
        "status--bad",
        "status--keys",
        "status--key",
    }

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._model = console
        self._drawn: tuple[object, ...] = ()
        self.keys: tuple[tuple[str, str], ...] = ()
        #: The name of the prefix while its choices are shown instead of everything else; otherwise empty.
        self.prefix = ""

    def set_keys(self, *keys: tuple[str, str]) -> None:
        """Show these keys and what they do."""
        self.keys = keys
        self.redraw()

    def set_prefix(self, prefix: str) -> None:
        """Show what may follow the prefix; empty: stop showing it."""
        self.prefix = prefix
        self.redraw()

    def redraw(self) -> None:
        """Draw the line if it changed."""
        if self._content() != self._drawn:
            self.refresh()

    def _content(self) -> tuple[object, ...]:
        online = self._model.is_online and not self._model.unanswered
        latency = round_trip(self._model.round_trip) if online and self._model.round_trip is not None else ""
        return self._model.relay_line(), online, latency, self.keys, self.prefix

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        self._drawn = self._content()
        relay, online, latency = self._drawn[0], self._drawn[1], self._drawn[2]
        width = self.size.width
        text = self.get_component_rich_style("status--text")
        if self.prefix:
            return self._keys(_keys_after(self.prefix), width, f" {self.prefix} ")
        state = self.get_component_rich_style("status--good" if online else "status--bad", partial=True)
        left = f" {'●' if online else '◐' if self._model.is_online else '○'} {relay}" + (
            f" · {latency}" if latency else ""
        )
        keys_strip = self._keys(self.keys, width - cell_len(left) - 2, "")
        room = width - keys_strip.cell_length
        shown = fit(left, room)
        strip = Strip([Segment(shown[:2], text + state), Segment(shown[2:], text if online else text + state)])
        return Strip.join([strip, keys_strip]).adjust_cell_length(width, text)

    def _keys(self, keys: tuple[tuple[str, str], ...], room: int, head: str) -> Strip:
        """Return as many keys as fit."""
        text = self.get_component_rich_style("status--keys")
        bold = self.get_component_rich_style("status--key")
        segments = [Segment(head, self.get_component_rich_style("status--good") + bold)] if head else []
        used = cell_len(head)
        for key, what in keys:
            cells = cell_len(key) + cell_len(what) + 3
            if used + cells + (1 if head and (key, what) != keys[-1] else 0) > room:
                segments += [Segment("…", text)] if head and used < room else []
                break
            segments += [Segment(f" {key}", bold), Segment(f" {what} ", text)]
            used += cells
        return Strip(segments).adjust_cell_length(room, text) if head else Strip(segments, used)


def _keys_after(prefix: str) -> tuple[tuple[str, str], ...]:
    """Return the keys after the prefix and what they do, the most used ones first."""
    left = rows(kinds())
    first = [row for action in _FIRST for row in left if row.choice.action is action]
    first += [row for row in left if row.key.is_often]
    first += [row for row in left if row.choice.action is Action.PALETTE]
    rest = [row for row in left if row not in first and row.choice.action is not Action.HELP]
    shown = [[(row.key.shown, row.key.words) for row in part] for part in (first, rest)]
    return (("?", "all keys"), *shown[0], ("1-9", "tab"), *shown[1], (prefix, "itself"))
