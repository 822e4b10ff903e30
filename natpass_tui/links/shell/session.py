"""One shell tab: it carries bytes between a link to an agent and a terminal."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from natpass_tui.links.life import Opening
from natpass_tui.links.shell import waiting
from natpass_tui.links.shell.request import ShellRequest
from natpass_tui.links.shell.state import WORDS
from natpass_tui.links.tab import LinkTab
from natpass_tui.session.relay_port import LinkOpener, LinkPort
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.shell_pb2 import ShellData, ShellResize

#: Bytes of input that may wait for a slow network, or for one at all: a large paste, no more; what is over is refused,
#: and said so.
MOST_WAITING_INPUT = 4 * 1024 * 1024

#: Bytes that may be typed before the first shell is there: a command or two, as with ssh.
MOST_TYPED_AHEAD = 4 * 1024


class Terminal(Protocol):
    """Where a shell's output goes."""

    async def feed(self, data: bytes) -> None:
        """Show output; waits until all but a little of what was fed is parsed."""

    def write_separator(self, text: str) -> None:
        """Show a line of our own between two shells."""


class ShellSession(LinkTab):
    """A shell on an agent, and the ones that follow it in the same tab.

    Args:
        relay: opens the links.
        agent: the agent's id.
        request: what to run.
        keeps_offline: what is typed while there is no way through waits for one; otherwise it is refused.
        on_change: called after each change of `state`, `title`, `activity` or `bell`.
        clock: Unix seconds.
    """

    words = WORDS

    def __init__(
        self,
        relay: LinkOpener,
        agent: str,
        request: ShellRequest | None = None,
        *,
        keeps_offline: bool = True,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(relay, agent, on_change=on_change, clock=clock)
        self.request = request or ShellRequest()
        self._terminal: Terminal | None = None
        self._size = (0, 0)
        self._keeps_offline = keeps_offline
        self._input = bytearray()
        self._sending = b""  # what the link has been given and not taken yet
        self._unsent = ""  # how much input the last shell never got
        self._opened_before = False
        self._resized = False
        self._to_send = asyncio.Event()

    def attach(self, terminal: Terminal, rows: int, cols: int) -> None:
        """Begin: from now on there is a terminal of this size to show the shell in."""
        self._terminal = terminal
        self._size = (rows, cols)
        self.begin()

    def resize(self, rows: int, cols: int) -> None:
        """Tell the shell that the terminal's size is another."""
        if (rows, cols) != self._size:
            self._size = (rows, cols)
            self._resized = True
            self._to_send.set()

    @property
    def has_work(self) -> bool:
        """Whether something would be lost with the tab: a shell, or what was typed for one."""
        return super().has_work or (self._comes_first and bool(self._input))

    @property
    def takes_keys(self) -> bool:
        """Whether what is typed is for the remote, now or soon."""
        return super().takes_keys or self._comes_first

    @property
    def _comes_first(self) -> bool:
        """Whether the tab's first shell is on its way: nobody has typed for another one."""
        return self.state == Opening() or not self._begun

    def send(self, data: bytes, *, typed: bool = True) -> str:
        """Send input; return why it was not sent, empty if it was (or will be).

        Args:
            data: the bytes.
            typed: a person is behind it; otherwise it is the terminal's own answer, which is never refused for want of
                a way: the program over there waits for it.
        """
        if self._comes_first and len(self._input) + len(data) <= MOST_TYPED_AHEAD:
            self._input += data
            return ""
        if self._link is None or not self.is_live:
            return self.not_sent()
        if typed and self.is_reconnecting and not self._keeps_offline:
            return f"{self.not_sent()} (offline-input is discard)"
        if len(self._input) + len(data) > MOST_WAITING_INPUT:
            return f"not sent: {len(self._input) >> 20} MiB of input wait for the network already"
        self._input += data
        self._to_send.set()
        return ""

    def _typed_offline(self) -> str:
        if not self._keeps_offline:
            return "what you type is not sent"
        return waiting.waits(self._sending + self._input) or "what you type is kept"

    def _opens(self) -> None:
        if self._opened_before:  # what was typed for an earlier shell does not belong to the next
            self._unsent = waiting.amount(self._sending + self._input) or self._unsent
            self._input.clear()
            self._sending = b""
        self._opened_before = True

    def _message(self) -> ConnectRequest:
        return self.request.message(*self._size)

    def _separate(self, text: str) -> None:
        unsent, self._unsent = self._unsent, ""
        if self._terminal is not None:
            self._terminal.write_separator(f"{text} · not sent: {unsent}" if unsent else text)

    async def _carry(self, link: LinkPort) -> End:
        self._resized = True  # existing agents take the size from a message only, and it may have changed since
        self._to_send.set()
        sender = self._tasks.start(self._send_input(link), f"input to {self.agent}")
        try:
            return await self._show_output(link)
        finally:
            sender.cancel()

    async def _show_output(self, link: LinkPort) -> End:
        """Feed the terminal until the link ends; return why it did.

        Asking for a message says that those before it are done with, and gives the sender credit. So nobody asks before
        the terminal has parsed them, but for the little that `Terminal.feed` lets wait so that its thread never idles:
        credit is a promise that a program stops when this terminal does.
        """
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
                while self._resized or self._input:
                    # What the link has been given comes before all that follows: on a slow line, and while there is
                    # none, everything stays here, where sizes replace one another and a person sees how much waits.
                    most = await link.room()
                    if self._resized:
                        self._resized = False
                        rows, cols = self._size
                        await link.send(Msg(type=MsgType.shell_resize, sresize=ShellResize(rows=rows, cols=cols)))
                        continue
                    self._sending = bytes(self._input[:most])
                    del self._input[:most]
                    await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=self._sending)))
                    self._sending = b""
        except LinkEndedError:
            return  # whoever reads the link says what happened
