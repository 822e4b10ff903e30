"""Layout events that Textual does not send."""

from collections.abc import Callable

from textual import events
from textual.screen import Screen
from textual.widget import Widget


def hear_every_layout(widget: Widget, knows: Callable[[], bool]) -> None:
    """Make sure that `widget` gets `Show` and `Resize`. Call this when it is mounted.

    Textual's compositor compares a layout with the map of the previous one. After a scroll it rebuilds that map on
    demand, including widgets that were not told their place yet. Then it sends neither event, and a shell would wait
    for its size for ever.

    Args:
        widget: the widget, which needs its size.
        knows: tells whether it knows that it is shown, and its size.
    """

    def make_up_for_it() -> None:
        is_shown = all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))
        if widget.size and is_shown and not knows():
            widget.post_message(events.Resize(widget.size, widget.virtual_size, widget.container_size))
            widget.post_message(events.Show())

    def laid_out(_: Screen[object]) -> None:
        if not knows():
            widget.call_later(make_up_for_it)  # after the events, if they come

    widget.screen.screen_layout_refresh_signal.subscribe(widget, laid_out)
