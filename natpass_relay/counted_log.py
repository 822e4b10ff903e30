"""Logs of what connections do, whose lines are counted by network."""

# Why: docs/decisions/079-strangers-have-their-own-log.md

import logging
from collections.abc import Callable

from natpass_relay.addresses import network_of, owner_of
from natpass_wire.program.counted_log import CountedLog
from natpass_wire.strangers import LOGGER


def strangers_log(clock: Callable[[], float]) -> CountedLog:
    """Return the log of those that are not logged in; what is said is of an address, without a port.

    Args:
        clock: seconds of a monotonic clock.
    """
    return CountedLog(clock, logging.getLogger(LOGGER), party_of=network_of, owner_of=owner_of)


def clients_log(clock: Callable[[], float], log: logging.Logger, most: int, most_of_all: int) -> CountedLog:
    """Return the log of clients that come and go.

    Args:
        clock: seconds of a monotonic clock.
        log: where the lines go.
        most: lines of one kind from one network in a minute.
        most_of_all: lines of all in a minute.
    """
    return CountedLog(clock, log, most=most, most_of_all=most_of_all, party_of=network_of, owner_of=owner_of)
