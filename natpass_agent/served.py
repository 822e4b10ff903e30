"""The links that an agent serves: their local names, and the log of consoles that detach and come back."""

# Why: docs/decisions/042-names-of-links.md

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from natpass_agent.links.kind import KindServer
from natpass_agent.links.lines import LinkLines
from natpass_agent.status import LinkStatus, iso, with_pid
from natpass_wire.aio.link import IncomingLink
from natpass_wire.identity import fingerprint
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.identity.keys import PublicKey
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.stream.places import EvictionClass, Rank
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Bytes of a link's name: short enough to type, and random, so that a restart does not reuse names as with numbers.
_NAME_BYTES = 2
_MOST_PROGRAM = 200
#: Lines a minute about links of one key that go out of reach, and as many about those that go on: a console with all
#: its tabs, now and then. Those of all keys together.
MOST_LINES, MOST_LINES_OF_ALL = 64, 256


@dataclass(eq=False, slots=True)
class Served:
    """One link that is served.

    Attributes:
        id: its local name.
        number: how many links came before it.
        link: the link.
        server: its kind's server.
        task: the task that serves it.
        since: the time of its request, in seconds since 1970.
        opened_at: the same, in the loop's time.
        detached_at: since when its console is out of reach, in the loop's time; None if it can be reached.
        giving_up: ends it when its keep time is over; None while its console can be reached.
        rights: the rights of its console when it was opened.
        is_doubted: whether its console had no right to it at the last look.
    """

    id: str
    number: int
    link: IncomingLink
    server: KindServer
    task: "asyncio.Task[None]"
    since: float
    opened_at: float
    detached_at: float | None = None
    giving_up: asyncio.TimerHandle | None = None
    rights: Rights = ALL
    is_doubted: bool = False

    @property
    def name(self) -> str:
        """Its name in the log, safe to print."""
        found = self.server.running(self.link)
        what = "" if found is None else f" ({with_pid(found.logged, found.pid)})"
        return f"{self.server.kind.wire_name} {self.id} of {printable(self.link.peer)}{what}"


class ServedLinks:
    """All links that are served.

    Args:
        kept_until: returns until when a detached link is kept, in the loop's time; None for ever. A kind may keep its
            links for less.
        end: ends a link, and what runs for it, and tells its opener the text and the cause.
    """

    def __init__(
        self,
        kept_until: Callable[[IncomingLink], float | None],
        end: Callable[[IncomingLink, str, LinkEnd.Cause], None],
    ) -> None:
        self._streams_kept_until = kept_until
        self._end = end
        self._served: dict[IncomingLink, Served] = {}
        self._count = 0
        #: The log.
        self.lines = LinkLines(log, MOST_LINES, MOST_LINES_OF_ALL)

    def __iter__(self) -> Iterator[IncomingLink]:
        """Give the links, oldest first."""
        return iter(list(self._served))

    def rank(self, link: IncomingLink) -> Rank:
        """Return what would be lost with a link that is served."""
        if link.end is not None:
            return Rank(EvictionClass.ENDING)
        if link.detached is not None:
            return Rank(EvictionClass.AWAY, link.detached.since)
        return Rank(EvictionClass.ACTIVE, -self._served[link].number)  # the newest first

    def add(self, link: IncomingLink, server: KindServer, task: "asyncio.Task[None]", rights: Rights = ALL) -> None:
        """Add a link that is served from now on; its console has these rights."""
        taken = {served.id for served in self._served.values()}
        while (name := secrets.token_hex(_NAME_BYTES)) in taken:
            pass
        self._count += 1
        opened_at = task.get_loop().time()
        served = Served(name, self._count, link, server, task, time.time(), opened_at, rights=rights)
        self._served[link] = served
        link.watch(lambda: self._changed(served))

    def discard(self, link: IncomingLink) -> None:
        """Remove a link that is no longer served."""
        served = self._served.pop(link, None)
        if served is not None and served.giving_up is not None:
            served.giving_up.cancel()

    def named(self, name: str) -> Served | None:
        """Return the link of this name, None if there is none."""
        return next((served for served in self._served.values() if served.id == name), None)

    def of(self, link: IncomingLink) -> Served | None:
        """Return what is served on a link, None if nothing is."""
        return self._served.get(link)

    @property
    def detached(self) -> list[Served]:
        """The links whose consoles are out of reach."""
        return [served for served in self._served.values() if served.link.detached is not None]

    @property
    def all(self) -> list[Served]:
        """The links, oldest first."""
        return list(self._served.values())

    def statuses(self) -> list[LinkStatus]:
        """Return the status of each link, oldest first."""
        return [self.status(served) for served in self._served.values()]

    def status(self, served: Served) -> LinkStatus:
        """Return the status of a link."""
        now = served.task.get_loop().time()
        link, found = served.link, served.server.running(served.link)
        detached, until = link.detached, self._kept_until(served)
        return LinkStatus(
            id=served.id,
            kind=served.server.kind.wire_name,
            console=printable(link.peer),
            key=None if link.peer_key is None else fingerprint.short(PublicKey(link.peer_key)),
            program=None if found is None else printable(found.program, _MOST_PROGRAM),
            pid=None if found is None else found.pid,
            since=iso(served.since),
            open_seconds=round(now - served.opened_at),
            detached_seconds=None if detached is None else round(now - detached.since),
            detached_reason="" if detached is None else printable(detached.reason),
            kept_seconds=None if detached is None or until is None else max(0, round(until - now)),
        )

    def _kept_until(self, served: Served) -> float | None:
        until, detached = self._streams_kept_until(served.link), served.link.detached
        keep = served.server.kind.limits.keep_seconds
        return until if until is None or detached is None or keep is None else min(until, detached.since + keep)

    def _changed(self, served: Served) -> None:
        """Log that a link's console has gone out of reach, or is back."""
        detached, before = served.link.detached, served.detached_at
        served.detached_at = None if detached is None else detached.since
        if detached is None and served.giving_up is not None:
            served.giving_up.cancel()
            served.giving_up = None
        if detached is not None and before is None:
            loop, keep = served.task.get_loop(), served.server.kind.limits.keep_seconds
            loop.call_soon(self._log_detached, served)  # by then its keep time is known
            if keep is not None:
                text = f"its opener did not come back within {keep:.0f} s"
                served.giving_up = loop.call_later(keep, self._end, served.link, text, LinkEnd.PEER_GONE)
        elif detached is None and before is not None and served.link.end is None:
            seconds = served.task.get_loop().time() - before
            self.lines.say("links go on", served.link, f"{served.name} goes on after {seconds:.0f} s")

    def _log_detached(self, served: Served) -> None:
        detached = served.link.detached
        if detached is None or served.link.end is not None:
            return  # it is back already
        until = self._kept_until(served)
        kept = "" if until is None else f"; kept for {until - served.task.get_loop().time():.0f} s"
        text = f"the console of {served.name} is out of reach: {printable(detached.reason)}{kept}"
        self.lines.say("consoles are out of reach", served.link, text)
