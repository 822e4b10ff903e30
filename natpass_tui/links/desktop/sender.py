"""Sends input to a desktop, in order, no faster than useful."""

import asyncio
from collections.abc import Callable

from natpass_tui.links.desktop.outbox import DesktopOutbox
from natpass_tui.links.desktop.request import LEASE_SECONDS
from natpass_tui.links.in_flight import InFlight
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.pb.envelope_pb2 import MsgType

#: Seconds between two moves of the pointer: the rate of a fast screen.
_MOVE_SECONDS = 1 / 50
#: Seconds between two renewals of the lease if nothing else is sent: half of the lease.
RENEW_SECONDS = LEASE_SECONDS / 2


class InputSender:
    """Sends the messages in `outbox`, and renews the lease. Call `wake` after each change of the outbox.

    Args:
        is_holding: whether a key or a button is down at the remote.
    """

    def __init__(self, is_holding: Callable[[], bool]) -> None:
        self.outbox = DesktopOutbox()
        self._in_flight = InFlight()
        self._waits_since: float | None = None  # since when a message waits for the link
        self._is_holding = is_holding
        self._knows_holds = False  # whether the agent sent a message that only our agents send
        self._releases = 0  # the agent's releases because it did not hear from us
        self._finishing = False
        self._to_send = asyncio.Event()

    def restart(self) -> None:
        """Reset for another link."""
        self.outbox.clear()
        self._in_flight.clear()
        self._waits_since = None
        self._knows_holds, self._releases = False, 0

    def wake(self) -> None:
        """Check the outbox."""
        self._to_send.set()

    def finish(self) -> None:
        """Close the link as soon as the outbox is empty."""
        self._finishing = True
        self.wake()

    def agent_knows_holds(self) -> None:
        """Note that the agent uses leases, which have to be renewed."""
        if not self._knows_holds:
            self._knows_holds = True
            self.wake()

    def released_there(self, releases: int) -> None:
        """Drop the waiting input: the agent released everything, for the `releases`th time."""
        self._releases = releases
        self.outbox.forget_input()
        self.outbox.hold(releases)
        self.wake()

    def unanswered(self, link: Link) -> float:
        """Return for how many seconds the agent has not taken input, 0.0 if it takes it."""
        self._in_flight.acknowledged(link.unacknowledged, _now())
        return self._in_flight.unanswered(_now(), self._waits_since)

    async def run(self, link: Link) -> None:
        """Send until the link ends, or until `finish` was called and the outbox is empty."""
        moved = 0.0
        try:
            while True:
                if not len(self.outbox):
                    if self._finishing:
                        link.close()
                        return
                    self._to_send.clear()
                    if not await self._more_to_send():
                        self.outbox.hold(self._releases)
                    continue
                if self.outbox.is_move_next and (rest := moved + _MOVE_SECONDS - _now()) > 0:
                    await self._wait_for_more(rest)
                message = self.outbox.take()
                if message is not None:
                    if message.type == MsgType.vnc_mouse:
                        moved = _now()
                    self._waits_since = _now()
                    await link.send(message)
                    self._waits_since = None
                    self._in_flight.sent(b"input", _now())
                    self._in_flight.acknowledged(link.unacknowledged, _now())
        except LinkEndedError:
            return  # the link's reader reports the reason

    async def _more_to_send(self) -> bool:
        """Wait for something to send; return False if the lease has to be renewed first."""
        holding = self._knows_holds and self._is_holding()
        try:
            async with asyncio.timeout(RENEW_SECONDS if holding else None):
                await self._to_send.wait()
        except TimeoutError:
            return False
        return True

    async def _wait_for_more(self, seconds: float) -> None:
        """Wait for a newer position until the next move is due, or until other input arrives."""
        until = _now() + seconds
        while self.outbox.is_move_next and not self._finishing and (rest := until - _now()) > 0:
            self._to_send.clear()
            try:
                async with asyncio.timeout(rest):
                    await self._to_send.wait()
            except TimeoutError:
                return


def _now() -> float:
    return asyncio.get_running_loop().time()
