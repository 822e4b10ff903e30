"""The log's lines about links: of each key some a minute, and then their number."""

# Why: docs/decisions/079-strangers-have-their-own-log.md

import logging
import time
from collections.abc import Callable

from natpass_wire.aio.link import Link
from natpass_wire.identity import fingerprint
from natpass_wire.identity.keys import PublicKey
from natpass_wire.program.counted_log import CountedLog

#: Lines of one kind about one key in a minute: a script that runs four commands a second; and all lines of a server.
MOST_LINES, MOST_LINES_OF_ALL = 240, 1200
_WITHOUT_KEY = "consoles without a key"
_UNLISTED = "keys that are not listed"


class LinkLines:
    """The lines of one server. Call `tick` now and then.

    Args:
        log: where they go.
        most: lines of one kind about one key in a minute.
        most_of_all: all lines in a minute. All keys that are not listed share one part of them, since anybody can make
            as many as he likes.
        clock: seconds of a monotonic clock.
    """

    def __init__(
        self,
        log: logging.Logger,
        most: int = MOST_LINES,
        most_of_all: int = MOST_LINES_OF_ALL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = CountedLog(clock, log, most=most, most_of_all=most_of_all)
        #: Tells whether a key is listed.
        self.is_listed: Callable[[bytes], bool] = lambda _key: False

    def say(self, kind: str, link: Link, text: str, level: int = logging.INFO) -> None:
        """Log a line about a link.

        Args:
            kind: what happened, in the same words for the same thing.
            link: the link.
            text: the line.
            level: its level.
        """
        key = link.peer_key
        party = _WITHOUT_KEY if key is None else f"key {fingerprint.short(PublicKey(key))}"
        owner = party if key is not None and self.is_listed(key) else _UNLISTED
        self._lines.say(kind, party, text, level=level, owner=owner)

    def tick(self) -> None:
        """Log how many lines were left out, when it is time."""
        self._lines.tick()
