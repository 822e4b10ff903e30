"""All forwards to one agent: their rules, one link, and what they carry.

A rule listens while its agent is within reach. The link survives cuts: after a few seconds new connections are refused,
and those that are open go on when the agent is back. When the link is lost with its agent, all are reset, too.
"""

# Why: docs/decisions/089-forwards-listen-while-there-is-a-link.md

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from natpass_tui.links.forward.account import RuleAccount
from natpass_tui.links.forward.datagrams import LocalDatagrams
from natpass_tui.links.forward.dynamic import ProxyConnection
from natpass_tui.links.forward.listener import RuleListener
from natpass_tui.links.forward.local import StreamListener
from natpass_tui.links.forward.remote import RemoteListener
from natpass_tui.links.forward.rows import ConnectionRow, ForwardRow, ForwardState
from natpass_tui.links.forward.rules import Direction, ForwardRule, is_same_place
from natpass_tui.links.life import FIRST_RETRY, RETRY
from natpass_tui.model.relay_port import LinkSource
from natpass_tui.platform.open_files import raise_open_files
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import IDLE_SECONDS, ChannelAsked, ListenAsked
from natpass_wire.errors import UserError
from natpass_wire.links import End
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Seconds out of reach after which no rule listens: a relay or an agent that is restarted is back by then.
AWAY_SECONDS = 3.0
#: Seconds until an agent that refuses is asked again.
_REFUSED_SECONDS = 30.0


def _nothing() -> None: ...


def _nothing_told(_: ForwardRule, __: str) -> None: ...


class Forwards:
    """The forwards to one agent. They share a link, which is opened again when the agent is back.

    Args:
        agent: the agent's id.
        console: opens the links.
        changed: called after each change of a rule's state, of the number of its connections, and of `waiting`.
        told: called with each thing that goes wrong, and its rule; safe to print.
        idle: seconds without a datagram after which a flow of them is over.
    """

    def __init__(
        self,
        agent: str,
        console: LinkSource,
        *,
        changed: Callable[[], None] = _nothing,
        told: Callable[[ForwardRule, str], None] = _nothing_told,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self.agent = agent
        self._console = console
        self.changed = changed
        self._told = told
        self._idle = idle
        self._listeners: dict[ForwardRule, RuleListener] = {}
        self._link: ChannelLink | None = None
        self._waiting = ""
        self._resting = ""  # why no rule listens although there is a link
        self._away: asyncio.TimerHandle | None = None  # runs while the agent is out of reach for a short time
        self._tasks = Tasks()
        self._starting = asyncio.Lock()
        self._try_now = asyncio.Event()
        self._is_closed = False

    @property
    def waiting(self) -> str:
        """Why no rule listens now, safe to print; empty while the agent is within reach, and before `start`."""
        return self._waiting or self._resting

    async def start(self, rules: Sequence[ForwardRule], *, waits: bool = False) -> None:
        """Open the link and start all rules, or none. Call it once; no rules are fine, too.

        Args:
            rules: the rules.
            waits: whether to wait for an agent that can't be reached: no rule listens until it is there.

        Raises:
            LinkEndedError: relay or agent can't be reached, or the agent refuses.
            UserError: a rule can't listen: one line, which names the rule.
        """
        raise_open_files()
        for rule in rules:
            self._check(rule)
            self._listeners[rule] = self._make(rule)
        try:
            # What can be known here is known before the agent is asked.
            for listener in self._listeners.values():
                if isinstance(listener, RemoteListener):
                    await listener.check()
            link, running = await self._open()
            for rule in rules:
                if rule in self._listeners:  # not removed meanwhile
                    await self._started_on(link, self._listeners[rule])
        except LinkEndedError as error:
            if not waits:
                await self.close()
                raise
            self._lost(error.end)
            self._tasks.start(self._wait(), f"forwards of {self.agent}")
            return
        except BaseException:
            await self.close()
            raise
        await self._start_again()  # what was added before there was a link
        self._tasks.start(self._keep(running), f"forwards of {self.agent}")

    async def _started_on(self, link: ChannelLink, listener: RuleListener) -> None:
        """Start a rule. Raises UserError: it can't listen. Raises LinkEndedError: the link has ended meanwhile."""
        try:
            await listener.start(link)
        except UserError:
            if (end := link.link.end) is not None:
                raise LinkEndedError(end) from None
            raise

    async def add(self, rule: ForwardRule) -> None:
        """Start one more rule. Without a link it begins to listen once there is one.

        Raises:
            UserError: it can't listen; it is not added.
        """
        self._check(rule)
        listener = self._listeners[rule] = self._make(rule)
        async with self._starting:
            if self._link is None or self._resting:
                listener.account.is_now(ForwardState.WAITING, why=self.waiting)
                return
            try:
                await listener.start(self._link)
            except BaseException:
                if self._listeners.get(rule) is listener:
                    self.remove(rule)
                raise

    def remove(self, rule: ForwardRule) -> None:
        """End a rule, with a reset for its connections. No-op if there is none."""
        listener = self._listeners.pop(rule, None)
        if listener is not None:
            listener.stop("the forward is removed")
            self.changed()

    def rows(self) -> list[ForwardRow]:
        """Return the rules in their order, as they are now."""
        return [listener.account.row() for listener in self._listeners.values()]

    def connections(self) -> list[ConnectionRow]:
        """Return the open connections, the oldest first."""
        found = [row for listener in self._listeners.values() for row in listener.account.connections()]
        return sorted(found, key=lambda row: row.since)

    def agent_there(self) -> None:
        """Note that the roster shows the agent: a link is tried at once."""
        if self._link is None:
            self._try_now.set()

    async def close(self) -> None:
        """End all rules, connections and the link."""
        self._is_closed = True
        self._within_reach()
        for rule in list(self._listeners):
            self.remove(rule)
        if self._link is not None:
            self._link.link.close()
        await self._tasks.close()

    def _check(self, rule: ForwardRule) -> None:
        """Raise UserError if another rule listens at the same place."""
        if any(is_same_place(rule, other) for other in self._listeners):
            raise UserError(f"{rule.option}: another rule listens there already")

    def _make(self, rule: ForwardRule) -> RuleListener:
        account = RuleAccount(rule, self._console.clock, self.changed, lambda text: self._told(rule, text))
        match rule.direction:
            case Direction.LOCAL:
                return StreamListener(account)
            case Direction.DYNAMIC:
                return StreamListener(account, ProxyConnection)
            case Direction.REMOTE:
                return RemoteListener(account, self._tasks)
            case Direction.DATAGRAMS:
                return LocalDatagrams(account, self._idle)

    # the link

    async def _open(self) -> tuple[ChannelLink, "asyncio.Task[End]"]:
        """Open a link. Raises LinkEndedError."""
        request = ConnectRequest(name="forward", kind=ConnectRequest.forward)
        link = await self._console.open_link(self.agent, request)
        if self._is_closed:
            link.close()
            raise LinkEndedError(End(LinkEnd.CLOSED, "closed"))
        channels = self._link = ChannelLink(link, is_console=True, asked=self._asked)
        link.watch(lambda: self._way_changed(channels))
        self._way_changed(channels)
        return channels, self._tasks.start(channels.run(), f"channels to {self.agent}")

    def _way_changed(self, channels: ChannelLink) -> None:
        """Take note that the agent can or can't be reached."""
        link = channels.link
        if channels is not self._link or link.end is not None:
            return
        if link.detached is None:
            if self._within_reach():
                self._tasks.start(self._start_again(), f"forwards of {self.agent} again")
        elif self._away is None and not self._resting:
            at = link.detached.since + AWAY_SECONDS
            self._away = asyncio.get_running_loop().call_at(at, self._rest, channels)

    def _within_reach(self) -> bool:
        """Forget that the agent is out of reach; return whether rules rest."""
        if self._away is not None:
            self._away.cancel()
            self._away = None
        rested, self._resting = bool(self._resting), ""
        return rested

    def _rest(self, channels: ChannelLink) -> None:
        """Listen no more: whoever connects now would wait, nobody knows for how long."""
        self._away = None
        way = channels.link.detached
        if channels is not self._link or way is None:
            return
        self._resting = printable(way.reason) or "no connection"
        for listener in list(self._listeners.values()):
            listener.rest(self._resting)
        self.changed()

    async def _keep(self, running: "asyncio.Task[End]") -> None:
        """Open the link again whenever it is lost, and start all rules again."""
        while True:
            retries = self._tasks.start(self._retry_failed(), f"failed forwards of {self.agent}")
            try:
                end = await asyncio.shield(running)
            except Exception:  # a bug of ours: logged, and the forwards begin anew instead of standing still
                log.exception("the channels to %s failed", self.agent)
                end = End(LinkEnd.FAILED, "an internal error ended the link")
                if self._link is not None:
                    self._link.link.close()
            retries.cancel()
            async with self._starting:
                self._lost(end)
            running = await self._reopen()
            await self._start_again()

    async def _wait(self) -> None:
        """Wait for an agent that was not there at the start."""
        running = await self._reopen()
        await self._start_again()
        await self._keep(running)

    def _lost(self, end: End) -> None:
        """Take note that there is no link."""
        self._link = None
        self._within_reach()
        self._waiting = printable(end.text) or "the link has ended"
        for listener in list(self._listeners.values()):
            listener.stop(self._waiting)
        self.changed()

    async def _reopen(self) -> "asyncio.Task[End]":
        delay = FIRST_RETRY
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._try_now.wait()
            self._try_now.clear()
            if not self._console.is_online:
                continue
            try:
                _, running = await self._open()
            except LinkEndedError as error:
                self._waiting = printable(str(error))
                is_refused = error.end.reason == ConnectResponse.REFUSED
                delay = _REFUSED_SECONDS if is_refused else RETRY
                self.changed()
                continue
            self._waiting = ""
            return running

    async def _start_again(self) -> None:
        """Start all rules that do not listen; those that can't are tried again."""
        async with self._starting:
            for listener in list(self._listeners.values()):
                link = self._link
                waits = listener.account.state in {ForwardState.WAITING, ForwardState.FAILED}
                is_ours = self._listeners.get(listener.rule) is listener
                if link is None or self._resting or not waits or not is_ours:
                    continue
                try:
                    await listener.wake(link)
                except UserError as error:
                    listener.account.failed(str(error))
        self.changed()

    async def _retry_failed(self) -> None:
        """Start the rules again that could not listen."""
        while True:
            await asyncio.sleep(RETRY)
            if any(listener.account.state is ForwardState.FAILED for listener in self._listeners.values()):
                await self._start_again()

    def _asked(self, asked: ChannelAsked | ListenAsked) -> None:
        """Take a connection that came to one of our listeners at the agent."""
        link = self._link
        if link is None:
            return
        if isinstance(asked, ChannelAsked) and asked.listener:
            for listener in self._listeners.values():
                if isinstance(listener, RemoteListener) and listener.id == asked.listener:
                    listener.takes(asked)
                    return
        link.refuse(asked.id, ChannelRefused.NOT_ALLOWED, "the console has no such listener")
