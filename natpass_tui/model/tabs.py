"""The list of tabs: which there are, and which one is in front. The fleet is no tab; it is what shows when none is."""

from typing import Generic, Protocol, TypeVar


class Tab(Protocol):
    """One open thing of the user, of any kind (`natpass_tui/links/<kind>/tab.py`).

    Attributes:
        remote_title: what the remote application calls itself, safe to print; may be empty.
        activity, bell: output came, or the bell rang, while the tab was not in front.
    """

    remote_title: str
    activity: bool
    bell: bool

    @property
    def title(self) -> str:
        """What the tab bar shows, safe to print."""
        ...

    @property
    def mark(self) -> str:
        """One character on its state, empty while all is well."""
        ...

    @property
    def is_unsealed(self) -> bool:
        """Whether the relay can read and change what it carries."""
        ...

    @property
    def waits(self) -> bool:
        """Whether it goes on as soon as the relay is there."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether something runs that closing would end."""
        ...


T = TypeVar("T", bound=Tab)


class Tabs(Generic[T]):
    """The tabs in their order; `front` is the one shown, None for the fleet."""

    def __init__(self) -> None:
        self._tabs: list[T] = []
        self._before: list[T] = []  # who was in front before, latest last
        self.front: T | None = None

    def __len__(self) -> int:
        return len(self._tabs)

    def all(self) -> tuple[T, ...]:
        """Return the tabs in their order."""
        return tuple(self._tabs)

    def recent(self) -> tuple[T, ...]:
        """Return the tabs that are not in front: first those that were, the last one first, then the others."""
        seen = [tab for tab in reversed(self._before) if tab is not self.front]
        return (*seen, *(tab for tab in self._tabs if tab is not self.front and tab not in seen))

    @property
    def live(self) -> int:
        """How many tabs have something running."""
        return sum(tab.is_live for tab in self._tabs)

    def add(self, tab: T) -> None:
        """Add a tab behind the others, and bring it to the front."""
        self._tabs.append(tab)
        self.show(tab)

    def show(self, tab: T | None) -> None:
        """Bring a tab, or the fleet, to the front."""
        if self.front is not None and self.front is not tab:
            self._before = [other for other in self._before if other is not self.front] + [self.front]
        self.front = tab

    def number(self, number: int) -> T | None:
        """Return the tab with this number (from 1), None if there is none."""
        return self._tabs[number - 1] if 0 < number <= len(self._tabs) else None

    def step(self, by: int) -> T | None:
        """Return the tab that is `by` places from the front one, going round; None for the fleet, which is place 0."""
        places: list[T | None] = [None, *self._tabs]
        at = next(index for index, tab in enumerate(places) if tab is self.front)
        return places[(at + by) % len(places)]

    def remove(self, tab: T) -> None:
        """Remove a tab; if it was in front, the one before it in time comes back, or the fleet."""
        self._tabs = [other for other in self._tabs if other is not tab]
        self._before = [other for other in self._before if other is not tab]
        if self.front is tab:
            self.front = self._before.pop() if self._before else None
