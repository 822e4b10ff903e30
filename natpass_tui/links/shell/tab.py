"""A shell tab: carries bytes between a link to an agent and a terminal."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from natpass_tui.links.in_flight import UNANSWERED_SECONDS, InFlight
from natpass_tui.links.life import Live, Lost, TabOpening, Waiting
from natpass_tui.links.long_request import LongRequest, refusal_of
from natpass_tui.links.shell import waiting
from natpass_tui.links.shell.outbox import Piece, ShellOutbox
from natpass_tui.links.shell.pasting import LARGE_BYTES, Pasting
from natpass_tui.links.shell.state import WORDS
from natpass_tui.links.tab import LinkTab
from natpass_tui.model.relay_port import LinkOpener
from natpass_tui.terminal.source import InputSource
from natpass_tui.tty.request import ShellRequest
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.durations import elapsed
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.shell_pb2 import ShellData, ShellResize

#: Bytes of input, without pastes, that may wait for the network; more is refused, and the user is told.
MOST_WAITING_INPUT = 4 * 1024 * 1024

#: Bytes that may be typed before the first shell opens: a command or two, as with ssh.
MOST_TYPED_AHEAD = 4 * 1024

#: Seconds between two checks for an answer, once there was none for a while.
_LOOK_SECONDS = 0.25

_ON_THE_WIRE = {
    InputSource.TYPED: ShellData.TYPED,
    InputSource.ANSWER: ShellData.ANSWER,
    InputSource.SCREEN: ShellData.SCREEN,
    InputSource.PRESS: ShellData.PRESS,
    InputSource.RELEASE: ShellData.RELEASE,
}


class Terminal(Protocol):
    """The terminal that takes a shell's output."""

    @property
    def fed(self) -> int:
        """Bytes that were fed so far, with our own lines."""
        ...

    async def feed(self, data: bytes) -> None:
        """Show output; wait until all but a little of it is parsed."""

    def write_separator(self, text: str) -> None:
        """Show our own line between two shells."""


class ShellTab(LinkTab):
    """A tab with a shell on an agent, and with those that follow it.

    Args:
        relay: opens the links.
        agent: the agent's id.
        request: the program.
        keeps_offline: whether input typed while the link is out of reach waits; otherwise it is refused.
        on_change: called after each change of `state`, `title`, `activity` or `bell`.
        clock: Unix seconds.
        monotonic: a monotonic clock in seconds.
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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(relay, agent, on_change=on_change, clock=clock)
        self.request = request or ShellRequest()
        self._terminal: Terminal | None = None
        self._size = (0, 0)
        self._keeps_offline = keeps_offline
        self._monotonic = monotonic
        self._outbox = ShellOutbox()
        self._paste = Pasting()
        self._released: dict[int, tuple[bytes, int]] = {}  # buttons to release after the paste
        self._in_flight = InFlight()
        self._not_taken = bytearray()  # typed input that earlier shells may not have taken
        self._discarded = bytearray()  # typed input that was refused since the link is out of reach
        self._refused_keys = 0  # keys refused since then
        self._begins_at = 0  # the terminal's count of fed bytes at the start of the current shell
        self._look_timer: asyncio.TimerHandle | None = None
        self._was_unanswered: tuple[bool, bool | None] = False, None  # and whether the agent shows life
        self._opened_before = False
        self._resized = False
        self._to_send = asyncio.Event()

    def attach(self, terminal: Terminal, rows: int, cols: int) -> None:
        """Begin, with a terminal of this size."""
        self._terminal = terminal
        self._size = (rows, cols)
        self.begin()

    def resize(self, rows: int, cols: int) -> None:
        """Tell the shell the terminal's new size."""
        if (rows, cols) != self._size:
            self._size = (rows, cols)
            self._resized = True
            self._to_send.set()

    @property
    def has_work(self) -> bool:
        """Whether closing the tab would lose something: a shell, or input typed for one."""
        return super().has_work or (self._comes_first and bool(self._outbox))

    @property
    def takes_keys(self) -> bool:
        """Whether typed input is for the remote, now or soon."""
        return self.is_live or self._comes_first

    @property
    def _comes_first(self) -> bool:
        """Whether a shell is opening, or the tab has not begun: input typed now is for that shell."""
        return self.state == TabOpening() or not self._begun

    def send(self, data: bytes, source: InputSource = InputSource.TYPED, seen: int = 0, button: int = 0) -> str:
        """Send input; return why it was not sent, empty if it was (or will be).

        Args:
            data: the bytes.
            source: its source. Without a connection only typed input is refused: other input may still go out in time.
            seen: fed bytes that the terminal had parsed: input that was not typed reacts to them.
            button: the mouse button of a press or a release.
        """
        typed = source is InputSource.TYPED
        if typed and self._comes_first and self._outbox.size + len(data) <= MOST_TYPED_AHEAD:
            self._put(data, source, 0)
            return ""
        if self._link is None or not self.is_live:
            self._outbox.refused(source, button)
            return self._refuse(data, typed=typed)
        if typed and self.is_reconnecting and not self._keeps_offline:
            self._discarded += data[: MOST_WAITING_INPUT - len(self._discarded)]
            return f"{self.not_sent()} (offline-input is discard)"
        if typed and (self._paste or len(data) > LARGE_BYTES):
            why = self._paste.put(data)
            self._to_send.set()
            self._on_change()
            return why
        if self._paste:  # within a paste the program would take this for pasted text
            if not self._outbox.refused(source, button) and source is InputSource.RELEASE:
                self._released[button] = data, seen
            return ""
        if self._outbox.size + len(data) > MOST_WAITING_INPUT:
            self._outbox.refused(source, button)
            return f"not sent: {self._outbox.size / 1e6:.1f} MB of input wait for the network already"
        if typed or seen > self._begins_at:  # otherwise it is for a shell that has ended
            self._put(data, source, max(seen - self._begins_at, 0), button)
        else:
            self._outbox.refused(source, button)
        return ""

    def _put(self, data: bytes, source: InputSource, seen: int, button: int = 0) -> None:
        self._outbox.put(data, source, seen, self._monotonic(), button)
        self._to_send.set()
        if source is InputSource.TYPED and self._link is not None:
            self._look_later(UNANSWERED_SECONDS)

    def _refuse(self, data: bytes, *, typed: bool) -> str:
        if typed and self._opens_by_itself:
            self._not_taken += data
        return self.not_sent()

    def key_refused(self) -> None:
        """Count a key that was not sent: the separator line reports it if a shell opens automatically."""
        self._refused_keys += self._opens_by_itself

    @property
    def _opens_by_itself(self) -> bool:
        """Whether the last shell is lost and the next one opens automatically."""
        match self.state:
            case Lost() | TabOpening(Lost()) | Waiting(Lost()):
                return True
        return False

    # unanswered input

    def unanswered_for(self) -> float:
        """Return for how many seconds typed input had no answer, 0.0 while that is normal."""
        if not isinstance(self.state, Live) or self._link is None:
            return 0.0
        now = self._monotonic()
        self._in_flight.acknowledged(self._link.unacknowledged, now)
        seconds = self._in_flight.unanswered(now, self._outbox.typed_since)
        return seconds if seconds >= UNANSWERED_SECONDS else 0.0

    @property
    def mark(self) -> str:
        """One character for the state in the tab bar; without an answer the one of a shell out of reach."""
        return super().mark or ("~" if self.unanswered_for() and not self._program_is_busy else "")

    @property
    def is_in_trouble(self) -> bool:
        """Whether the banner should stand out."""
        return super().is_in_trouble or (bool(self.unanswered_for()) and not self._program_is_busy)

    @property
    def _program_is_busy(self) -> bool:
        """Whether the agent seems to have the typed input, but the program does not read it."""
        return self._was_unanswered == (True, True)

    @property
    def _is_silent(self) -> bool:
        """Whether the agent does not answer the relay either."""
        return self._was_unanswered == (True, False)

    def banner(self, prefix: str) -> str:
        """Return the banner; for a live shell: unanswered input, or else the progress of a paste."""
        if seconds := self.unanswered_for():
            return self._unanswered_text(seconds)
        return super().banner(prefix) or self._paste.text()

    def _unanswered_text(self, seconds: float) -> str:
        """Return the text about input without an answer for so long."""
        typed = self._typed_of_all()
        if self._program_is_busy:
            stops = "; ctrl+c stops the paste" if self._paste.is_stoppable else ""
            what = waiting.waits(typed) or "input waits"
            return f"the remote program takes no input for {elapsed(seconds)} — {what}{stops}"
        who = "the relay" if self.unanswered else self.agent if self._is_silent else ""
        return f"no answer{who and f' from {who}'} for {elapsed(seconds)} — {waiting.on_their_way(typed)}"

    def _typed_of_all(self) -> waiting.Pieces:
        """Return the typed input that the agent may not have taken; not copied, so don't keep it."""
        return [*self._in_flight.typed, *self._outbox.typed, *self._paste.rest()]

    def _look_later(self, seconds: float) -> None:
        if self._look_timer is None:
            self._look_timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Check whether typed input is answered."""
        self._look_timer = None
        seconds = self.unanswered_for()
        life = self.shows_life(seconds) if seconds and not self.unanswered else None
        is_unanswered = (bool(seconds), life)
        if is_unanswered != self._was_unanswered:
            self._was_unanswered = is_unanswered
            self._on_change()
        if self._link is not None and any(self._typed_of_all()):
            self._look_later(_LOOK_SECONDS)

    def _typed_offline(self) -> str:
        if not self._keeps_offline:
            return "what you type is not sent"
        if self._link is not None:
            self._in_flight.acknowledged(self._link.unacknowledged, self._monotonic())
        return waiting.waits(self._typed_of_all()) or "what you type is kept"

    def _opens(self) -> None:
        if self._opened_before:  # input for an earlier shell is not for the next
            self._not_taken += b"".join([*self._typed_of_all(), self._discarded])
            self._discarded.clear()
            self._outbox.clear()
            self._paste.clear()
            self._released.clear()
            self._in_flight.clear()
        self._opened_before = True

    def _within_reach(self) -> None:
        self._discarded.clear()

    def _message(self) -> ConnectRequest:
        return self.request.message(*self._size)

    def _refused(self, reason: str) -> str:
        return refusal_of(reason, len(self.request.following()))

    def _separate(self, text: str) -> None:
        unsent = waiting.amount([self._not_taken], self._refused_keys)
        self._not_taken.clear()
        self._refused_keys = 0
        if self._terminal is not None:
            self._terminal.write_separator(f"{text} · not sent: {unsent}" if unsent else text)

    async def _carry(self, link: Link) -> End:
        self._begins_at = 0 if self._terminal is None else self._terminal.fed
        self._resized = True  # existing agents take the size only from a message, and it may have changed since
        self._to_send.set()
        sender = self._tasks.start(self._send_input(link), f"input to {self.agent}")
        try:
            return await self._show_output(link)
        finally:
            sender.cancel()
            self._in_flight.acknowledged(link.unacknowledged, self._monotonic())
            self._was_unanswered = False, None
            if self._look_timer is not None:
                self._look_timer.cancel()
                self._look_timer = None

    async def _show_output(self, link: Link) -> End:
        """Feed the terminal until the link ends; return why it ended.

        Asking for a message acknowledges the earlier ones, and gives the sender credit. So we ask only after the
        terminal has parsed them, except for the little that `Terminal.feed` lets wait so that its thread never idles:
        credit is a promise that a program stops when this terminal does.
        """
        try:
            while True:
                message = await link.receive()
                if message.type == MsgType.shell_data and self._terminal is not None:
                    await self._terminal.feed(message.sdata.data)
        except LinkEndedError as error:
            return error.end

    async def _send_input(self, link: Link) -> None:
        """Send the rest of the request, then input and the size, until cancelled or the link ends."""
        request = LongRequest(self.request.following())
        try:
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                while request or self._resized or self._outbox or self._paste:
                    # What the link has taken can't be overtaken. So on a slow or lost connection input stays here,
                    # where sizes replace one another and the user sees how much waits.
                    most = await link.room()
                    if request:
                        link.put(request.take(most))
                        self._sent(link, b"")
                        continue
                    if self._resized:
                        self._resized = False
                        rows, cols = self._size
                        link.put(Msg(type=MsgType.shell_resize, sresize=ShellResize(rows=rows, cols=cols)))
                        self._sent(link, b"")
                        continue
                    now = self._monotonic()
                    self._in_flight.acknowledged(link.unacknowledged, now)
                    if self._in_flight.is_stalled(now):  # input that was not typed would arrive too late
                        self._outbox.drop_moments()
                    self._paste_on(most, now)
                    if (piece := self._outbox.take(most, now)) is not None:
                        self._send_piece(link, piece)
        except LinkEndedError:
            return  # `_show_output` reports the reason

    def _paste_on(self, most: int, now: float) -> None:
        """Queue as much of a paste as goes into the next message."""
        if self._paste and self._outbox.size < most:
            self._outbox.put(self._paste.take(most - self._outbox.size), InputSource.TYPED, 0, now)
            if not self._paste:
                for button, (data, seen) in self._released.items():
                    self._outbox.put(data, InputSource.RELEASE, max(seen - self._begins_at, 0), now, button)
                self._released.clear()
                self._on_change()  # the paste's banner goes away

    def _send_piece(self, link: Link, piece: Piece) -> None:
        data = bytes(piece.data)
        typed = data if piece.source is InputSource.TYPED else b""
        message = ShellData(data=data, source=_ON_THE_WIRE[piece.source], seen=0 if typed else piece.seen)
        link.put(Msg(type=MsgType.shell_data, sdata=message))
        self._sent(link, typed)
        if typed:
            self._look_later(UNANSWERED_SECONDS)

    def _sent(self, link: Link, typed: bytes) -> None:
        """Note a message that the link has taken."""
        now = self._monotonic()
        self._in_flight.sent(typed, now)
        self._in_flight.acknowledged(link.unacknowledged, now)
