"""The columns of a table: which ones fit, and their widths. Pure: no Textual."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")
C = TypeVar("C")

#: Cells between two columns.
GAP = 2


@dataclass(frozen=True, slots=True)
class Column(Generic[R, C]):
    """One column.

    Attributes:
        title: its head.
        text: gives its text, from what a row shows and what it shows besides.
        least, most: the bounds of its width in cells; columns share spare cells by `weight`.
        from_width: the least width of the table at which it is shown.
        right: whether it is aligned to the right.
    """

    title: str
    text: Callable[[R, C], str]
    least: int
    most: int
    weight: int = 0
    from_width: int = 0
    right: bool = False


def layout(columns: Sequence[Column[R, C]], width: int) -> list[tuple[Column[R, C], int]]:
    """Return the columns that fit into `width` cells, and their widths."""
    shown = [column for column in columns if width >= column.from_width]
    widths = {column.title: column.least for column in shown}
    spare = width - sum(widths.values()) - GAP * (len(shown) - 1) - 2  # a blank at either end
    growing = [column for column in shown if column.weight]
    while spare > 0 and growing:
        total = sum(column.weight for column in growing)
        shares = {column.title: max(1, spare * column.weight // total) for column in growing}
        for column in growing:
            more = min(shares[column.title], column.most - widths[column.title], spare)
            widths[column.title] += more
            spare -= more
        growing = [column for column in growing if widths[column.title] < column.most]
    return [(column, widths[column.title]) for column in shown]
