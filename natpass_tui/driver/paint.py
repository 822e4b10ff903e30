"""Painting one widget at once, and telling whether the terminal is behind."""

from collections.abc import Sequence
from typing import Any

from textual.app import App
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.widget import Widget


def writer_depth(app: App[Any]) -> int:
    """Return how many writes wait for the terminal. Textual would queue 30: a slow line would then show old frames."""
    thread = getattr(app._driver, "_writer_thread", None)
    return 0 if thread is None else int(thread._queue.qsize())


def paint_now(widget: Widget, regions: Sequence[Region]) -> None:
    """Repaint ``regions`` of a widget (in its own coordinates) in this turn of the loop, without Textual's timer.

    If Textual is about to lay out the screen, or the screen is covered, they are only marked and painted with the rest.
    """
    screen = widget.screen
    if screen is not widget.app.screen or widget.app._batch_count or screen._layout_required:
        widget.refresh(*regions)
        return
    widget._set_dirty(*regions)
    # Regions that wait for Textual's timer are painted as well: Textual drops them at every paint.
    screen._compositor.update_widgets({widget, *screen._dirty_widgets})
    screen._compositor_refresh()


def keeps_colours(app: App[Any]) -> bool:
    """Tell whether lines may keep their own colours: not under NO_COLOR or another filter of the whole screen."""
    return all(isinstance(line_filter, ANSIToTruecolor) for line_filter in app.get_line_filters())
