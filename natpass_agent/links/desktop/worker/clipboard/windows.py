"""The clipboard of Windows, through its own functions. Not tested there."""

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from natpass_agent.links.desktop.worker.clipboard import GET_SECONDS, MOST_BYTES
from natpass_agent.links.desktop.worker.errors import ClipboardError

_UNICODE_TEXT, _MOVEABLE = 13, 2  # CF_UNICODETEXT, GMEM_MOVEABLE
_RETRY_SECONDS = 0.05


class WindowsClipboard:
    """The clipboard of the user's session."""

    def __init__(self) -> None:
        self._user, self._kernel = _libraries()

    def get(self) -> str:
        """Return the text in it."""
        with self._open():
            handle = self._user.GetClipboardData(_UNICODE_TEXT)
            if not handle:
                return ""
            pointer = self._kernel.GlobalLock(handle)
            try:
                text = ctypes.wstring_at(pointer) if pointer else ""
            finally:
                self._kernel.GlobalUnlock(handle)
        if len(text.encode(errors="replace")) > MOST_BYTES:
            raise ClipboardError("the clipboard holds more than 60 KiB")
        return text

    def set(self, text: str) -> None:
        """Put a text in."""
        data = text.encode("utf-16-le", errors="replace") + b"\0\0"
        with self._open():
            self._user.EmptyClipboard()
            handle = self._kernel.GlobalAlloc(_MOVEABLE, len(data))
            pointer = self._kernel.GlobalLock(handle) if handle else None
            if not pointer:
                raise ClipboardError("no memory for the clipboard")
            ctypes.memmove(pointer, data, len(data))
            self._kernel.GlobalUnlock(handle)
            if not self._user.SetClipboardData(_UNICODE_TEXT, handle):  # on success it belongs to the system
                raise ClipboardError("the clipboard cannot be set")

    def close(self) -> None:
        """No-op: nothing is held."""

    @contextmanager
    def _open(self) -> Iterator[None]:
        until = time.monotonic() + GET_SECONDS
        while not self._user.OpenClipboard(None):  # another program has it open for a moment
            if time.monotonic() > until:
                raise ClipboardError("another program keeps the clipboard open")
            time.sleep(_RETRY_SECONDS)
        try:
            yield
        finally:
            self._user.CloseClipboard()


def _libraries() -> tuple[Any, Any]:
    libraries: Any = getattr(ctypes, "windll")  # noqa: B009 - exists on Windows only
    user, kernel = libraries.user32, libraries.kernel32
    for call in (user.GetClipboardData, user.SetClipboardData, kernel.GlobalAlloc, kernel.GlobalLock):
        call.restype = ctypes.c_void_p
    user.SetClipboardData.argtypes = (ctypes.c_uint, ctypes.c_void_p)
    kernel.GlobalAlloc.argtypes = (ctypes.c_uint, ctypes.c_size_t)
    for call in (kernel.GlobalLock, kernel.GlobalUnlock):
        call.argtypes = (ctypes.c_void_p,)
    return user, kernel
