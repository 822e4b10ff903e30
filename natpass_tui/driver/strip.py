"""A line of the screen that is ready to be written.

Textual builds a line from Segments, one for each change of style, and renders them to ANSI each time: 3.5 frames a
second for a coloured screen of 200x50. A terminal's line is ANSI already. It is written as it is; Segments are only
made for who needs them: a dialog drawn over part of the line, a screenshot, a darkened background.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from natpass_tui.terminal import ansi


class AnsiStrip(Strip):
    """A Strip that carries its ANSI. ``line`` may hold SGR sequences and printable text, ``width`` cells wide."""

    __slots__ = ["_built", "_line"]

    def __init__(self, line: str, width: int) -> None:
        super().__init__((), width)
        self._line = line
        self._built: list[Segment] | None = None

    # The base class keeps its Segments in a slot of this name and reads it everywhere: cutting, joining, styling
    # and iterating all end up here, and work on what is built now.
    @property
    def _segments(self) -> list[Segment]:
        if self._built is None:
            self._built = list(_segments(self._line))
        return self._built

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        self._built = None

    @property
    def line(self) -> str:
        """The ANSI it was made from."""
        return self._line

    @property
    def text(self) -> str:
        """The text without styles."""
        return ansi.plain(self._line)

    @property
    def link_ids(self) -> set[str]:
        """No links: the remote's hyperlinks are not passed on."""
        return set()

    @property
    def cell_count(self) -> int:
        """The number of characters, as the base class counts."""
        return len(self.text)

    def __bool__(self) -> bool:
        return bool(self._line)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def render(self, console: Console) -> str:
        """The line as it is, or with fewer colours if the terminal has fewer."""
        system = console._color_system
        if system is None or system is ColorSystem.TRUECOLOR:
            return self._line
        if self._render_cache is None:
            self._render_cache = ansi.downgraded(self._line, system)
        return self._render_cache


def _segments(line: str) -> Iterable[Segment]:
    for sgr, text in ansi.runs(line):
        yield Segment(text, _style(sgr))


@lru_cache(maxsize=4096)
def _style(sgr: str) -> Style:
    """Rich's style for an SGR sequence that an engine built."""
    if not sgr:
        return Style.null()
    # Rich knows no styled underlines, and stumbles over colons.
    plain = "".join(f"{sequence}m" for sequence in sgr.split("m") if sequence and ":" not in sequence)
    spans = Text.from_ansi(f"{plain}x").spans
    return Style.parse(str(spans[0].style)) if spans else Style.null()
