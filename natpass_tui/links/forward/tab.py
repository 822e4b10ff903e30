"""A tab of forwards: the rules that run to one agent, those of the config file, and what they carry."""

# Why: docs/decisions/091-a-tab-of-forwards-has-one-link.md

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence

from natpass_tui.links.forward import KIND
from natpass_tui.links.forward.columns import ConnectionLine, RuleLine
from natpass_tui.links.forward.forwards import Forwards
from natpass_tui.links.forward.handed import HandedLinks
from natpass_tui.links.forward.meter import NOTHING, Rate, RateMeter
from natpass_tui.links.forward.rows import ConnectionRow
from natpass_tui.links.forward.rules import ForwardRule
from natpass_tui.links.tab import LinkTab
from natpass_tui.model.relay_port import LinkOpener
from natpass_wire.aio.link import Link
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest

#: Seconds for which the tab bar's mark shows traffic that has stopped: short flows are seen, too.
BUSY_SECONDS = 2.0
#: Seconds between a change and its redraw: a page's hundred connections are one.
_SOON_SECONDS = 0.05
#: The marks of traffic, and of what went wrong and was not seen yet.
_TRAFFIC, _TROUBLE = "⇅", "!"


class ForwardTab(LinkTab):
    """A tab with the forwards to an agent.

    Args:
        relay: opens the links.
        agent: the agent's id.
        offered: the rules of the config file for this agent.
        on_change: called after each change of `state` or `mark`.
        clock: Unix seconds.
    """

    words = KIND.words

    def __init__(
        self,
        relay: LinkOpener,
        agent: str,
        offered: Sequence[ForwardRule] = (),
        *,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(relay, agent, on_change=on_change, clock=clock)
        self._links = HandedLinks(relay)
        self._forwards = Forwards(agent, self._links, changed=self._forwards_changed)
        #: Called soon after rules or connections changed.
        self.on_rows: Callable[[], None] = lambda: None
        #: Shows a remark for a moment.
        self.remark: Callable[[str], None] = lambda _: None
        self._offered = tuple(offered)
        self._meters: dict[Hashable, RateMeter] = {}  # of rules, and of connections by `connection_key`
        self._soon: asyncio.TimerHandle | None = None
        self._busy_until = 0.0
        self._errors_seen = 0.0
        self._mark = ""

    # what is shown

    @property
    def title(self) -> str:
        """The text in the tab bar."""
        return f"forwards {self.agent}"

    @property
    def mark(self) -> str:
        """One character for the state in the tab bar; for a live link: an error not seen yet, or traffic."""
        return super().mark or self._mark

    @property
    def open_count(self) -> int:
        """How many connections are open."""
        return sum(row.open for row in self._forwards.rows())

    @property
    def has_work(self) -> bool:
        """Whether closing the tab would end connections."""
        return self.open_count > 0

    @property
    def closing(self) -> str:
        """What closing the tab ends."""
        count = self.open_count
        what = "1 connection is" if count == 1 else f"{count} connections are"
        return f"{what} open through the forwards to {self.agent}. Closing the tab ends all forwards."

    def lines(self) -> list[RuleLine]:
        """Return the rules that run, and then those of the config file that do not."""
        rows = self._forwards.rows()
        running = {row.rule for row in rows}
        return [
            *(RuleLine(row.rule, row, self._rate(row.rule)) for row in rows),
            *(RuleLine(rule, None) for rule in self._offered if rule not in running),
        ]

    def connections(self, rule: ForwardRule) -> list[ConnectionLine]:
        """Return the open connections of a rule, the oldest first."""
        rows = self._forwards.connections()
        return [ConnectionLine(row, self._rate(connection_key(row))) for row in rows if row.rule == rule]

    def look(self, *, in_sight: bool) -> None:
        """Measure what is carried. Call it about twice a second, also while the tab is not in front.

        Args:
            in_sight: whether the user sees the rules, and so what went wrong.
        """
        now = asyncio.get_running_loop().time()
        rows = self._forwards.rows()
        counted: dict[Hashable, tuple[int, int]] = {row.rule: (row.sent, row.received) for row in rows}
        grew = [self._meter(rule).feed(now, *counts) for rule, counts in counted.items()]
        if any(grew):
            self._busy_until = now + BUSY_SECONDS
        for connection in self._forwards.connections() if in_sight else ():
            key = connection_key(connection)
            counted[key] = (connection.sent, connection.received)
            self._meter(key).feed(now, *counted[key])
        self._meters = {key: meter for key, meter in self._meters.items() if key in counted}
        newest = max((row.error_at for row in rows if row.last_error), default=0.0)
        if in_sight:
            self._errors_seen = max(self._errors_seen, newest)
        before, self._mark = self._mark, ""
        if newest > self._errors_seen:
            self._mark = _TROUBLE
        elif now < self._busy_until:
            self._mark = _TRAFFIC
        if self._mark != before:
            self._on_change()

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self._clock()

    def _meter(self, key: Hashable) -> RateMeter:
        return self._meters.setdefault(key, RateMeter())

    def _rate(self, key: Hashable) -> Rate:
        meter = self._meters.get(key)
        return meter.rate if meter is not None else NOTHING

    # what the user does

    async def add(self, rule: ForwardRule) -> None:
        """Start a rule.

        Raises:
            UserError: it can't listen; it is not added.
        """
        await self._forwards.add(rule)

    def remove(self, rule: ForwardRule) -> None:
        """End a rule and its connections. One of the config file is offered again."""
        self._forwards.remove(rule)

    # LinkTab

    def begin(self) -> None:
        """Open the first link, and carry connections in it and those that follow."""
        super().begin()
        self._tasks.start(self._forwards.start(()), f"forwards of {self.agent}")

    def close(self) -> None:
        """End all forwards and the tab."""
        super().close()
        if self._soon is not None:
            self._soon.cancel()

    async def closed(self) -> None:
        """Close, and wait until no rule listens and all tasks of this tab have ended."""
        self.close()
        await self._forwards.close()
        await self._tasks.close()

    def _message(self) -> ConnectRequest:
        return ConnectRequest(name=KIND.name, kind=KIND.wire)

    def _separate(self, text: str) -> None:
        self.remark(text)

    def _typed_offline(self) -> str:
        return "new connections are refused" if self._forwards.waiting else "connections wait"

    async def _carry(self, link: Link) -> End:
        self._links.hand(link)
        self._forwards.agent_there()
        return await link.ended()

    def _forwards_changed(self) -> None:
        if self._soon is None and not self._closed:
            self._soon = asyncio.get_running_loop().call_later(_SOON_SECONDS, self._tell)

    def _tell(self) -> None:
        self._soon = None
        self.on_rows()


def connection_key(row: ConnectionRow) -> Hashable:
    """Return what stays the same of a connection."""
    return row.rule, row.client, row.target, row.since
