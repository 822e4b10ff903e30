"""The queue of input to a desktop: moves are replaced by the newest, and turns of the wheel are added up."""

# Why: docs/decisions/056-desktops-out-of-reach.md

from collections import deque

from natpass_wire.pb.desktop_pb2 import VncClipboard, VncControl, VncHold, VncKeyboard, VncMouse, VncScroll, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

#: Messages that may wait for a slow network: more than a person types in a minute. Beyond it input is refused, and the
#: user is told. Releases are always taken: a key must not stay down (each has a press that was taken before).
MOST_WAITING = 512
_INPUT = frozenset({MsgType.vnc_keyboard, MsgType.vnc_mouse, MsgType.vnc_scroll, MsgType.vnc_cad})


class DesktopOutbox:
    """The input that waits to be sent."""

    def __init__(self) -> None:
        self._waiting: deque[Msg] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether presses are refused."""
        return len(self._waiting) >= MOST_WAITING

    @property
    def is_move_next(self) -> bool:
        """Whether only a move of the pointer waits: a newer one would replace it."""
        return len(self._waiting) == 1 and _is_move(self._waiting[0])

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()

    def forget_input(self) -> None:
        """Forget keys, buttons, the pointer and the wheel."""
        self._waiting = deque(message for message in self._waiting if message.type not in _INPUT)

    def take(self) -> Msg | None:
        """Return the next message, None if there is none."""
        return self._waiting.popleft() if self._waiting else None

    def key(self, name: str, *, down: bool, mark: int = 0) -> None:
        """Press or release a key; `mark`: the input's mark, to measure latency."""
        keyboard = VncKeyboard(type=_status(down), key=name, mark=mark)
        self._waiting.append(Msg(type=MsgType.vnc_keyboard, vkbd=keyboard))

    def button(self, button: VncMouse.Button, x: int, y: int, *, down: bool, mark: int = 0) -> None:
        """Press or release a button of the mouse, at a pixel of the remote screen.

        A move before it is kept: a drag with only a start and an end moves nothing.
        """
        mouse = VncMouse(type=_status(down), btn=button, x=x, y=y, mark=mark)
        self._waiting.append(Msg(type=MsgType.vnc_mouse, vmouse=mouse))

    def move(self, x: int, y: int) -> None:
        """Move the pointer to a pixel of the remote screen."""
        if self._waiting and _is_move(self._waiting[-1]):
            self._waiting.pop()
        self._waiting.append(Msg(type=MsgType.vnc_mouse, vmouse=VncMouse(x=x, y=y)))

    def scroll(self, x: int, y: int, mark: int = 0) -> None:
        """Turn the wheel: notches to the right and up."""
        if self._waiting and self._waiting[-1].type == MsgType.vnc_scroll:
            last = self._waiting[-1].vscroll
            last.x, last.y, last.mark = last.x + x, last.y + y, mark or last.mark
        else:
            self._waiting.append(Msg(type=MsgType.vnc_scroll, vscroll=VncScroll(x=x, y=y, mark=mark)))

    def hold(self, released: int) -> None:
        """Renew the lease on held keys and buttons; `released`: the last release that we know of."""
        if not self._waiting or self._waiting[-1].type != MsgType.vnc_hold:
            self._waiting.append(Msg(type=MsgType.vnc_hold))
        self._waiting[-1].vnc_hold.CopyFrom(VncHold(released=released))

    def secure_attention(self) -> None:
        """Ctrl+Alt+Del."""
        self._waiting.append(Msg(type=MsgType.vnc_cad))

    def control(self, control: VncControl) -> None:
        """Change how the desktop is sent; also requests all of it."""
        self._waiting = deque(message for message in self._waiting if message.type != MsgType.vnc_ctrl)
        self._waiting.append(Msg(type=MsgType.vnc_ctrl, vctrl=control))

    def set_clipboard(self, text: str) -> None:
        """Put a text on the remote clipboard."""
        clipboard = VncClipboard(set=True, type=VncClipboard.text, data=text)
        self._waiting.append(Msg(type=MsgType.vnc_clipboard, vclipboard=clipboard))

    def get_clipboard(self) -> None:
        """Request the text on the remote clipboard."""
        self._waiting.append(
            Msg(type=MsgType.vnc_clipboard, vclipboard=VncClipboard(set=False, type=VncClipboard.text))
        )


def _is_move(message: Msg) -> bool:
    return message.type == MsgType.vnc_mouse and message.vmouse.type == VncStatus.vnc_status_unset


def _status(down: bool) -> VncStatus:
    return VncStatus.vnc_down if down else VncStatus.vnc_up
