"""The list of tabs, and which one is in front. The fleet is not a tab; it shows when no tab is in front."""

from typing import Generic, Protocol, TypeVar


class Tab(Protocol):
    """One open thing of the user, of any kind (`natpass_tui/links/<kind>/tab.py`).

    Attributes:
        remote_title: the remote application's title, safe to print; may be empty.
        activity, bell: output arrived, or the bell rang, while the tab was not in front.
    """

    remote_title: str
    activity: bool
    bell: bool

    @property
    def title(self) -> str:
        """The text in the tab bar, safe to print."""
        ...

    @property
    def mark(self) -> str:
        """One character for its state, empty if all is well."""
        ...

    @property
    def is_unsealed(self) -> bool:
        """Whether the relay can read and change its data."""
        ...

    @property
    def waits(self) -> bool:
        """Whether it waits for the relay to continue."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether a program runs that closing would end."""
        ...


T = TypeVar("T", bound=Tab)


class Tabs(Generic[T]):
    """The tabs in their order; `front` is the one shown, None for the fleet."""

    def __init__(self) -> None:
        self._tabs: list[T] = []
        self._before: list[T] = []  # formerly in front, latest last
        self.front: T | None = None

    def __len__(self) -> int:
        return len(self._tabs)

    def all(self) -> tuple[T, ...]:
        """Return the tabs in their order."""
        return tuple(self._tabs)

    def recent(self) -> tuple[T, ...]:
        """Return the tabs that are not in front: first those that were, latest first, then the others."""
        seen = [tab for tab in reversed(self._before) if tab is not self.front]
        return (*seen, *(tab for tab in self._tabs if tab is not self.front and tab not in seen))

    @property
    def live(self) -> int:
        """The number of tabs with a running program."""
        return sum(tab.is_live for tab in self._tabs)

    def add(self, tab: T) -> None:
        """Append a tab, and bring it to the front."""
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
        """Return the tab `by` positions from the front one, wrapping around; None for the fleet, at position 0."""
        places: list[T | None] = [None, *self._tabs]
        at = next(index for index, tab in enumerate(places) if tab is self.front)
        return places[(at + by) % len(places)]

    def remove(self, tab: T) -> None:
        """Remove a tab; if it was in front, show the one that was in front before it, or the fleet."""
        self._tabs = [other for other in self._tabs if other is not tab]
        self._before = [other for other in self._before if other is not tab]
        if self.front is tab:
            self.front = self._before.pop() if self._before else None
