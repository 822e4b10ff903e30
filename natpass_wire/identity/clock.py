"""Whether a clock can be right: it can't be earlier than what has happened already. Pure.

Small computers have no clock of their own, and begin in 1970 until the network tells them the time. For a key that
expires, such a clock would stop the time.
"""

# Why: docs/decisions/075-clocks-that-cannot-be-right.md

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from natpass_wire.version import RELEASED, __version__

#: A clock may be set back by so much, when the network corrects it.
SLACK = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Witness:
    """Something that has happened.

    Attributes:
        at: when, by the clock of that time, UTC.
        what: the same as a clause without its time, such as `FILE was written`; safe to print.
    """

    at: datetime
    what: str


#: The program itself is older than any time at which it runs.
RELEASE = Witness(datetime.fromisoformat(RELEASED).replace(tzinfo=UTC), f"natpass {__version__} was released")


def doubt(now: datetime, witnesses: Iterable[Witness]) -> str:
    """Return why the time `now` can't be right, safe to print; empty if it can.

    Args:
        now: the time, UTC.
        witnesses: what has happened, besides the release of this program.
    """
    latest = max((RELEASE, *witnesses), key=lambda witness: witness.at)
    if now >= latest.at - SLACK:
        return ""
    return f"the clock says {now:%Y-%m-%d %H:%M} UTC, but {latest.what} on {latest.at:%Y-%m-%d %H:%M}"
