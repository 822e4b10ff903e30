"""What the console can open at an agent: one folder for each kind of link, as at the agent.

In each folder: `KIND` (its descriptor, see `kind`), `tab.py` (the model, no textual), its pure parts beside it,
`pane.py` (the widget) and `cli.py` (the command). What kinds share stands beside the folders.
"""

from functools import cache
from importlib import import_module

from natpass_tui.links.kind import Kind, KindTabs

#: The folders of all kinds, in the order in which they are offered. Enter opens the first with tabs in the fleet.
REGISTRY = (
    "natpass_tui.links.shell",
    "natpass_tui.links.exec",
    "natpass_tui.links.desktop",
)


def kinds() -> tuple[Kind, ...]:
    """Return the descriptors of all kinds."""
    return tuple(_descriptor(folder) for folder in REGISTRY)


def kinds_with_tabs() -> tuple[tuple[Kind, KindTabs], ...]:
    """Return those kinds that have tabs, and these."""
    return tuple((kind, kind.tabs) for kind in kinds() if kind.tabs is not None)


def kind_named(name: str) -> Kind:
    """Return the kind of a name. Raises LookupError."""
    for kind in kinds():
        if kind.name == name:
            return kind
    raise LookupError(f"no kind of link is called {name}")


def kind_on_the_wire(number: int) -> Kind:
    """Return the kind of a request. Raises LookupError."""
    for kind in kinds():
        if kind.wire == number:
            return kind
    raise LookupError(f"no kind of link has the number {number}")


@cache
def _descriptor(folder: str) -> Kind:
    kind = import_module(folder).KIND
    assert isinstance(kind, Kind), folder
    return kind
