"""One desktop tab: it draws what comes over a link to an agent, and sends keys, pointer and clipboard."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from natpass_tui.links.desktop.keys import Keyboard, KeyEvent, Latch, Stroke, for_existing, stroke
from natpass_tui.links.desktop.meter import Meter
from natpass_tui.links.desktop.outbox import Outbox
from natpass_tui.links.desktop.pump import ScreenPump
from natpass_tui.links.desktop.request import LEASE_SECONDS, DesktopRequest
from natpass_tui.links.life import Words
from natpass_tui.links.tab import LinkTab
from natpass_tui.pixels.scaling import Placement
from natpass_tui.session.relay_port import LinkOpener, LinkPort
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.links import End
from natpass_wire.pb.desktop_pb2 import VncClipboard, VncMouse
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from natpass_wire.text import printable

WORDS = Words(noun="desktop", at="of", ends_with_tab=False)
#: Bytes of clipboard text in one message (docs/wire.md §5).
MOST_CLIPBOARD_BYTES = 60 * 1024
#: Seconds in which an answer about the clipboard is taken for one that the user asked for.
_CLIPBOARD_SECONDS = 10.0
#: Seconds between two moves of the pointer: as often as a fast screen is drawn.
_MOVE_SECONDS = 1 / 50
#: Seconds that a tab which closes waits for releases to be sent; agents release everything when the link ends anyway.
_LAST_WORDS = 0.5
#: What is held is renewed so often, where nothing else is sent: half of the lease.
RENEW_SECONDS = LEASE_SECONDS / 2
_SLOW = "not sent: the network takes no more input"


class Viewer(Protocol):
    """Who shows a desktop. All calls come from the event loop."""

    def picture_changed(self) -> None:
        """There is something new to draw."""

    def status_changed(self) -> None:
        """Latched keys, or how the desktop is sent, are different."""

    def remark(self, text: str) -> None:
        """Say something to the user in passing; safe to print."""

    def copy(self, text: str) -> None:
        """Put a text that the user asked for on the user's clipboard; it is the remote's: not safe to print."""


class _Nobody:
    def picture_changed(self) -> None: ...
    def status_changed(self) -> None: ...
    def remark(self, text: str) -> None: ...
    def copy(self, text: str) -> None: ...


class DesktopSession(LinkTab):
    """A desktop of an agent, and the ones that follow it in the same tab.

    Args:
        relay: opens the links.
        agent: the agent's id.
        request: how the desktop is to be sent.
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
        self.meter = Meter()
        self._viewer: Viewer = _Nobody()
        self._keyboard = Keyboard()
        self._outbox = Outbox()
        self._to_send = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._buttons: dict[VncMouse.Button, tuple[int, int]] = {}
        self._clipboard_asked: float | None = None
        self._knows_holds = False  # the agent has sent what only our agents send
        self._releases = 0  # by the agent, because it did not hear from us
        self._began_at: float | None = None
        self._room = asyncio.Event()
        self._failed: asyncio.Future[str] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context = contextvars.Context()  # the viewer's: the decoder's thread has none of it
        self._pump = ScreenPump(self._wake_from_thread)

    # the picture

    def attach(self, viewer: Viewer, rows: int, cols: int) -> None:
        """Begin: from now on there is a view of this size to show the desktop in."""
        self._viewer = viewer
        self._context = contextvars.copy_context()
        self._loop = asyncio.get_running_loop()
        with self._pump.screen() as screen:
            screen.fit(rows, cols)
        self.begin()

    def resize(self, rows: int, cols: int) -> None:
        """Show the desktop in a view of another size; asks for it anew where more can be shown than is known."""
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
        """Where the remote screen lies in the view, None while unknown."""
        with self._pump.screen() as screen:
            return screen.placement

    @property
    def waited(self) -> float:
        """Seconds since this link's desktop was granted; 0 while there is none."""
        return self._now() - self._began_at if self._began_at is not None else 0.0

    def change(self, request: DesktopRequest) -> None:
        """Have the desktop sent in another way from now on, also after it was lost."""
        if request.fps != self.request.fps:
            self.meter.restart()
        self.request = request
        if self.is_live:
            self._outbox.control(request.control())
            self._to_send.set()
        self._viewer.status_changed()

    def redraw(self) -> None:
        """Ask for the whole desktop anew."""
        self.change(self.request)

    # the keyboard; what can't be sent is said to the viewer

    @property
    def latches(self) -> dict[str, Latch]:
        """The modifiers that are latched."""
        return self._keyboard.latches

    def type(self, key: str, character: str | None) -> None:
        """Send a key of the terminal, named as Textual does."""
        typed = stroke(key, character)
        if typed is None:
            self._viewer.remark(f"no key of a desktop: {printable(key, 40)}")
        else:
            self.press(typed)

    def press(self, typed: Stroke) -> None:
        """Press and release a key with its modifiers and the latched ones."""
        if self._link is not None and self._link.is_plain:
            known = for_existing(typed)
            if known is None:
                pasting = "; to put it on its clipboard, paste it here" if len(typed.key) == 1 else ""
                key = printable(typed.key, 40)
                self._viewer.remark(f"{key} is not sent: {self.agent} types US keys only{pasting}")
                return
            typed = known
        if self._can_send():
            self._send_keys(self._keyboard.type(typed), self.meter.asked(self._now()))

    def latch(self, modifier: str) -> None:
        """Latch a modifier for the next key or click; a second time: hold it down; a third time: release it."""
        if self._can_send():
            self._send_keys(self._keyboard.latch(modifier))

    def secure_attention(self) -> None:
        """Send Ctrl+Alt+Del."""
        if self._can_send():
            self._outbox.secure_attention()
            self._to_send.set()

    def release_all(self) -> None:
        """Release every key and button: nobody looks any more."""
        for button, at in self._buttons.items():
            self._outbox.button(button, *at, down=False)
        self._buttons.clear()
        self._send_keys(self._keyboard.release_all())

    # the pointer, in cells of the view

    def move(self, row: int, col: int) -> None:
        """Move the pointer; while a button is down it stays on the screen."""
        at = self._at(row, col)
        if at is not None and self._link is not None and self.is_live:  # of moves that wait only the last is sent
            self._buttons = dict.fromkeys(self._buttons, at)
            self._outbox.move(*at)
            self._to_send.set()

    def button_down(self, button: VncMouse.Button, row: int, col: int, modifiers: tuple[str, ...] = ()) -> None:
        """Press a button; modifiers are held until it is released."""
        at = self._at(row, col)
        if at is not None and self._can_send():
            self._send_keys(self._keyboard.press(modifiers))
            self._buttons[button] = at
            self._outbox.button(button, *at, down=True, mark=self.meter.asked(self._now()))

    def button_up(self, button: VncMouse.Button, row: int, col: int) -> None:
        """Release a button, if it was pressed here."""
        if button in self._buttons:
            at = self._at(row, col) or self._buttons[button]
            del self._buttons[button]
            self._outbox.button(button, *at, down=False)
            self._send_keys(self._keyboard.release())

    def wheel(self, x: int, y: int, row: int, col: int) -> None:
        """Turn the wheel: notches to the right and up."""
        at = self._at(row, col)
        if at is not None and self._can_send():
            self._outbox.move(*at)
            self._outbox.scroll(x, y, self.meter.asked(self._now()))
            self._to_send.set()

    # the clipboard

    def send_clipboard(self, text: str) -> None:
        """Put a text on the remote clipboard."""
        size = len(text.encode())
        if size > MOST_CLIPBOARD_BYTES:
            self._viewer.remark(f"not sent: {size / 1024:.0f} KiB of text, the clipboard takes 60")
        elif self._can_send():
            self._outbox.set_clipboard(text)
            self._to_send.set()
            self._viewer.remark(f"{len(text)} characters are on the clipboard of {self.agent}: paste them there")

    def get_clipboard(self) -> None:
        """Ask for the text on the remote clipboard; `Viewer.copy` gets it."""
        if self._can_send():
            self._clipboard_asked = self._now()
            self._outbox.get_clipboard()
            self._to_send.set()

    # LinkTab

    def close(self) -> None:
        """Release what is pressed, end the desktop, and the tab."""
        if self._link is not None and not self._closed:
            self.release_all()
        self._closed = True
        self._cancel_retry()
        self._to_send.set()
        if self._link is not None and (self._sender is None or self.is_reconnecting):
            self._link.close()  # nothing else is sent first; the agent releases everything with the link

    async def closed(self) -> None:
        """Close, and wait until nothing of this tab runs any more."""
        self.close()
        if self._sender is not None:
            await asyncio.wait([self._sender], timeout=_LAST_WORDS)
        if self._link is not None:
            self._link.close()
        await self._tasks.close()
        self._loop = None
        self._pump.close()

    def _message(self) -> ConnectRequest:
        return self.request.message()

    def _separate(self, text: str) -> None:
        self._viewer.remark(text)

    def _out_of_reach(self) -> None:
        self.release_all()  # so does the agent, before long: what is latched must not look held
        self.meter.restart()

    async def _carry(self, link: LinkPort) -> End:
        self._outbox.clear()
        self._pump.restart()
        self.meter.restart()
        self._knows_holds, self._releases = False, 0
        self._began_at = self._now()
        self._room.set()
        self._failed = asyncio.get_running_loop().create_future()
        self._sender = self._tasks.start(self._send_input(link), f"input to {self.agent}")
        receiver = self._tasks.start(self._receive(link), f"pictures of {self.agent}")
        try:
            await asyncio.wait([receiver, self._failed], return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                fault = f"{self.agent} sent a picture that is none: {self._failed.result()}"
                return End(LinkEnd.FAILED, fault)
            end: End = receiver.result()
            return end
        finally:
            receiver.cancel()
            self._sender.cancel()
            self._sender = self._failed = None
            self._keyboard.release_all()  # the agent has released them with the link
            self._buttons.clear()
            self._clipboard_asked = self._began_at = None
            self._viewer.status_changed()

    async def _receive(self, link: LinkPort) -> End:
        """Take what comes until the link ends; return why it did.

        Asking for a message gives the sender credit for those before: they are drawn by then, or will be very soon.
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
                        if not self._knows_holds:
                            self._knows_holds = True
                            self._to_send.set()
                        self._pump.put(message.vnc_frame)
                    case MsgType.vnc_hold:
                        self._released_there(message.vnc_hold.released)
                    case MsgType.vnc_clipboard:
                        self._take_clipboard(message.vclipboard)
                    case _:
                        continue  # of other types there is nothing to show
        except LinkEndedError as error:
            return error.end

    async def _send_input(self, link: LinkPort) -> None:
        """Send what waits until the link ends, or the tab closes and nothing waits."""
        moved = 0.0
        try:
            while True:
                if not len(self._outbox):
                    if self._closed:
                        link.close()
                        return
                    self._to_send.clear()
                    if not await self._more_to_send():
                        self._outbox.hold(self._releases)
                    continue
                if self._outbox.is_move_next and (rest := moved + _MOVE_SECONDS - self._now()) > 0:
                    await self._wait_for_more(rest)
                message = self._outbox.take()
                if message is not None:
                    if message.type == MsgType.vnc_mouse:
                        moved = self._now()
                    await link.send(message)
        except LinkEndedError:
            return  # whoever reads the link says what happened

    async def _more_to_send(self) -> bool:
        """Wait for something to send; return False if what is held has to be renewed first."""
        holding = self._knows_holds and (self._keyboard.is_holding or bool(self._buttons))
        try:
            async with asyncio.timeout(RENEW_SECONDS if holding else None):
                await self._to_send.wait()
        except TimeoutError:
            return False
        return True

    def _released_there(self, releases: int) -> None:
        """Take note that the agent did not hear from us, and released everything: say that we know."""
        self._releases = releases
        self._keyboard.release_all()
        self._buttons.clear()
        self._outbox.forget_input()
        self._outbox.hold(releases)
        self._to_send.set()
        self._viewer.status_changed()
        self._viewer.remark(
            f"the connection to {self.agent} stood still: what you held is released there, and what you typed and "
            "clicked meanwhile was not done"
        )

    async def _wait_for_more(self, seconds: float) -> None:
        """Wait for a newer position, but no longer than for the next move's turn, and not if something else comes."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._outbox.is_move_next and not self._closed and (rest := until - loop.time()) > 0:
            self._to_send.clear()
            try:
                async with asyncio.timeout(rest):
                    await self._to_send.wait()
            except TimeoutError:
                return

    def _take_clipboard(self, clipboard: VncClipboard) -> None:
        if clipboard.notice:
            self._viewer.remark(f"{self.agent}: {printable(clipboard.notice)}")
        if not clipboard.set:
            return
        asked, self._clipboard_asked = self._clipboard_asked, None
        if clipboard.notice and not clipboard.data:
            return
        if asked is None or self._now() - asked > _CLIPBOARD_SECONDS:
            self._viewer.remark(f"{self.agent} wants to write to your clipboard: not done, nobody asked for it")
        elif not clipboard.data:
            self._viewer.remark(f"there is no text on the clipboard of {self.agent}")
        else:
            self._viewer.copy(clipboard.data)

    def _can_send(self) -> bool:
        """Tell whether input can be sent; say why not.

        What is typed or clicked at a picture that has stopped is not kept for later: the screen over there goes on, and
        what was a text field may be a question by then.
        """
        if self._link is None or not self.is_live or self.is_reconnecting:
            self._viewer.remark(self.not_sent())
            return False
        if self._outbox.is_full:
            self._viewer.remark(_SLOW)
            return False
        return True

    def _send_keys(self, events: Iterable[KeyEvent], mark: int = 0) -> None:
        events = list(events)
        last = max((at for at, (_, down) in enumerate(events) if down), default=-1)  # the key inside its modifiers
        for at, (name, down) in enumerate(events):
            self._outbox.key(name, down=down, mark=mark if at == last else 0)
        self._to_send.set()
        self._viewer.status_changed()

    def _at(self, row: int, col: int) -> tuple[int, int] | None:
        """Return the remote pixel of a cell; beside the screen there is one only while a button is down."""
        placement = self.placement
        if placement is None:
            return None
        return placement.nearest(row, col) if self._buttons else placement.to_screen(row, col)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _wake_from_thread(self) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._woken, context=self._context)
            except RuntimeError:
                self._loop = None  # the program ended between the two lines above

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
        """Ask for everything anew if more could be shown than is known."""
        with self._pump.screen() as screen:
            coarse, screen.is_coarse = screen.is_coarse, False
        if coarse:
            self.redraw()
