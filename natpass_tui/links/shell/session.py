"""One shell tab: it opens a link to an agent, carries bytes between it and a terminal, and opens it again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from natpass_tui.links.shell import state as states
from natpass_tui.links.shell.request import ShellRequest
from natpass_tui.links.shell.state import (
    AgentThere,
    Ended,
    Event,
    LinkGone,
    Live,
    Lost,
    Opened,
    Opening,
    Refused,
    RelayUp,
    Retry,
    Waiting,
)
from natpass_tui.session.relay_port import LinkOpener, LinkPort
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.pb.shell_pb2 import ShellData, ShellResize

#: Exit status of a mistake that the user can mend.
USER_ERROR = 2
#: Bytes of data in one frame (WIRE.md §5).
FRAME_BYTES = 60 * 1024
#: Bytes of input that may wait for a slow network: a large paste, no more; what is over is refused, and said so.
MOST_WAITING_INPUT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a console that was started for one shell ends with.

    Attributes:
        status: its exit status.
        message: what to say to the user, safe to print; may be empty.
    """

    status: int
    message: str = ""


class Terminal(Protocol):
    """Where a shell's output goes."""

    async def feed(self, data: bytes) -> None:
        """Show output; waits while too much is not shown yet."""

    def write_separator(self, text: str) -> None:
        """Show a line of our own between two shells."""


class ShellSession:
    """A shell on an agent, and the ones that follow it in the same tab.

    Args:
        relay: opens the links.
        agent: the agent's id.
        request: what to run.
        on_change: called after each change of `state`, `title`, `activity` or `bell`.
        clock: Unix seconds.
    """

    def __init__(
        self,
        relay: LinkOpener,
        agent: str,
        request: ShellRequest | None = None,
        *,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.agent = agent
        self.request = request or ShellRequest()
        self.state: states.State = Waiting()
        #: What the remote application calls its window, safe to print.
        self.remote_title = ""
        #: Output came, or the bell rang, while the tab was not in front.
        self.activity = False
        self.bell = False
        self._relay = relay
        self._on_change = on_change
        self._clock = clock
        self._terminal: Terminal | None = None
        self._size = (0, 0)
        self._tasks = Tasks()
        self._link: LinkPort | None = None
        self._input = bytearray()
        self._resized = False
        self._to_send = asyncio.Event()
        self._retry_timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._was_live = False

    @property
    def title(self) -> str:
        """What the tab bar shows."""
        return self.agent

    @property
    def mark(self) -> str:
        """One character on the state, for the tab bar."""
        return states.mark(self.state)

    @property
    def is_live(self) -> bool:
        """Whether a shell runs."""
        return isinstance(self.state, Live)

    @property
    def waits(self) -> bool:
        """Whether a shell opens as soon as the relay is there."""
        return isinstance(self.state, Waiting | Lost)

    @property
    def outcome(self) -> Outcome | None:
        """How it went, once that is certain: the shell ended by itself, or there never was one."""
        match self.state:
            case Ended(_, _, status) if status is not None:
                return Outcome(status)
            case Ended(by_itself=True):
                return Outcome(0)
            case Refused(reason) if not self._was_live:
                return Outcome(USER_ERROR, f"no shell on {self.agent}: {reason}")
        return None

    def attach(self, terminal: Terminal, rows: int, cols: int) -> None:
        """Begin: from now on there is a terminal of this size to show the shell in."""
        self._terminal = terminal
        self._size = (rows, cols)
        if self._relay.is_online:
            self._apply(RelayUp())
        else:
            self._on_change()

    def resize(self, rows: int, cols: int) -> None:
        """Tell the shell that the terminal's size is another."""
        if (rows, cols) != self._size:
            self._size = (rows, cols)
            self._resized = True
            self._to_send.set()

    def send(self, data: bytes) -> str:
        """Send input; return why it was not sent, empty if it was (or will be)."""
        if self._link is None or not self.is_live:
            return states.not_sent(self.state)
        if len(self._input) + len(data) > MOST_WAITING_INPUT:
            return f"not sent: {len(self._input) >> 20} MiB of input wait for the network already"
        self._input += data
        self._to_send.set()
        return ""

    def retry(self) -> None:
        """Open another shell, if there is none: the user pressed Enter."""
        self._apply(Retry(by_user=True, relay_up=self._relay.is_online))

    def relay_changed(self) -> None:
        """Take note that the connection to the relay came or went."""
        if self._relay.is_online and self._terminal is not None:
            self._apply(RelayUp())
        else:
            self._on_change()

    def agent_there(self) -> None:
        """Take note that the roster shows the agent."""
        if self._relay.is_online:
            self._apply(AgentThere())

    def relay_line(self) -> str:
        """Return one line on how we stand with the relay."""
        return self._relay.relay_line()

    def noticed(self, *, bell: bool) -> None:
        """Take note of output, or the bell, while the tab is not in front."""
        if not (self.bell if bell else self.activity):
            self.bell = self.bell or bell
            self.activity = self.activity or not bell
            self._on_change()

    def seen(self) -> None:
        """Take note that the user looks at the tab."""
        if self.activity or self.bell:
            self.activity = self.bell = False
            self._on_change()

    def close(self) -> None:
        """End the shell, and the tab."""
        self._closed = True
        self._cancel_retry()
        if self._link is not None:
            self._link.close()

    async def closed(self) -> None:
        """Close, and wait until nothing of this tab runs any more."""
        self.close()
        await self._tasks.close()

    def _apply(self, event: Event) -> None:
        if self._closed:
            return
        before = self.state
        step = states.step(before, event, self._clock())
        if step.state == before:
            return
        self.state = step.state
        self._was_live = self._was_live or self.is_live
        self._cancel_retry()
        if step.separator and self._terminal is not None:
            self._terminal.write_separator(step.separator)
        if isinstance(self.state, Opening):
            self._tasks.start(self._serve(), f"shell {self.agent}")
        elif isinstance(self.state, Lost):
            loop = asyncio.get_running_loop()
            self._retry_timer = loop.call_later(self.state.retry_in, self._retry_by_itself)
        self._on_change()

    def _retry_by_itself(self) -> None:
        if not self._relay.is_online:  # it says when it is back
            return
        self._apply(Retry(by_user=False, relay_up=True))

    def _cancel_retry(self) -> None:
        if self._retry_timer is not None:
            self._retry_timer.cancel()
            self._retry_timer = None

    async def _serve(self) -> None:
        """Open a link and carry bytes until it ends."""
        self._input.clear()
        try:
            link = await self._relay.open_link(self.agent, self.request.message(*self._size))
        except LinkEndedError as error:
            self._apply(LinkGone(error.end, self._relay.is_online))
            return
        if self._closed:
            link.close()
            return
        self._link = link
        self._resized = True  # existing agents take the size from a message only, and it may have changed since
        self._to_send.set()
        self._apply(Opened())
        end = End(LinkEnd.CLOSED)
        sender = self._tasks.start(self._send_input(link), f"input to {self.agent}")
        try:
            end = await self._show_output(link)
        finally:
            sender.cancel()
            self._link = None
            link.close()
        self._apply(LinkGone(end, self._relay.is_online))

    async def _show_output(self, link: LinkPort) -> End:
        """Feed the terminal until the link ends; return why it did."""
        try:
            while True:
                message = await link.receive()
                if message.type == MsgType.shell_data and self._terminal is not None:
                    await self._terminal.feed(message.sdata.data)
        except LinkEndedError as error:
            return error.end

    async def _send_input(self, link: LinkPort) -> None:
        """Send what is typed, and the size, until cancelled or the link ends."""
        try:
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                if self._resized:
                    self._resized = False
                    rows, cols = self._size
                    await link.send(Msg(type=MsgType.shell_resize, sresize=ShellResize(rows=rows, cols=cols)))
                while self._input:
                    data = bytes(self._input[:FRAME_BYTES])
                    del self._input[:FRAME_BYTES]
                    await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=data)))
        except LinkEndedError:
            return  # whoever reads the link says what happened
