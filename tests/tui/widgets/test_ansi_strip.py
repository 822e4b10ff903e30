"""Lines that are ready to be written must still be cut, covered, tinted and exported as any other."""

import io
import re

import pytest
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from textual.pilot import Pilot
from textual.strip import Strip

from natpass_tui.driver import AnsiStrip
from tests.tui.widgets.terminal_apps import Dialog, ViewApp
from tests.tui.widgets.test_terminal_view import painted, shows

pytestmark = pytest.mark.screens

LINE = "ab\x1b[0;1;31m中c\x1b[0;4;38;2;1;2;3m\x1b[4:3md\x1b[0m    "


def console(system: str = "truecolor") -> Console:
    return Console(color_system=system, force_terminal=True, file=io.StringIO())  # type: ignore[arg-type]


def test_it_is_written_as_it_is() -> None:
    strip = AnsiStrip(LINE, 10)
    assert strip.render(console()) is LINE
    assert strip.cell_length == 10
    assert strip.text == "ab中cd    "
    assert strip


def test_a_terminal_with_fewer_colours_gets_fewer() -> None:
    assert "38;2;1;2;3" not in AnsiStrip(LINE, 10).render(console("256"))
    assert ColorSystem.EIGHT_BIT is console("256")._color_system


def test_segments_are_built_when_asked_for() -> None:
    segments = list(AnsiStrip(LINE, 10))
    assert [segment.text for segment in segments] == ["ab", "中c", "d", "    "]
    styles = [segment.style for segment in segments]
    assert styles[1] is not None
    assert styles[1].bold
    assert styles[1].color is not None
    assert styles[1].color.triplet == DEFAULT_TERMINAL_THEME.ansi_colors[1]
    assert styles[2] is not None
    assert styles[2].underline
    assert styles[2].color is not None
    assert styles[2].color.triplet == (1, 2, 3)


def test_it_is_cut_at_cells() -> None:
    strip = AnsiStrip(LINE, 10)
    assert [part.text for part in strip.divide([2, 5, 10])] == ["ab", "中c", "d    "]
    assert strip.divide([10])[0] is strip
    assert strip.crop(2, 4).text == "中"
    assert strip.crop(0, 10) is strip
    assert strip.crop(3, 5).text == " c"
    assert strip.crop(1, 3).text == "b "
    assert strip.crop(1, 3).render(console()) == "b\x1b[0;1;31m \x1b[0m"
    assert strip.crop(4, 6).render(console()) == "\x1b[0;1;31mc\x1b[0m\x1b[0;4;38;2;1;2;3m\x1b[4:3md\x1b[0m"
    assert strip.adjust_cell_length(12).cell_length == 12
    assert strip.extend_cell_length(12).text.endswith("     ")
    assert strip.crop_extend(0, 12, None).cell_length == 12
    assert (strip + Strip([Segment("x")])).text == "ab中cd    x"
    assert Strip.join([Strip([Segment("x")]), strip]).text == "xab中cd    "
    assert len(strip.simplify()) <= 4
    assert strip.discard_meta().text == strip.text


async def test_a_dialog_over_the_terminal(pilot: Pilot[None], app: ViewApp) -> None:
    await app.view.feed(("\x1b[31m" + "中" * 17 + "\r\n").encode() * 9 + b"\x1b[Htop left")
    await shows(app.view, "top left")
    await app.push_screen(Dialog())
    await pilot.pause()
    strips = [strip.text for strip in app.screen._compositor.render_strips()]
    rows = [row for row in strips if "a dialog" in row]
    assert len(rows) == 1
    svg = app.export_screenshot()
    text = re.sub(r"<[^>]*>|&#160;", " ", svg)
    assert "a dialog" in text
    assert "top left" in text.replace("  ", " ")
    await app.view.feed(b"\x1b[Hchanged!")
    await app.view.drained()
    await pilot.pause()
    assert "changed!" in app.export_screenshot()
    app.pop_screen()
    await pilot.pause()
    assert painted(app.view)[0].startswith("changed!")


async def test_no_colours_where_none_are_wanted(pilot: Pilot[None], app: ViewApp) -> None:
    from textual.filter import Monochrome

    app._filters.append(Monochrome())
    await app.view.feed(b"\x1b[31mred\x1b[38;2;250;10;10mred")
    await shows(app.view, "redred")
    colours = [segment.style.color for segment in app.view.render_line(0) if segment.style and segment.style.color]
    assert all(colour.triplet is None or len(set(colour.triplet)) == 1 for colour in colours)
