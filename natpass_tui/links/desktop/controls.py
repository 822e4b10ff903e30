"""The input of a desktop: keyboard, pointer and clipboard."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable

from natpass_tui.links.desktop.keys import (
    Keyboard,
    KeyEvent,
    KeyPress,
    Latch,
    existing_name,
    for_existing,
    is_punctuation,
    stroke,
)
from natpass_tui.links.desktop.meter import Meter
from natpass_tui.links.desktop.sender import InputSender
from natpass_tui.links.desktop.viewer import Nobody, Viewer
from natpass_tui.links.tab import LinkTab
from natpass_tui.model.relay_port import LinkOpener
from natpass_tui.pixels.scaling import Placement
from natpass_wire.pb.desktop_pb2 import VncClipboard, VncMouse
from natpass_wire.text import printable

#: The most bytes of clipboard text in one message (docs/wire.md §5).
MOST_CLIPBOARD_BYTES = 60 * 1024
#: Seconds after a request in which we accept the remote clipboard's text as its answer.
_CLIPBOARD_SECONDS = 10.0
_SLOW = "not sent: the network takes no more input"


class DesktopControls(LinkTab):
    """The input half of a desktop tab; `DesktopTab` adds the picture. The viewer is told what can't be sent.

    Args:
        relay: opens the links.
        agent: the agent's id.
        on_change: called after each change of `state` or `activity`.
        clock: Unix seconds.
    """

    def __init__(
        self,
        relay: LinkOpener,
        agent: str,
        *,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(relay, agent, on_change=on_change, clock=clock)
        self.meter = Meter()
        self._viewer: Viewer = Nobody()
        self._keyboard = Keyboard()
        self._buttons: dict[VncMouse.Button, tuple[int, int]] = {}
        self._sender = InputSender(lambda: self._keyboard.is_holding or bool(self._buttons))
        self._clipboard_asked: float | None = None
        self._told_of_punctuation = False

    @property
    @abstractmethod
    def placement(self) -> Placement | None:
        """The position of the remote screen in the view, None while unknown."""

    # the keyboard

    @property
    def latches(self) -> dict[str, Latch]:
        """The latched modifiers."""
        return self._keyboard.latches

    def type(self, key: str, character: str | None) -> None:
        """Send a key of the terminal, by Textual's name."""
        typed = stroke(key, character)
        if typed is None:
            self._viewer.remark(f"desktops have no such key: {printable(key, 40)}")
        else:
            self.press(typed)

    def press(self, typed: KeyPress) -> None:
        """Press and release a key with its modifiers and the latched ones."""
        if self._is_existing():
            known = for_existing(typed)
            if known is None:
                typing = f"{self.agent} types US keys only; to put it on its clipboard, paste it here"
                reason = typing if len(typed.key) == 1 else f"{self.agent} does not know this key"
                self._viewer.remark(f"{printable(typed.key, 40)} is not sent: {reason}")
                return
            typed = known
        if self._can_send():
            self._send_keys(self._keyboard.type(typed), self.meter.asked(self._now()))
            self._tell_of_punctuation(typed)

    def latch(self, modifier: str) -> None:
        """Latch a modifier for the next key or click; the second time: hold it down; the third time: release it."""
        if self._can_send():
            self._send_keys(self._keyboard.latch(modifier))

    def secure_attention(self) -> None:
        """Send Ctrl+Alt+Del."""
        if self._can_send():
            self._sender.outbox.secure_attention()
            self._sender.wake()

    def release_all(self) -> None:
        """Release every key and button: the view has lost the focus."""
        for button, at in self._buttons.items():
            self._sender.outbox.button(button, *at, down=False)
        self._buttons.clear()
        self._send_keys(self._keyboard.release_all())

    # the pointer, in cells of the view

    def move(self, row: int, col: int) -> None:
        """Move the pointer; while a button is down it stays on the screen."""
        at = self._at(row, col)
        if at is not None and self._link is not None and self.is_live:  # only the last of the waiting moves is sent
            self._buttons = dict.fromkeys(self._buttons, at)
            self._sender.outbox.move(*at)
            self._sender.wake()

    def button_down(self, button: VncMouse.Button, row: int, col: int, modifiers: tuple[str, ...] = ()) -> None:
        """Press a button, and hold the modifiers until it is released."""
        at = self._at(row, col)
        if at is not None and self._can_send():
            self._send_keys(self._keyboard.press(modifiers))
            self._buttons[button] = at
            self._sender.outbox.button(button, *at, down=True, mark=self.meter.asked(self._now()))

    def button_up(self, button: VncMouse.Button, row: int, col: int) -> None:
        """Release a button if it was pressed here."""
        if button in self._buttons:
            at = self._at(row, col) or self._buttons[button]
            del self._buttons[button]
            self._sender.outbox.button(button, *at, down=False)
            self._send_keys(self._keyboard.release())

    def wheel(self, x: int, y: int, row: int, col: int) -> None:
        """Turn the wheel: notches to the right and up."""
        at = self._at(row, col)
        if at is not None and self._can_send():
            self._sender.outbox.move(*at)
            self._sender.outbox.scroll(x, y, self.meter.asked(self._now()))
            self._sender.wake()

    # the clipboard

    def send_clipboard(self, text: str) -> None:
        """Put a text on the remote clipboard."""
        size = len(text.encode())
        if size > MOST_CLIPBOARD_BYTES:
            self._viewer.remark(f"not sent: {size / 1024:.0f} KiB of text, the clipboard takes 60")
        elif self._can_send():
            self._sender.outbox.set_clipboard(text)
            self._sender.wake()
            self._viewer.remark(f"{len(text)} characters are on the clipboard of {self.agent}: paste them there")

    def get_clipboard(self) -> None:
        """Request the text on the remote clipboard; `Viewer.copy` gets it."""
        if self._can_send():
            self._clipboard_asked = self._now()
            self._sender.outbox.get_clipboard()
            self._sender.wake()

    def _take_clipboard(self, clipboard: VncClipboard) -> None:
        if clipboard.notice:
            self._viewer.remark(f"{self.agent}: {printable(clipboard.notice)}")
        if not clipboard.set:
            return
        asked, self._clipboard_asked = self._clipboard_asked, None
        if clipboard.notice and not clipboard.data:
            return
        if asked is None or self._now() - asked > _CLIPBOARD_SECONDS:
            self._viewer.remark(f"{self.agent} wants to write to your clipboard: not done, you did not ask for it")
        elif not clipboard.data:
            self._viewer.remark(f"there is no text on the clipboard of {self.agent}")
        else:
            self._viewer.copy(clipboard.data)

    # releases by both ends

    def _forget_holds(self) -> None:
        """Note that the agent has released everything."""
        self._keyboard.release_all()
        self._buttons.clear()

    def _released_there(self, releases: int) -> None:
        """Note, and confirm, that the agent released everything because it did not hear from us."""
        self._forget_holds()
        self._sender.released_there(releases)
        self._viewer.status_changed()
        self._viewer.remark(
            f"the connection to {self.agent} stood still: what you held is released there, and what you typed and "
            "clicked meanwhile was dropped"
        )

    def _can_send(self) -> bool:
        """Return whether input can be sent; if not, tell the user why.

        Input for a stopped picture is not kept for later: the remote screen changes meanwhile, and a text field may
        have become a question.
        """
        if self._link is None or not self.is_live or self.is_reconnecting:
            self._viewer.remark(self.not_sent())
            return False
        if self._sender.outbox.is_full:
            self._viewer.remark(_SLOW)
            return False
        return True

    def _is_existing(self) -> bool:
        """Return whether the agent may be an existing one: so is each behind a plain link."""
        return self._link is not None and self._link.is_plain

    def _tell_of_punctuation(self, typed: KeyPress) -> None:
        """Say once what an existing agent does not say: that it may have ignored this key."""
        if self._is_existing() and is_punctuation(typed) and not self._told_of_punctuation:
            self._told_of_punctuation = True
            self._viewer.remark(
                f"an existing natpass agent on Linux types letters and digits only; to put text on the clipboard of "
                f"{self.agent}, paste it here"
            )

    def _send_keys(self, events: Iterable[KeyEvent], mark: int = 0) -> None:
        events = list(events)
        last = max((at for at, (_, down) in enumerate(events) if down), default=-1)  # the key inside its modifiers
        is_existing = self._is_existing()
        for at, (name, down) in enumerate(events):
            sent = existing_name(name) if is_existing else name
            self._sender.outbox.key(sent, down=down, mark=mark if at == last else 0)
        self._sender.wake()
        self._viewer.status_changed()

    def _at(self, row: int, col: int) -> tuple[int, int] | None:
        """Return the remote pixel of a cell; outside the screen None, or its edge while a button is down."""
        placement = self.placement
        if placement is None:
            return None
        return placement.nearest(row, col) if self._buttons else placement.to_screen(row, col)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
