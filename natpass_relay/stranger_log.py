"""The log of strangers: of each kind and network a few lines, and then their number."""

import logging
from collections.abc import Callable

from natpass_relay.addresses import network_of
from natpass_wire import strangers
from natpass_wire.text import printable

log = logging.getLogger(strangers.LOGGER)


class StrangerLog:
    """Logs what connections do that are not logged in.

    Args:
        clock: seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lines = strangers.StrangerLines()

    def say(self, kind: str, host: str, text: str, *, level: int = logging.INFO, most: int = 3) -> None:
        """Log a line, unless there were too many of its kind from there.

        Args:
            kind: what happened, in the same words for the same thing.
            host: the stranger's address, without a port.
            text: the line.
            level: its level.
            most: lines of this kind from one network in a minute.
        """
        if self._lines.note(kind, network_of(host), self._clock(), most):
            log.log(level, "%s", printable(text, 1000))

    def tick(self) -> None:
        """Log the numbers of lines that were left out, when it is time."""
        for line in self._lines.summaries(self._clock()):
            log.info("%s", line)
