"""The tab's two tables as widgets: the rules, and the connections of one."""

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

from textual.message import Message

from natpass_tui.links.forward.columns import CONNECTION_COLUMNS, RULE_COLUMNS, ConnectionLine, RuleLine, tones
from natpass_tui.links.forward.rules import ForwardRule
from natpass_tui.links.forward.tab import ForwardTab, connection_key
from natpass_tui.widgets.columns import Column, layout
from natpass_tui.widgets.row_table import RowLine, RowTable


class _Listed(RowTable):
    """A table whose rows are a list, in the order of the model.

    Args:
        tab: the model.
    """

    def __init__(self, tab: ForwardTab, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._tab = tab
        self._keys: list[Hashable] = []

    @abstractmethod
    def keys(self) -> Sequence[Hashable]:
        """Ask the model for the rows; return their keys."""

    def rows_changed(self) -> None:
        """Follow the model."""
        self._keys = list(self.keys())
        super().rows_changed()

    def count(self) -> int:
        """Return the number of rows."""
        return len(self._keys)

    def key_at(self, row: int) -> Hashable:
        """Return the key of a row."""
        return self._keys[row]

    def row_of(self, key: Hashable) -> int | None:
        """Return the row with this key."""
        return self._keys.index(key) if key in self._keys else None


class RulesTable(_Listed):
    """The rules."""

    class RuleOpened(Message):
        """The user wants to see what is under the cursor."""

    class RuleChosen(Message):
        """The cursor is on another rule."""

    def __init__(self, tab: ForwardTab, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(tab, id=id)
        #: The rules, as they were last.
        self.lines: list[RuleLine] = []

    @property
    def columns(self) -> list[tuple[Column[Any, Any], int]]:
        """The columns shown, and their widths in cells."""
        return layout(RULE_COLUMNS, self.size.width)

    @property
    def line(self) -> RuleLine | None:
        """The rule under the cursor."""
        return next((line for line in self.lines if line.rule == self.cursor_key), None)

    def keys(self) -> Sequence[ForwardRule]:
        """Ask for the rules."""
        self.lines = self._tab.lines()
        return [line.rule for line in self.lines]

    def rows(self, top: int, bottom: int) -> list[RowLine]:
        """Return what these rules show."""
        return [self._row(line) for line in self.lines[top:bottom]]

    def _row(self, line: RuleLine) -> RowLine:
        texts = tuple(column.text(line, 0.0) for column, _ in self._columns)
        shown = tones(line, [column.title for column, _ in self._columns])
        return RowLine(line.rule, texts, shown, is_dim=line.row is None)

    def cursor_moved(self) -> None:
        """Say that the cursor is on another rule."""
        self.post_message(self.RuleChosen())

    def action_open(self) -> None:
        """Say that the user wants to see more."""
        self.post_message(self.RuleOpened())


class ConnectionsTable(_Listed):
    """The open connections of one rule."""

    def __init__(self, tab: ForwardTab, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(tab, id=id)
        self.rule: ForwardRule | None = None
        self._lines: list[ConnectionLine] = []
        self._now = 0.0

    @property
    def columns(self) -> list[tuple[Column[Any, Any], int]]:
        """The columns shown, and their widths in cells."""
        return layout(CONNECTION_COLUMNS, self.size.width)

    def keys(self) -> Sequence[Hashable]:
        """Ask for the connections."""
        self._now = self._tab.now()
        self._lines = self._tab.connections(self.rule) if self.rule is not None else []
        return [connection_key(line.row) for line in self._lines]

    def rows(self, top: int, bottom: int) -> list[RowLine]:
        """Return what these connections show."""
        return [
            RowLine(connection_key(line.row), tuple(column.text(line, self._now) for column, _ in self._columns))
            for line in self._lines[top:bottom]
        ]

    def action_open(self) -> None:
        """Do nothing: a connection has no more to show."""
