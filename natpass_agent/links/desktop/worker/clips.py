"""Copies the clipboard's text both ways, in the background: a program on the desktop may be slow to give it."""

import asyncio
from collections.abc import Awaitable, Callable

from natpass_agent.links.desktop.worker.clipboard import MOST_BYTES, Clipboard
from natpass_agent.links.desktop.worker.errors import ClipboardError, DesktopError
from natpass_wire.pb.desktop_pb2 import VncClipboard
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

#: Requests that may wait: a person's clicks. Beyond that the oldest is dropped, and the viewer is told.
MOST_WAITING = 8


class Clips:
    """Queues the viewer's requests, and answers them one after another.

    Args:
        clipboard: the desktop's clipboard.
    """

    def __init__(self, clipboard: Clipboard) -> None:
        self._clipboard = clipboard
        self._waiting: asyncio.Queue[VncClipboard] = asyncio.Queue(MOST_WAITING)

    def take(self, request: VncClipboard) -> None:
        """Queue a request to set the text or to send it."""
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(request)

    async def run(self, send: Callable[[Msg], Awaitable[None]]) -> DesktopError | None:
        """Answer requests until cancelled; `send` takes the answers."""
        while True:
            request = await self._waiting.get()
            answer = await asyncio.to_thread(self.answer, request)
            if answer is not None:
                await send(Msg(type=MsgType.vnc_clipboard, vclipboard=answer))

    def answer(self, request: VncClipboard) -> VncClipboard | None:
        """Carry out a request; return the answer, None if there is none."""
        try:
            if not request.set:
                return VncClipboard(set=True, type=VncClipboard.text, data=self._clipboard.get())
            if request.type in (VncClipboard.image, VncClipboard.file):
                return _notice("this desktop's clipboard takes only text")
            if len(request.data.encode()) > MOST_BYTES:
                return _notice("the text is longer than 60 KiB, and was not put into the desktop's clipboard")
            self._clipboard.set(request.data)
        except ClipboardError as error:
            return _notice(str(error))
        return None


def _notice(text: str) -> VncClipboard:
    # Neither a text nor a request for one: existing viewers ignore it.
    return VncClipboard(set=True, type=VncClipboard.unset, notice=text)
