"""A desktop tab: draws the pictures from a link to an agent, and sends keys, pointer and clipboard."""

import asyncio
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from natpass_tui.links.desktop import KIND
from natpass_tui.links.desktop.controls import DesktopControls
from natpass_tui.links.desktop.pump import ScreenPump
from natpass_tui.links.desktop.request import DesktopRequest
from natpass_tui.links.desktop.viewer import Viewer
from natpass_tui.links.in_flight import UNANSWERED_SECONDS
from natpass_tui.links.life import Live
from natpass_tui.model.relay_port import LinkOpener
from natpass_tui.pixels.scaling import Placement
from natpass_tui.waking import LoopWaker
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.durations import elapsed
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd

WORDS = KIND.words
#: Seconds that a closing tab waits to send releases; agents release everything anyway when the link ends.
_LAST_WORDS = 0.5


class DesktopTab(DesktopControls):
    """A tab with an agent's desktop, and with those that follow it.

    Args:
        relay: opens the links.
        agent: the agent's id.
        request: the parameters of the desktop.
        on_change: called after each change of `state` or `activity`.
        clock: Unix seconds.
    """

    words = WORDS

    def __init__(
        self,
        relay: LinkOpener,
        agent: str,
        request: DesktopRequest | None = None,
        *,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(relay, agent, on_change=on_change, clock=clock)
        self.request = request or DesktopRequest()
        self._sending: asyncio.Task[None] | None = None
        self._began_at: float | None = None
        self._room = asyncio.Event()
        self._failed: asyncio.Future[str] | None = None
        self._waker = LoopWaker(self._woken)
        self._pump = ScreenPump(self._waker)
        self._was_unanswered = False

    # the picture

    def attach(self, viewer: Viewer, rows: int, cols: int) -> None:
        """Begin, with a view of this size."""
        self._viewer = viewer
        self._waker.begin()
        with self._pump.screen() as screen:
            screen.fit(rows, cols)
        self.begin()

    def resize(self, rows: int, cols: int) -> None:
        """Set the view's size; request everything again if more detail can be shown."""
        with self._pump.screen() as screen:
            screen.fit(rows, cols)
        self._ask_if_coarse()
        self._viewer.picture_changed()

    def picture(self) -> NDArray[np.uint8] | None:
        """Return the view's pixels: shape (2 * rows, cols, 3). None while there is no picture."""
        with self._pump.screen() as screen:
            return screen.picture()

    @property
    def screen_size(self) -> tuple[int, int] | None:
        """Width and height of the remote screen in its own pixels, None while unknown."""
        with self._pump.screen() as screen:
            return screen.size

    @property
    def placement(self) -> Placement | None:
        """The position of the remote screen in the view, None while unknown."""
        with self._pump.screen() as screen:
            return screen.placement

    @property
    def waited(self) -> float:
        """Seconds since the agent accepted this link; 0 before."""
        return self._now() - self._began_at if self._began_at is not None else 0.0

    def change(self, request: DesktopRequest) -> None:
        """Change the desktop's parameters, for this link and later ones."""
        if request.fps != self.request.fps:
            self.meter.restart()
        self.request = request
        if self.is_live:
            self._sender.outbox.control(request.control())
            self._sender.wake()
        self._viewer.status_changed()

    def redraw(self) -> None:
        """Request the whole desktop again."""
        self.change(self.request)

    # unanswered input

    def unanswered_for(self) -> float:
        """Return for how many seconds the agent has not taken input, 0.0 while that is normal."""
        if not isinstance(self.state, Live) or self._link is None:
            return 0.0
        seconds = self._sender.unanswered(self._link)
        return seconds if seconds >= UNANSWERED_SECONDS else 0.0

    def look(self) -> None:
        """Check whether input is answered. Call it several times in `UNANSWERED_SECONDS`."""
        seconds = self.unanswered_for()
        if seconds or self._was_unanswered:
            self._was_unanswered = bool(seconds)
            self._on_change()

    @property
    def mark(self) -> str:
        """One character for the state in the tab bar; without an answer the one of a desktop out of reach."""
        return super().mark or ("~" if self.unanswered_for() else "")

    @property
    def is_in_trouble(self) -> bool:
        """Whether the banner should stand out."""
        return super().is_in_trouble or bool(self.unanswered_for())

    def banner(self, prefix: str) -> str:
        """Return the banner; for a live desktop: unanswered input."""
        seconds = self.unanswered_for()
        if not seconds or self.unanswered:  # the pane says that the relay does not answer
            return super().banner(prefix)
        who = f" from {self.agent}" if self.shows_life(seconds) is False else ""
        return f"no answer{who} for {elapsed(seconds)} — what you do here waits"

    # LinkTab

    def close(self) -> None:
        """Release everything, and end the desktop and the tab."""
        if self._link is not None and not self._closed:
            self.release_all()
        self._closed = True
        self._cancel_retry()
        self._sender.finish()
        if self._link is not None and (self._sending is None or self.is_reconnecting):
            self._link.close()  # without sending more; the agent releases everything when the link ends

    async def closed(self) -> None:
        """Close, and wait until all tasks of this tab have ended."""
        self.close()
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=_LAST_WORDS)
        if self._link is not None:
            self._link.close()
        await self._tasks.close()
        self._waker.end()
        self._pump.close()

    def _message(self) -> ConnectRequest:
        return self.request.message()

    def _separate(self, text: str) -> None:
        self._viewer.remark(text)

    def _out_of_reach(self) -> None:
        self.release_all()  # the agent will do so soon: latched keys must not look held
        self.meter.restart()

    async def _carry(self, link: Link) -> End:
        self._sender.restart()
        self._pump.restart()
        self.meter.restart()
        self._began_at = self._now()
        self._room.set()
        self._failed = asyncio.get_running_loop().create_future()
        self._sending = self._tasks.start(self._sender.run(link), f"input to {self.agent}")
        receiver = self._tasks.start(self._receive(link), f"pictures of {self.agent}")
        try:
            await asyncio.wait([receiver, self._failed], return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                fault = f"{self.agent} sent an invalid image: {self._failed.result()}"
                return End(LinkEnd.FAILED, fault)
            end: End = receiver.result()
            return end
        finally:
            receiver.cancel()
            self._sending.cancel()
            self._sending = self._failed = None
            self._forget_holds()  # the agent has released everything with the link
            self._clipboard_asked = self._began_at = None
            self._viewer.status_changed()

    async def _receive(self, link: Link) -> End:
        """Receive until the link ends; return why it ended.

        Asking for a message gives the sender credit for the earlier ones: they are drawn by then, or will be very soon.
        """
        try:
            while True:
                message = await link.receive()
                match message.type:
                    case MsgType.vnc_image:
                        self.meter.received(message.ByteSize(), self._now())
                        self._pump.put(message.vimg)
                        if self._pump.is_full:
                            self._room.clear()
                            await self._room.wait()
                    case MsgType.vnc_frame:
                        self._sender.agent_knows_holds()
                        self._pump.put(message.vnc_frame)
                    case MsgType.vnc_hold:
                        self._released_there(message.vnc_hold.released)
                    case MsgType.vnc_clipboard:
                        self._take_clipboard(message.vclipboard)
                    case _:
                        continue  # not a message to show
        except LinkEndedError as error:
            return error.end

    def _woken(self) -> None:
        drawn = self._pump.collect()
        if not self._pump.is_full:
            self._room.set()
        if drawn.error and self._failed is not None and not self._failed.done():
            self._failed.set_result(drawn.error)
        for frame in drawn.frames:
            self.meter.frame(frame.mark, frame.rects, self._now())
        if drawn.is_due:
            self._viewer.picture_changed()
        self._ask_if_coarse()

    def _ask_if_coarse(self) -> None:
        """Request everything again if more detail can be shown."""
        with self._pump.screen() as screen:
            coarse, screen.is_coarse = screen.is_coarse, False
        if coarse:
            self.redraw()
