"""What views that paint single rows have in common."""

# Why: docs/decisions/049-output-is-emulated.md

from collections.abc import Callable, Iterable

from textual import events
from textual.geometry import Region

from natpass_tui.terminal.keys import canonical


def joined(rows: Iterable[int], cols: int) -> list[Region]:
    """Return the regions that hold these rows of a view of `cols` columns, neighbours joined."""
    regions: list[Region] = []
    for row in sorted(rows):
        if regions and regions[-1].bottom == row:
            first = regions.pop()
            regions.append(Region(0, first.y, cols, first.height + 1))
        else:
            regions.append(Region(0, row, cols, 1))
    return regions


def key_for_remote(
    event: events.Key, prefix: str, intercept: Callable[[events.Key], bool] | None, on_prefix: Callable[[], object]
) -> str | None:
    """Return the name of a key that is for the remote machine, and stop its event; None if it is the console's own.

    Args:
        event: the key.
        prefix: the prefix key in its canonical form; `on_prefix` is called for it.
        intercept: sees each key first, in the order they are typed; True if it took it.
        on_prefix: what the prefix key does.
    """
    if intercept is not None and intercept(event):
        return None
    if canonical(event.key) == prefix:
        on_prefix()
        return None
    event.stop()
    event.prevent_default()
    # Textual takes ^H for the backspace key; the character tells them apart.
    return "ctrl+h" if event.key == "backspace" and event.character == "\x08" else event.key
