"""The requests of X's extension XKEYBOARD that typing needs; python-xlib lacks them.

Numbers and layouts: "The X Keyboard Extension: Protocol Specification", appendix "Protocol encoding".
"""

from typing import Any

from Xlib.display import Display
from Xlib.protocol import rq

from natpass_agent.links.desktop.worker.errors import DesktopError
from natpass_agent.links.desktop.worker.input.keymap import Keymap
from natpass_agent.links.desktop.worker.input.state import KeyboardState
from natpass_agent.links.desktop.worker.input.xkb_map import PARTS, parse_map

EXTENSION = "XKEYBOARD"
_CORE_KEYBOARD = 0x100
#: Events: another keyboard is in use, and the keyboard's map has changed.
_EVENTS = 0b11
#: The details of these that we select: keycodes; types, keysyms and modifiers.
_NEW_KEYBOARD_DETAILS = 0b101
_MAP_DETAILS = PARTS


class _UseExtension(rq.ReplyRequest):
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(0), rq.RequestLength(), rq.Card16("major"), rq.Card16("minor"))
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Card8("supported"),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Card16("major"),
        rq.Card16("minor"),
        rq.Pad(20),
    )


class _SelectEvents(rq.Request):
    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(1),
        rq.RequestLength(),
        rq.Card16("device"),
        rq.Card16("which"),
        rq.Card16("clear"),
        rq.Card16("select_all"),
        rq.Card16("affect_map"),
        rq.Card16("map"),
        rq.Card16("affect_new_keyboard"),
        rq.Card16("new_keyboard"),
    )


class _GetState(rq.ReplyRequest):
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(4), rq.RequestLength(), rq.Card16("device"), rq.Pad(2))
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Card8("device"),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Card8("mods"),
        rq.Card8("base_mods"),
        rq.Card8("latched_mods"),
        rq.Card8("locked_mods"),
        rq.Card8("group"),
        rq.Card8("locked_group"),
        rq.Int16("base_group"),
        rq.Int16("latched_group"),
        rq.Pad(14),
    )


class _LatchLockState(rq.Request):
    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(5),
        rq.RequestLength(),
        rq.Card16("device"),
        rq.Card8("affect_locks"),
        rq.Card8("locks"),
        rq.Card8("lock_group"),
        rq.Card8("group"),
        rq.Card8("affect_latches"),
        rq.Card8("latches"),
        rq.Pad(1),
        rq.Card8("latch_group"),
        rq.Int16("group_latch"),
    )


class _GetMap(rq.ReplyRequest):
    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(8),
        rq.RequestLength(),
        rq.Card16("device"),
        rq.Card16("full"),
        rq.Card16("partial"),
        rq.Pad(18),
    )
    _reply = rq.Struct(
        rq.ReplyCode(), rq.Card8("device"), rq.Card16("sequence_number"), rq.ReplyLength(), rq.Binary("rest", pad=0)
    )


class Xkb:
    """The keyboard of a display through XKEYBOARD.

    Args:
        display: a connection that nobody else uses.

    Raises:
        DesktopError: the server lacks the extension.
    """

    def __init__(self, display: Display) -> None:
        extension = display.query_extension(EXTENSION)
        if extension is None:
            raise DesktopError(f"this X server lacks the extension {EXTENSION}: no input is possible")
        self._display: Any = display.display
        self._opcode = extension.major_opcode
        #: The type of the extension's events. Each selected one means that the map may have changed.
        self.event_type: int = extension.first_event
        if not _UseExtension(display=self._display, opcode=self._opcode, major=1, minor=0).supported:
            raise DesktopError(f"this X server has another version of {EXTENSION} than 1.0: no input is possible")
        _SelectEvents(
            display=self._display,
            opcode=self._opcode,
            device=_CORE_KEYBOARD,
            which=_EVENTS,
            clear=0,
            select_all=0,
            affect_map=_MAP_DETAILS,
            map=_MAP_DETAILS,
            affect_new_keyboard=_NEW_KEYBOARD_DETAILS,
            new_keyboard=_NEW_KEYBOARD_DETAILS,
        )

    def state(self) -> KeyboardState:
        """Return which modifiers and which group are in effect."""
        reply: Any = _GetState(display=self._display, opcode=self._opcode, device=_CORE_KEYBOARD)
        return KeyboardState(
            base=reply.base_mods,
            latched=reply.latched_mods,
            locked=reply.locked_mods,
            group=reply.group,
            locked_group=reply.locked_group,
        )

    def map(self) -> Keymap:
        """Return the keyboard's map."""
        reply: Any = _GetMap(display=self._display, opcode=self._opcode, device=_CORE_KEYBOARD, full=PARTS, partial=0)
        return parse_map(reply.rest)

    def lock(self, *, affect: int = 0, locks: int = 0, group: int | None = None) -> None:
        """Lock the modifiers `locks` in `affect`, unlock and unlatch the others in it; lock a group."""
        _LatchLockState(
            display=self._display,
            opcode=self._opcode,
            device=_CORE_KEYBOARD,
            affect_locks=affect,
            locks=locks,
            lock_group=group is not None,
            group=group or 0,
            affect_latches=affect,
            latches=0,
            latch_group=0,
            group_latch=0,
        )
