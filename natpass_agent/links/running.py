"""The programs that run for links, so that `natpass-agent status` and the log can name them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from natpass_wire.aio.link import Link


@dataclass(frozen=True, slots=True)
class Running:
    """A program that serves a link.

    Attributes:
        program: its command line, or what it does; not yet safe to print.
        pid: its process id, None if it has none.
        logged: what the log says of it: no arguments, they may hold passwords. Safe to print.
    """

    program: str
    pid: int | None
    logged: str


class RunningFor:
    """The programs of one kind's links."""

    def __init__(self) -> None:
        self._running: dict[Link, Running] = {}

    @contextmanager
    def noted(self, link: Link, running: Running) -> Iterator[None]:
        """Register this program as running for this link, until the context is left."""
        self._running[link] = running
        try:
            yield
        finally:
            del self._running[link]

    def __call__(self, link: Link) -> Running | None:
        """Return the program that runs for a link, None if there is none (yet, or any more)."""
        return self._running.get(link)
