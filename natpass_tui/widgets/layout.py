"""What Textual's layouts do not say."""

from collections.abc import Callable

from textual import events
from textual.screen import Screen
from textual.widget import Widget


def hear_every_layout(widget: Widget, knows: Callable[[], bool]) -> None:
    """See to it that `widget` gets `Show` and `Resize`. To be called when it is mounted.

    Textual's compositor compares a layout with the map of the one before. After something was scrolled it builds that
    map anew when somebody asks for it, with widgets in it that nobody has told of their place yet: then neither event
    comes, and a shell that waits for its size would wait for ever.

    Args:
        widget: shows something of a size.
        knows: whether it knows that it is shown, and its size.
    """

    def make_up_for_it() -> None:
        is_shown = all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))
        if widget.size and is_shown and not knows():
            widget.post_message(events.Resize(widget.size, widget.virtual_size, widget.container_size))
            widget.post_message(events.Show())

    def laid_out(_: Screen[object]) -> None:
        if not knows():
            widget.call_later(make_up_for_it)  # behind the events, if there are any

    widget.screen.screen_layout_refresh_signal.subscribe(widget, laid_out)
