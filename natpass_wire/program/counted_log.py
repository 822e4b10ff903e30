"""A log whose lines have a budget: of each kind and party some lines a minute, and then their number."""

# Why: docs/decisions/079-strangers-have-their-own-log.md

import logging
from collections.abc import Callable

from natpass_wire.strangers import OF_ALL, OF_NETWORK, StrangerLines
from natpass_wire.text import printable


class CountedLog:
    """Logs what others can cause as often as they like. Call `tick` now and then.

    Args:
        clock: seconds of a monotonic clock.
        log: where the lines go.
        most: lines of one kind and party in a minute.
        most_of_all: lines of all in a minute.
        party_of: returns the party that is meant by what is said to `say`.
        owner_of: returns who may have several parties, by the same; by default, each is its own.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        log: logging.Logger,
        *,
        most: int = OF_NETWORK,
        most_of_all: int = OF_ALL,
        party_of: Callable[[str], str] = str,
        owner_of: Callable[[str], str] | None = None,
    ) -> None:
        self._owner_of = party_of if owner_of is None else owner_of
        self._party_of = party_of
        self._clock = clock
        self._log = log
        self._most = most
        self._lines = StrangerLines(most_of_all)

    def say(
        self,
        kind: str,
        party: str,
        text: str,
        *,
        level: int = logging.INFO,
        most: int | None = None,
        owner: str | None = None,
    ) -> None:
        """Log a line, unless there were too many of its kind and party.

        Args:
            kind: what happened, in the same words for the same thing.
            party: whose lines are counted together, such as a network or a key.
            text: the line.
            level: its level.
            most: lines of this kind and party in a minute, if it is another number.
            owner: who may have several parties, if it is not what `owner_of` says.
        """
        most = self._most if most is None else most
        owner = self._owner_of(party) if owner is None else owner
        if self._lines.note(kind, self._party_of(party), self._clock(), most, owner):
            self._log.log(level, "%s", printable(text, 1000))

    def tick(self) -> None:
        """Log the numbers of lines that were left out, when it is time."""
        for line in self._lines.summaries(self._clock()):
            self._log.info("%s", line)
