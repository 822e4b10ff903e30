"""What is known of one rule: its state, its connections, and what went wrong."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from natpass_tui.links.forward.rows import ConnectionRow, ForwardRow, ForwardState, about_target
from natpass_tui.links.forward.rules import ForwardRule
from natpass_wire.aio.channel_socket import Traffic
from natpass_wire.repeats import Repeats
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: The clients that a row names.
_CLIENTS = 3


class Carried(Protocol):
    """A connection, or a flow of datagrams. Its texts are safe to print."""

    client: str
    target: str
    since: float
    traffic: Traffic
    #: Whether it goes on while the agent is out of reach: its target is connected.
    is_open: bool

    def drop(self, reason: str) -> None:
        """End it at once, at both ends; it reports that to its account."""


class RuleAccount:
    """The account of one rule. All calls come from the event loop.

    Args:
        rule: the rule.
        clock: Unix seconds.
        changed: called after each change of the state and of the number of connections.
        told: called with each thing that goes wrong, safe to print.
    """

    def __init__(
        self,
        rule: ForwardRule,
        clock: Callable[[], float],
        changed: Callable[[], None],
        told: Callable[[str], None],
    ) -> None:
        self.rule = rule
        self.clock = clock
        self._changed = changed
        self._told = told
        self.state = ForwardState.STARTING
        self.address = ""
        self.why = ""
        self._open: dict[Carried, None] = {}
        self._total = 0
        self._before = Traffic()  # of those that are over
        self._clients: deque[str] = deque(maxlen=_CLIENTS)
        self._last_error = ""
        self._repeats = Repeats()
        self._error_at = 0.0

    def __len__(self) -> int:
        """Return how many connections are open."""
        return len(self._open)

    @property
    def listens(self) -> bool:
        """Whether the rule listens, or begins to: the first connection may come before all its sockets listen."""
        return self.state in {ForwardState.STARTING, ForwardState.LISTENING}

    def is_now(self, state: ForwardState, address: str = "", why: str = "") -> None:
        """Set the state, where the rule listens now, and why it waits."""
        self.state, self.address, self.why = state, address, why
        self._changed()

    def began(self, carried: Carried) -> None:
        """Count a connection."""
        self._open[carried] = None
        self._total += 1
        if carried.client in self._clients:
            self._clients.remove(carried.client)
        self._clients.appendleft(carried.client)
        self._changed()

    def gone(self, carried: Carried) -> None:
        """Count a connection's bytes, and forget it. No-op if it is forgotten."""
        if carried in self._open:
            del self._open[carried]
            self._before.sent += carried.traffic.sent
            self._before.received += carried.traffic.received
            self._changed()

    def failed(self, text: str) -> None:
        """Record what went wrong."""
        self._last_error, self._error_at = printable(text), self.clock()
        self._told(self._last_error)
        self._changed()

    def refused(self, client: str, text: str) -> None:
        """Record that the target of a client can't be reached. The same is logged once a minute: clients may try on."""
        self.failed(text)
        if line := self._repeats.note(self._last_error, self.clock()):
            log.info("%s; the last one was for %s", line, client)

    def drop_all(self, reason: str) -> None:
        """End all connections at once."""
        for carried in list(self._open):
            carried.drop(reason)

    def drop_unopened(self, reason: str) -> None:
        """End those at once whose target is not connected, and record why."""
        found = [carried for carried in self._open if not carried.is_open]
        for target in dict.fromkeys(carried.target for carried in found):
            self.failed(about_target(target, reason))
        for carried in found:
            carried.drop(reason)

    def row(self) -> ForwardRow:
        """Return the rule's row."""
        return ForwardRow(
            rule=self.rule,
            state=self.state,
            address=self.address,
            why=self.why,
            open=len(self._open),
            total=self._total,
            sent=self._before.sent + sum(each.traffic.sent for each in self._open),
            received=self._before.received + sum(each.traffic.received for each in self._open),
            clients=tuple(self._clients),
            last_error=self._last_error,
            error_at=self._error_at,
        )

    def connections(self) -> list[ConnectionRow]:
        """Return the open connections, the oldest first."""
        return [
            ConnectionRow(self.rule, each.client, each.target, each.since, each.traffic.sent, each.traffic.received)
            for each in self._open
        ]
