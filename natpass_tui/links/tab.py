"""The base of all kinds' tabs: a link to an agent that is opened, lost and opened again."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from natpass_tui.links import life
from natpass_tui.links.life import (
    AgentThere,
    Attached,
    Event,
    LinkGone,
    Live,
    Lost,
    Reconnecting,
    RelayUp,
    Retry,
    State,
    TabDetached,
    TabEnded,
    TabOpened,
    TabOpening,
    TabRefused,
    Waiting,
)
from natpass_tui.links.words import Words
from natpass_tui.model.naming import about, refusal
from natpass_tui.model.relay_port import LinkOpener
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest

#: Exit status of a program that did not begin, or whose end is unknown, as in ssh.
FAILED = 255


@dataclass(frozen=True, slots=True)
class TabOutcome:
    """The outcome of a console that was started for one tab.

    Attributes:
        status: the exit status.
        text: the message to the user, safe to print; may be empty.
        reason: the agent's reason for refusing; part of the text.
        last_screen: the last content, in lines.
    """

    status: int
    text: str = ""
    reason: str = field(default="", compare=False)
    last_screen: str = ""


class LinkTab(ABC):
    """A tab for a link to an agent, and for the links that follow it.

    Args:
        relay: opens the links.
        agent: the agent's id.
        on_change: called after each change of `state`, `title`, `activity` or `bell`.
        clock: Unix seconds.
    """

    #: The kind's words.
    words: Words

    def __init__(
        self,
        relay: LinkOpener,
        agent: str,
        *,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.agent = agent
        self.state: State = Waiting()
        #: The remote's title, safe to print.
        self.remote_title = ""
        #: Whether output arrived, or the bell rang, while the tab was not in front.
        self.activity = False
        self.bell = False
        self._relay = relay
        self._on_change = on_change
        self._clock = clock
        self._tasks = Tasks()
        self._link: Link | None = None
        self._begun = False
        self._closed = False
        self._was_live = False
        self._retry_timer: asyncio.TimerHandle | None = None

    # for a kind to implement

    @abstractmethod
    def _message(self) -> ConnectRequest:
        """Return the request to the agent."""

    @abstractmethod
    async def _carry(self, link: Link) -> End:
        """Carry messages until the link ends; return why it ended. Leave no task running."""

    @abstractmethod
    def _separate(self, text: str) -> None:
        """Show a line between the old content and the new."""

    def _refused(self, reason: str) -> str:
        """Return the agent's reason for not opening a link, for the user."""
        return reason

    def _typed_offline(self) -> str:
        """Return what happens to input while the link is out of reach."""
        return "what you do here is not sent"

    def _out_of_reach(self) -> None:  # noqa: B027 - optional
        """Note that the link is out of reach."""

    def _within_reach(self) -> None:  # noqa: B027 - optional
        """Note that the link is within reach again."""

    def key_refused(self) -> None:  # noqa: B027 - optional
        """Note a key that was pressed while input is refused."""

    def _opens(self) -> None:  # noqa: B027 - optional
        """Prepare for opening another link."""

    # queries

    @property
    def title(self) -> str:
        """The text in the tab bar."""
        return self.agent

    @property
    def noun(self) -> str:
        """The kind of the tab's content, in one word."""
        return self.words.noun

    @property
    def mark(self) -> str:
        """One character for the state in the tab bar."""
        return life.mark(self.state)

    @property
    def is_unsealed(self) -> bool:
        """Whether the relay can read and change the data of the tab's link."""
        return self._link is not None and self._link.peer_key is None

    @property
    def is_live(self) -> bool:
        """Whether a link is open, within reach or not."""
        return isinstance(self.state, Live | Reconnecting)

    @property
    def is_reconnecting(self) -> bool:
        """Whether the open link is out of reach."""
        return isinstance(self.state, Reconnecting)

    @property
    def was_live(self) -> bool:
        """Whether a link was open at some time."""
        return self._was_live

    @property
    def has_begun(self) -> bool:
        """Whether the view is ready, so the first link may open."""
        return self._begun

    @property
    def has_work(self) -> bool:
        """Whether closing the tab would lose something."""
        return self.is_live and self.words.ends_with_tab

    @property
    def closing(self) -> str:
        """What closing the tab ends, if it has work: a sentence or two."""
        return f"A {self.noun} runs on {self.agent}. Closing the tab ends it."

    @property
    def takes_keys(self) -> bool:
        """Whether typed input is for the remote."""
        return self.is_live

    @property
    def waits(self) -> bool:
        """Whether a link waits for the relay to open or resume."""
        return isinstance(self.state, Waiting | Lost | Reconnecting)

    @property
    def outcome(self) -> TabOutcome | None:
        """The outcome, once it is final: the link ended by itself, or none was ever open."""
        match self.state:
            case TabEnded(_, _, status) if status is not None:
                return TabOutcome(status)
            case TabEnded(text, by_itself=True):
                return TabOutcome(FAILED, about(self.agent, text))
            case TabRefused(reason) if not self._was_live:
                return TabOutcome(FAILED, refusal(self.words.noun, self.words.at, self.agent, reason), reason)
        return None

    def banner(self, prefix: str) -> str:
        """Return the banner while no link is live: what happened, and what to do."""
        return life.banner(
            self.state,
            self.agent,
            prefix,
            self._relay.relay_line(),
            self.words,
            now=self._clock(),
            typed=self._typed_offline() if self.is_reconnecting else "",
        )

    def not_sent(self) -> str:
        """Return why input is not sent, empty if it is."""
        return life.not_sent(self.state, self.words)

    @property
    def is_in_trouble(self) -> bool:
        """Whether the banner should stand out."""
        return isinstance(self.state, Lost | Reconnecting | TabRefused | Waiting)

    @property
    def unanswered(self) -> float:
        """Seconds for which the relay has not answered, 0 while that is normal."""
        return self._relay.unanswered

    def shows_life(self, seconds: float) -> bool | None:
        """Return whether the agent has answered the relay in the last so many seconds; None if unknown."""
        return self._relay.shows_life(self.agent, seconds)

    def relay_line(self) -> str:
        """Return one line on the relay's status."""
        return self._relay.relay_line()

    # events

    def begin(self) -> None:
        """Open the first link: the view is ready."""
        self._begun = True
        self.relay_changed()

    def retry(self) -> None:
        """Open another link if none is live: the user pressed Enter."""
        self._apply(Retry(by_user=True, relay_up=self._relay.is_online))

    def relay_changed(self) -> None:
        """Note that the connection to the relay came or went."""
        if self._relay.is_online and self._begun:
            self._apply(RelayUp())
        else:
            self._on_change()

    def agent_there(self) -> None:
        """Note that the roster shows the agent."""
        if self._relay.is_online:
            self._apply(AgentThere())

    def noticed(self, *, bell: bool) -> None:
        """Note output, or the bell, while the tab is not in front."""
        if not (self.bell if bell else self.activity):
            self.bell = self.bell or bell
            self.activity = self.activity or not bell
            self._on_change()

    def seen(self) -> None:
        """Note that the user looks at the tab."""
        if self.activity or self.bell:
            self.activity = self.bell = False
            self._on_change()

    def close(self) -> None:
        """End the link and the tab."""
        self._closed = True
        self._cancel_retry()
        if self._link is not None:
            self._link.close()

    async def closed(self) -> None:
        """Close, and wait until all tasks of this tab have ended."""
        self.close()
        await self._tasks.close()

    def _apply(self, event: Event) -> None:
        if self._closed:
            return
        before = self.state
        step = life.step(before, event, self._clock(), self.words)
        if step.state == before:
            return
        self.state = step.state
        self._was_live = self._was_live or self.is_live
        self._cancel_retry()
        if step.separator:
            self._separate(step.separator)
        if isinstance(self.state, TabOpening):
            self._opens()
            self._tasks.start(self._serve(), f"{self.words.noun} {self.agent}")
        elif isinstance(self.state, Reconnecting) and not isinstance(before, Reconnecting):
            self._out_of_reach()
        elif isinstance(self.state, Live) and isinstance(before, Reconnecting):
            self._within_reach()
        elif isinstance(self.state, Lost):
            loop = asyncio.get_running_loop()
            self._retry_timer = loop.call_later(self.state.retry_in, self._retry_by_itself)
        self._on_change()

    def _retry_by_itself(self) -> None:
        if not self._relay.is_online:  # `relay_changed` retries
            return
        self._apply(Retry(by_user=False, relay_up=True))

    def _cancel_retry(self) -> None:
        if self._retry_timer is not None:
            self._retry_timer.cancel()
            self._retry_timer = None

    async def _serve(self) -> None:
        """Open a link and carry messages until it ends."""
        try:
            link = await self._relay.open_link(self.agent, self._message())
        except LinkEndedError as error:
            end = replace(error.end, text=self._refused(error.end.text))
            self._apply(LinkGone(end, self._relay.is_online))
            return
        if self._closed:
            link.close()
            return
        self._link = link
        self._apply(TabOpened())
        if news := self._relay.news_of(self.agent):
            self._separate(news)
        link.watch(self._way_changed)
        self._way_changed()  # it may be out of reach since the agent accepted
        try:
            end = await self._carry(link)
        finally:
            self._link = None
            link.close()
        self._apply(LinkGone(end, self._relay.is_online))

    def _way_changed(self) -> None:
        """Update the state for whether the link is out of reach."""
        link = self._link
        if link is None or link.end is not None:  # `_carry` reports the end
            return
        if (way := link.detached) is None:
            self._apply(Attached())
        else:
            lasted = asyncio.get_running_loop().time() - way.since
            # The status bar always says why the relay is missing; the tab's one line is for its own state.
            reason = way.reason if self._relay.is_online else "relay connection lost"
            self._apply(TabDetached(reason, self._clock() - lasted))
