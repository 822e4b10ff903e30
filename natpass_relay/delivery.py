"""Delivers the router's messages, and keeps what waits for slow clients within its bounds."""

# Why: docs/decisions/065-a-sender-pays-for-its-receiver.md

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from natpass_relay.backlog import MemoryAccount
from natpass_relay.clients import Client
from natpass_relay.connection import Connection
from natpass_relay.routing import Route, Router, Send
from natpass_wire import envelope
from natpass_wire.repeats import Repeats
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: The weight (`Backlog`) of what waits from one client for another above which it gets no new links with it, and of the
#: relay's own messages for a client above which it gets no new guests.
FULL_BYTES = 4 * 1024 * 1024
#: Waiting bytes of control frames that a client may have caused for others; past it, it goes. A link needs about 400.
MOST_CONTROL_BYTES = 64 * 1024
#: The same above which it gets no new links.
_MANY_CONTROL_BYTES = MOST_CONTROL_BYTES // 2
#: Bytes that may wait in the whole relay.
MEMORY_BYTES = 512 * 1024 * 1024


class Delivery:
    """What clients are sent about links, and what happens when they do not take it.

    Args:
        router: knows the links.
        connection_of: the connections of all clients.
        drop: drops a client, for a reason.
        clock: seconds of a monotonic clock.
        memory: bytes that may wait in the whole relay, see `MemoryAccount`.
    """

    def __init__(
        self,
        router: Router,
        connection_of: Mapping[Client, Connection],
        drop: Callable[[Client, str], None],
        clock: Callable[[], float],
        memory: int = MEMORY_BYTES,
    ) -> None:
        self._router = router
        self._connection_of = connection_of
        self._drop = drop
        self._clock = clock
        self._is_cutting = False
        self._repeats = Repeats()
        #: What waits in the whole relay.
        self.account: MemoryAccount[Connection, Route] = MemoryAccount(
            memory, lambda connection: connection.source.networks
        )

    def deliver(self, send: Send, gone: Connection | None = None) -> None:
        """Send what the router says. No-op if the receiver is gone.

        Args:
            send: the message.
            gone: the connection of a client that has just been removed.
        """
        to = self._connection_of.get(send.client)
        if to is None:
            return
        if send.route is None:
            to.send(send.message, is_answer=True)
            return
        sender = self._connection_of.get(send.route.other(send.client), gone) or to
        opener = self._connection_of.get(send.route.opener, gone) or to
        to.put_link_control(envelope.to_frame(send.message), sender, opener)
        to.outbox.write_posted()

    def cut(self, route: Route, slow: Connection | None = None) -> None:
        """End a link because too much of it waits; a stream goes on over another one.

        Args:
            route: the link.
            slow: the client that does not keep up; None if too much waits in the whole relay.
        """
        who = "the relay" if slow is None or slow.client is None else slow.client.client_id
        text = f"{who} does not keep up with what it is sent"
        sends = self._router.cut(route, text)
        for client in (route.opener, route.target):
            if (connection := self._connection_of.get(client)) is not None:
                connection.outbox.drop(route)
        # One text for all, then a count: whoever has many ids must not fill the log.
        if sends and (said := self._repeats.note("links are cut: what is sent on them is not taken", self._clock())):
            who = f"{route.opener.client_id} with {route.target.client_id}"
            log.warning("%s; the last one is of %s: %s", said, printable(who), printable(text))
        for send in sends:
            self.deliver(send)

    def keep_budgets(self, connection: Connection, payers: Sequence[Connection] = ()) -> None:
        """End links if too much waits for `connection`, or in the whole relay; drop who has caused too much.

        Args:
            connection: the receiver of what waits now as well.
            payers: who has caused it, if it is a control frame.
        """
        for payer in payers:
            if (caused := self._caused(payer)) > MOST_CONTROL_BYTES:
                self._overdrawn(payer, f"it has caused {caused} bytes of control frames that others do not take")
        if self._is_cutting or not (connection.outbox.is_over or self.account.is_over):
            return
        self._is_cutting = True
        try:
            for route in connection.outbox.excess():
                self.cut(route, connection)
            full = self.account.excess()
            for route in full.links:
                self.cut(route)
        finally:
            self._is_cutting = False
        if connection.outbox.is_over:  # with control frames alone: nothing of it can be ended
            self._overdrawn(connection, "too much waits for it")
        for owner in full.owners:
            self._overdrawn(owner, "too much waits for it and others of its network")

    def _caused(self, connection: Connection) -> int:
        """Return how many bytes of control frames wait for others that `connection` has caused."""
        return self.account.charged(connection) - connection.outbox.own_control

    def _overdrawn(self, connection: Connection, reason: str) -> None:
        """Drop a client that has caused more than it may, once what goes on now is done."""
        if connection.client is not None and not connection.is_overdrawn:
            connection.is_overdrawn = True
            asyncio.get_running_loop().call_soon(self._drop, connection.client, reason)

    def is_full(self, opener: Client, target: Client) -> bool:
        """Tell whether so much of an opener waits for a target that it gets no new links with it.

        What others have waiting there makes no difference: they could keep everybody out.
        """
        outbox = self._connection_of[target].outbox
        if not outbox.has_backlog:
            return False
        connection = self._connection_of[opener]
        waits = outbox.weight_of(connection)
        return waits > FULL_BYTES or (waits > 0 and self._caused(connection) > _MANY_CONTROL_BYTES)

    def is_behind(self, client: Client) -> bool:
        """Tell whether so many of the relay's own messages wait for a client that it gets no new guests."""
        connection = self._connection_of[client]
        return connection.outbox.weight_of(connection) > FULL_BYTES
