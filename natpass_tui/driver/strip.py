"""A line of the screen that is ready to be written.

Textual builds a line from Segments, one for each change of style, and renders them to ANSI each time: 3.5 frames a
second for a coloured screen of 200x50. A terminal's line is ANSI already. It is written unchanged, or cut where
something covers a part. Segments are only made when needed: for a screenshot, a background darkened by a dialog, a
filter.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, TerminalTheme
from rich.text import Text
from textual.strip import Strip

from natpass_tui.terminal import ansi


class AnsiStrip(Strip):
    """A Strip that carries its ANSI. ``line`` may hold SGR sequences and printable text, ``width`` cells wide.

    The terminal's own colours are unknown: an application names them by number, or not at all. Segments get those of
    ``theme`` instead, since Textual cannot blend an unknown colour.
    """

    __slots__ = ["_built", "_line", "_theme"]

    def __init__(self, line: str, width: int, theme: TerminalTheme = DEFAULT_TERMINAL_THEME) -> None:
        super().__init__((), width)
        self._line = line
        self._theme = theme
        self._built: list[Segment] | None = None

    # The base class keeps its Segments in a slot of this name and reads it everywhere. So cutting, joining, styling
    # and iterating all come here, and use the Segments built now.
    @property
    def _segments(self) -> list[Segment]:
        if self._built is None:
            self._built = [Segment(text, _style(sgr, self._theme)) for sgr, text in ansi.runs(self._line)]
        return self._built

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        self._built = None

    def colourless(self) -> "AnsiStrip":
        """The same line in the terminal's own colours."""
        return AnsiStrip(ansi.colourless(self._line), self.cell_length, self._theme)

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

    def crop(self, start: int, end: int | None = None) -> Strip:
        """The cells from ``start`` up to ``end``, ready to be written too."""
        start = max(0, start)
        end = self.cell_length if end is None else min(self.cell_length, end)
        if start == 0 and end == self.cell_length:
            return self
        if end <= start:
            return Strip([], 0)
        return AnsiStrip(ansi.cut(self._line, start, end), end - start, self._theme)

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """The parts between the cuts, ready to be written too."""
        bounds = [0, *(cut for cut in cuts if cut <= self.cell_length)]
        return [self.crop(start, end) for start, end in pairwise(bounds)]

    def render(self, console: Console) -> str:
        """The line as it is, or with fewer colours if the terminal has fewer."""
        system = console._color_system
        if system is None or system is ColorSystem.TRUECOLOR:
            return self._line
        if self._render_cache is None:
            self._render_cache = ansi.downgraded(self._line, system)
        return self._render_cache


def sgr_of(style: Style) -> str:
    """The SGR sequence for a style of our own, from the default style on."""
    codes = Strip.render_ansi(style, ColorSystem.TRUECOLOR)
    return f"\x1b[0;{codes}m" if codes else ansi.RESET


@lru_cache(maxsize=4096)
def _style(sgr: str, theme: TerminalTheme) -> Style:
    """Rich's style for an SGR sequence that an engine built, all of its colours known."""
    # Rich knows no styled underlines, and stumbles over colons.
    plain = "".join(f"{sequence}m" for sequence in sgr.split("m") if sequence and ":" not in sequence)
    spans = Text.from_ansi(f"{plain}x").spans
    style = Style.parse(str(spans[0].style)) if spans else Style()
    colour, background = style.color or Color.default(), style.bgcolor or Color.default()
    return style + Style.from_color(
        Color.from_triplet(colour.get_truecolor(theme, foreground=True)),
        Color.from_triplet(background.get_truecolor(theme, foreground=False)),
    )
