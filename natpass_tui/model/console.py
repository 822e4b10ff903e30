"""The console without a screen: the connection to the relay, the fleet, and the tabs."""

import asyncio
import contextlib
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from natpass_tui.links import kind_on_the_wire
from natpass_tui.links.kind import Kind
from natpass_tui.model.agents import Presence, from_roster
from natpass_tui.model.fleet import Fleet
from natpass_tui.model.latency import INTERVAL, Latencies
from natpass_tui.model.liveness import Liveness
from natpass_tui.model.relay_port import ClientPort
from natpass_tui.model.relay_text import relay_text
from natpass_tui.model.tabs import Tab, Tabs
from natpass_tui.model.trust import PinnedAgents
from natpass_wire.aio.client import Phase, RelayClient, RelayStatus
from natpass_wire.aio.dial import LegacyLogin, RelayTarget
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.relay_connection import RelayConnection
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import UserError
from natpass_wire.ids import RELAY_ID, client_id_fault
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.roster_pb2 import Roster, RosterWatch, RttRequest
from natpass_wire.roster import RosterMirror

#: The feature beyond docs/wire.md §2 that a console announces, and asks a relay for.
ROSTER = "roster"
#: Seconds after which a program gives up its first login; an open console never gives up.
LOGIN_SECONDS = 10.0
#: How often to check whether a tab waits for the relay (a link's end is reported after the connection's).
_EAGER_SECONDS = 0.25
#: Scrolling shows new rows in bursts; we wait so long before asking for their round-trip times.
_BURST_SECONDS = 0.1
#: Seconds by which the clocks of relay and console may differ and still count as equal.
_SAME_CLOCK = 2.0

#: Seconds that the console waits at its end for acknowledgements of its links' ends.
_LAST_WORDS_SECONDS = 1.0
#: Seconds after which we report that the relay does not answer; a slow line's answers take less.
NO_ANSWER_SECONDS = 3.0


class LiveTab(Tab, Protocol):
    """A tab that follows the relay's and its agent's presence."""

    @property
    def agent(self) -> str:
        """The agent's id."""
        ...

    @property
    def noun(self) -> str:
        """What the tab shows, in one word."""
        ...

    def relay_changed(self) -> None:
        """Note that the connection to the relay came or went."""

    def agent_there(self) -> None:
        """Note that the roster shows the agent."""

    async def closed(self) -> None:
        """Close, and wait until all tasks of this tab have ended."""


class Listener(Protocol):
    """The listener of a console: its user interface. All calls come from the event loop."""

    def relay_changed(self) -> None:
        """The relay's status changed."""

    def fleet_changed(self) -> None:
        """Rows of the fleet were added, removed or changed."""

    def latencies_changed(self) -> None:
        """New round-trip times arrived."""


class _Nobody:
    def relay_changed(self) -> None: ...
    def fleet_changed(self) -> None: ...
    def latencies_changed(self) -> None: ...


class Console:
    """The state that outlives widgets. Run `run` beside the user interface.

    Args:
        target: the relay, and our login.
        allow_unsealed: open links as existing natpass programs do if an agent knows no others.
        listed: ids to show whether or not they are connected (the only ones, with a relay without a roster).
        connect: makes the connection; tests pass a fake.
        clock: Unix seconds.
    """

    def __init__(
        self,
        target: RelayTarget,
        *,
        allow_unsealed: bool = False,
        listed: Sequence[str] = (),
        connect: Callable[..., ClientPort] = RelayClient,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.relay = str(target.address)
        self.clock = clock
        self._allow_unsealed = allow_unsealed
        self._sealing = target.sealing
        self.fleet = Fleet()
        self.latencies = Latencies()
        self._liveness = Liveness()
        self.tabs: Tabs[LiveTab] = Tabs()
        self.listener: Listener = _Nobody()
        #: Set after the first login, and once the first roster is complete (if the relay has one).
        self.logged_in = asyncio.Event()
        self.has_fleet = asyncio.Event()
        #: Whether the relay has a roster; None before the first login.
        self.has_roster: bool | None = False if isinstance(target.login, LegacyLogin) else None
        self._connection: RelayConnection | None = None
        self._mirror = RosterMirror()
        self._clock_offset = 0.0
        self._visible: list[str] = []
        self._asked_for: set[str] = set()
        self._ask_now = asyncio.Event()
        self._eager = asyncio.Event()
        self._news = asyncio.Event()
        self._played = Tasks()  # ends of links that are played in this process
        self._client = connect(
            target, on_status=self._status_changed, on_relay_message=self._relay_said, on_online=self._online
        )
        self.list_ids(listed)

    @property
    def status(self) -> RelayStatus:
        """The relay's status."""
        return self._client.status

    @property
    def round_trip(self) -> float | None:
        """The round-trip time to the relay in seconds, None while unknown."""
        return self._client.round_trip

    @property
    def is_online(self) -> bool:
        """Whether messages can be sent; false from the moment the connection breaks."""
        return self._connection is not None and not self._connection.ended.done()

    @property
    def unanswered(self) -> float:
        """Seconds for which the relay has not answered, 0 while that is normal."""
        seconds = self._connection.life.unanswered if self._connection is not None and self.is_online else 0.0
        return seconds if seconds >= NO_ANSWER_SECONDS else 0.0

    def shows_life(self, agent: str, seconds: float) -> bool | None:
        """Have the relay ping an agent; return whether it answered in the last so many seconds, None if unknown."""
        now = asyncio.get_running_loop().time()
        if self.has_roster and self.is_online and self._liveness.ask(agent, now):
            self._tell_relay(Msg(type=MsgType.rtt_request, rtt_request=RttRequest(ids=[agent])))
        return self._liveness.answers(agent, now - seconds)

    def relay_line(self) -> str:
        """Return one line on the relay's status."""
        if seconds := self.unanswered:
            return f"no answer for {seconds:.0f} s from {self.relay}"
        return relay_text(self.status, self.relay, asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Stay connected, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._client.run(), name="relay client")
            group.create_task(self._measure(), name="round-trip times")
            group.create_task(self._be_eager(), name="waiting for the relay")

    async def first_login(self, seconds: float = LOGIN_SECONDS) -> None:
        """Wait until we are logged in and know the fleet; `run` has to run meanwhile.

        Raises:
            UserError: the relay refuses us, or it takes too long; with the reason.
        """
        try:
            async with asyncio.timeout(seconds):
                while not (self.logged_in.is_set() and self.has_fleet.is_set()):
                    if self.status.refused:
                        raise UserError(self.status.reason)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            why = self.status.reason or f"{self.relay} does not answer"
            what = f"no login within {seconds:.0f} s: {why}"
            if self.is_online:
                what = f"{self.relay} sends no roster within {seconds:.0f} s"
            raise UserError(what) from error

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        """Open a link. Raises LinkEndedError."""
        kind = kind_on_the_wire(request.kind)
        plain = self._is_plain(peer, kind)
        if plain and kind.plain is not None and (fault := kind.plain.fault(request)):
            raise LinkEndedError(End(LinkEnd.FAILED, fault, reason=ConnectResponse.REFUSED))
        if plain and kind.plain is not None and kind.plain.played is not None:
            link, work = kind.plain.played(peer, self)
            self._played.start(work, f"{kind.name} of {peer}")
            return link
        try:
            return await self._client.open_link(peer, request, plain=plain)
        except LinkEndedError as error:
            agent = self.fleet.get(peer)
            if error.end.reason != ConnectResponse.ABSENT or agent is None or agent.presence is not Presence.AWAY:
                raise
            # We know since when it is away; the relay does not say so.
            raise LinkEndedError(replace(error.end, text=agent.away_text(self.clock()))) from error

    def _is_plain(self, peer: str, kind: Kind) -> bool:
        """Tell whether links to an agent are those of existing natpass programs.

        Raises:
            LinkEndedError: they would be, but that is not allowed.
        """
        agent = self.fleet.get(peer)
        if self._sealing is not None and (
            self._sealing.trust.is_sealed(peer)  # whatever the relay says now
            or (self.has_roster and (agent is None or agent.streams != 0 or not agent.is_connected))
        ):
            return False
        if self._allow_unsealed and kind.plain is not None:
            return True
        if self._sealing is None:
            who = f"links to {peer} through an existing relay (--legacy)"
        elif self.has_roster:
            who = f"links to {peer}, which logged in as an existing natpass program,"
        else:
            who = f"links to {peer} through this relay, which does not tell what it speaks,"
        text = f"{who} are not sealed, and need --allow-unsealed"
        if kind.plain is None:  # no option helps
            text = f"{who} {kind.instead.format(agent=shlex.quote(peer))}"
        raise LinkEndedError(End(LinkEnd.FAILED, text, reason=ConnectResponse.REFUSED))

    def news_of(self, peer: str) -> str:
        """Return, once, the lines for the user about a newly met agent; safe to print, "" if there are none."""
        trust = self._sealing.trust if self._sealing is not None else None
        return trust.news_of(peer) if isinstance(trust, PinnedAgents) else ""

    def measure(self) -> None:
        """Measure the round-trip time again: before the screen was ready, answers waited for it."""
        if self._connection is not None and self.is_online:
            self._connection.life.measure()

    def retry_now(self) -> None:
        """Dial the relay at once if we wait to do so."""
        self._client.retry_now()

    def list_ids(self, ids: Sequence[str]) -> None:
        """Show these ids in the fleet, connected or not; invalid ones are left out."""
        valid = [agent_id for agent_id in ids if client_id_fault(agent_id) is None]
        if valid:
            self.fleet.list_ids(valid, Presence.UNTOLD if self.has_roster is False else Presence.ABSENT)
            self.listener.fleet_changed()

    def list_known(self) -> None:
        """Also show the agents that this user's consoles have met at this relay: away unless the relay says otherwise.

        No-op without a roster, since the relay can't say otherwise.
        """
        trust = self._sealing.trust if self._sealing is not None else None
        if self.has_roster and isinstance(trust, PinnedAgents):
            self.fleet.list_known(trust.first_met())
            self.listener.fleet_changed()

    def show_rows(self, ids: list[str]) -> None:
        """Set the visible agents: we ask for round-trip times only of them."""
        self._visible = ids
        if not self._asked_for.issuperset(ids):
            self._ask_now.set()

    async def close_tab(self, tab: LiveTab) -> None:
        """End a tab, and the program in it."""
        self.tabs.remove(tab)
        await tab.closed()

    async def close(self) -> None:
        """End all tabs, and tell the agents."""
        for tab in self.tabs.all():
            await self.close_tab(tab)
        await self._played.close()
        await self._client.settled(_LAST_WORDS_SECONDS)

    # calls from the client

    def _online(self, connection: RelayConnection) -> None:
        self._connection = connection
        if self.has_roster is not False:
            self.has_roster = ROSTER in connection.capabilities
        if self.has_roster:
            self._watch()
        else:
            self.has_fleet.set()
        self._ask_now.set()
        self.logged_in.set()

    def _status_changed(self, status: RelayStatus) -> None:
        self._news.set()
        self._eager.set()
        if status.phase is not Phase.ONLINE:
            self._connection = None
            self._asked_for.clear()
            self.latencies.clear()
            self._liveness.clear()
        for tab in self.tabs.all():
            tab.relay_changed()
        self.listener.relay_changed()

    def _relay_said(self, message: Msg) -> None:
        if message.type == MsgType.roster:
            self._take_roster(message.roster)
        elif message.type == MsgType.rtt_report:
            self.latencies.take(message.rtt_report)
            self._liveness.take(message.rtt_report)
            self.listener.latencies_changed()

    def _take_roster(self, roster: Roster) -> None:
        changes = self._mirror.receive(roster)
        if changes.gap:
            self._watch()
        if self._mirror.is_complete:
            self.has_fleet.set()
            self._news.set()
        if not changes.changed and not changes.left:
            return
        now = self.clock()
        offset = now - self._mirror.now_unix_ms / 1000
        if abs(offset - self._clock_offset) > _SAME_CLOCK:
            self._clock_offset = offset if abs(offset) > _SAME_CLOCK else 0.0
        changed = [
            from_roster(entry, self._clock_offset) for entry in changes.changed if client_id_fault(entry.id) is None
        ]
        self.fleet.update(changed, changes.left, now)
        there = {agent.id for agent in changed if agent.is_connected}
        for agent_id in there:
            self._client.retry_links(agent_id)
        for tab in self.tabs.all():
            if tab.agent in there:
                tab.agent_there()
        self.listener.fleet_changed()

    def _watch(self) -> None:
        self._mirror.restart()
        self._tell_relay(Msg(type=MsgType.roster_watch, roster_watch=RosterWatch(on=True)))

    def _tell_relay(self, message: Msg) -> None:
        if self._connection is not None and self.is_online:
            message.from_id, message.to = self._connection.client_id, RELAY_ID
            self._connection.send(message)

    async def _be_eager(self) -> None:
        """Wait for the relay while a tab or the first login needs it: the client then dials more often."""
        while True:
            if not self.is_online and (not self.logged_in.is_set() or any(tab.waits for tab in self.tabs.all())):
                await self._client.online()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EAGER_SECONDS):
                    await self._eager.wait()
            self._eager.clear()

    async def _measure(self) -> None:
        """Ask for round-trip times: of new rows soon, of all visible ones every few seconds."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._ask_now.wait()
                    await asyncio.sleep(_BURST_SECONDS)
            self._ask_now.clear()
            online = [
                agent_id
                for agent_id in self._visible
                if (agent := self.fleet.get(agent_id)) is not None and agent.presence is Presence.ONLINE
            ]
            ids = self.latencies.ask(online)
            self._asked_for = set(ids)
            if ids and self.has_roster:
                self._tell_relay(Msg(type=MsgType.rtt_request, rtt_request=RttRequest(ids=ids)))
