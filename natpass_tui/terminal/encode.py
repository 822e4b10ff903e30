"""Encodes mouse, paste and focus as the application asked for. Common to all engines."""

# Why: docs/decisions/048-keys-as-xterm-sends-them.md

import re

from natpass_tui.terminal.engine import Modes, MouseAction, MouseButton, MouseEncoding, MouseInput, MouseTracking

#: Controls that could end the bracket around a paste, or act as keys: all but tab and line ends.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
#: A cell's height and width in pixels, as reported to applications that ask.
CELL_PIXELS = (16, 8)


def encode_mouse(event: MouseInput, modes: Modes) -> bytes:
    """Return a mouse event in the application's encoding; empty if it did not ask for such events."""
    if not _is_wanted(event, modes.mouse):
        return b""
    code = int(event.button)
    if event.action is MouseAction.MOVE:
        code += 32
    if modes.mouse is not MouseTracking.PRESS:
        code += 4 * event.shift + 8 * event.alt + 16 * event.ctrl
    released = event.action is MouseAction.RELEASE
    row, col = event.row + 1, event.col + 1
    match modes.mouse_encoding:
        case MouseEncoding.SGR | MouseEncoding.SGR_PIXELS:
            if modes.mouse_encoding is MouseEncoding.SGR_PIXELS:
                row, col = event.row * CELL_PIXELS[0] + 1, event.col * CELL_PIXELS[1] + 1
            return f"\x1b[<{code};{col};{row}{'m' if released else 'M'}".encode()
        case MouseEncoding.URXVT:
            return f"\x1b[{_released(code, released) + 32};{col};{row}M".encode()
        case MouseEncoding.UTF8:
            if max(row, col) > 2015:
                return b""
            return "".join(["\x1b[M", *(chr(32 + value) for value in (_released(code, released), col, row))]).encode()
        case MouseEncoding.X10:
            if max(row, col) > 223:
                return b""  # It does not fit a byte; xterm sends nothing either.
            return b"\x1b[M" + bytes(32 + value for value in (_released(code, released), col, row))


def _released(code: int, released: bool) -> int:
    """Return the code of a release: the older encodings do not name the button."""
    return (code & ~3) | 3 if released else code


def _is_wanted(event: MouseInput, tracking: MouseTracking) -> bool:
    wheel = event.button >= MouseButton.WHEEL_UP
    match event.action:
        case MouseAction.PRESS:
            return tracking is not MouseTracking.NONE and not (wheel and tracking is MouseTracking.PRESS)
        case MouseAction.RELEASE:
            return tracking >= MouseTracking.PRESS_RELEASE and not wheel
        case MouseAction.MOVE:
            pressed = event.button is not MouseButton.NONE
            return tracking is MouseTracking.MOTION or (tracking is MouseTracking.DRAG and pressed)


def encode_paste(text: str, *, bracketed: bool) -> bytes:
    """Return pasted text. Controls that could end the bracket, or act as keys, become spaces; line ends become
    Enter."""
    safe = _CONTROLS.sub(" ", text)
    if bracketed:
        return b"\x1b[200~" + safe.encode("utf-8", "replace") + b"\x1b[201~"
    return safe.replace("\r\n", "\r").replace("\n", "\r").encode("utf-8", "replace")


def encode_focus(focused: bool, *, wanted: bool) -> bytes:
    """Return the report of a focus gained or lost (mode 1004)."""
    if not wanted:
        return b""
    return b"\x1b[I" if focused else b"\x1b[O"
