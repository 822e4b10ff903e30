"""The console's kinds: one folder for each kind of link, as at the agent.

Each folder has `KIND` (its descriptor, see `kind`), `tab.py` (the model, no textual), pure modules, `pane.py` (the
widget) and `cli.py` (the command). Code that kinds share is beside the folders.
"""

from functools import cache
from importlib import import_module

from natpass_tui.links.kind import Kind, KindTabs

#: The folders of all kinds, in the order of menus. In the fleet, Enter opens the first kind with tabs.
REGISTRY = (
    "natpass_tui.links.shell",
    "natpass_tui.links.exec",
    "natpass_tui.links.desktop",
    "natpass_tui.links.forward",
    "natpass_tui.links.tcp",
    "natpass_tui.links.udp",
    "natpass_tui.links.bench",
)


def kinds() -> tuple[Kind, ...]:
    """Return the descriptors of all kinds."""
    return tuple(_descriptor(folder) for folder in REGISTRY)


def kinds_with_tabs() -> tuple[tuple[Kind, KindTabs], ...]:
    """Return the kinds that have tabs, with their tabs."""
    return tuple((kind, kind.tabs) for kind in kinds() if kind.tabs is not None)


def kind_named(name: str) -> Kind:
    """Return the kind with this name. Raises LookupError."""
    for kind in kinds():
        if kind.name == name:
            return kind
    raise LookupError(f"no kind of link is called {name}")


def kind_on_the_wire(number: int) -> Kind:
    """Return the kind with this number in requests. Raises LookupError."""
    for kind in kinds():
        if kind.wire == number:
            return kind
    raise LookupError(f"no kind of link has the number {number}")


@cache
def _descriptor(folder: str) -> Kind:
    kind = import_module(folder).KIND
    assert isinstance(kind, Kind), folder
    return kind
