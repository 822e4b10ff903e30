"""A log whose lines have a budget: of each kind and network some lines a minute, and then their number."""

# Why: docs/decisions/079-strangers-have-their-own-log.md

import logging
from collections.abc import Callable

from natpass_relay.addresses import network_of
from natpass_wire import strangers
from natpass_wire.text import printable


class CountedLog:
    """Logs what connections do; by default those that are not logged in.

    Args:
        clock: seconds of a monotonic clock.
        log: where the lines go.
        most: lines of one kind from one network in a minute.
        most_of_all: lines of all in a minute.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        log: logging.Logger | None = None,
        *,
        most: int = strangers.OF_NETWORK,
        most_of_all: int = strangers.OF_ALL,
    ) -> None:
        self._clock = clock
        self._log = log if log is not None else logging.getLogger(strangers.LOGGER)
        self._most = most
        self._lines = strangers.StrangerLines(most_of_all)

    def say(self, kind: str, host: str, text: str, *, level: int = logging.INFO, most: int | None = None) -> None:
        """Log a line, unless there were too many of its kind from there.

        Args:
            kind: what happened, in the same words for the same thing.
            host: the address, without a port.
            text: the line.
            level: its level.
            most: lines of this kind from one network in a minute, if it is another number.
        """
        if self._lines.note(kind, network_of(host), self._clock(), self._most if most is None else most):
            self._log.log(level, "%s", printable(text, 1000))

    def tick(self) -> None:
        """Log the numbers of lines that were left out, when it is time."""
        for line in self._lines.summaries(self._clock()):
            self._log.info("%s", line)
