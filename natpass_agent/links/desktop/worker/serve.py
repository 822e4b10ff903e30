"""The worker's end of the websocket: pictures out, input in, until it closes."""

import asyncio
import logging
import socket
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from natpass_agent.links.desktop.protocol import (
    MAX_MESSAGE_BYTES,
    PATH,
    TOKEN_HEADER,
    TOKEN_PREFIX,
    Hello,
    Start,
    from_text,
    to_text,
)
from natpass_agent.links.desktop.view import View
from natpass_agent.links.desktop.worker.capture import Capture
from natpass_agent.links.desktop.worker.clips import Clips
from natpass_agent.links.desktop.worker.controls import Controls
from natpass_agent.links.desktop.worker.desktop import Desktop
from natpass_agent.links.desktop.worker.errors import DesktopError
from natpass_agent.links.desktop.worker.lease import Lease
from natpass_agent.links.desktop.worker.pacing import CapturePace
from natpass_wire import envelope
from natpass_wire.errors import NatpassError
from natpass_wire.pb.desktop_pb2 import VncFrame, VncHold
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

log = logging.getLogger(__name__)

#: Seconds of one look at an idle screen: a new view takes effect within them.
_LOOK_SECONDS = 0.1
_CONNECT_SECONDS = 5.0
#: The pause before the next attempt to connect.
_AGAIN_SECONDS = 0.02
#: Bytes that may wait on the way to the agent: we capture the next frame when the agent has nearly taken the last one.
#: The kernel doubles it.
_SOCKET_BYTES = 64 * 1024
_WRITE_LIMIT_BYTES = 32 * 1024
#: Input messages that may queue behind the current one.
_QUEUED_MESSAGES = 16
#: Marks remembered until the screen is read; the newest answers for all before it.
_MOST_MARKS = 64

#: The types of input messages.
_INPUT = frozenset({MsgType.vnc_mouse, MsgType.vnc_keyboard, MsgType.vnc_cad, MsgType.vnc_scroll})


async def serve(port: int, token: str, desktop: Desktop) -> None:
    """Serve the agent that listens on `port` of 127.0.0.1, until the websocket ends.

    Raises:
        DesktopError: the desktop is gone, or the agent does not let us in.
    """
    connection = await _connected(port, token)
    try:
        await connection.send(to_text(Hello(desktop.screen.width, desktop.screen.height)))
        view = await _start(connection)
        if view is not None:
            await _Serving(connection, desktop, view).run()
    except ConnectionClosed:
        return
    finally:
        await connection.close()


async def _connected(port: int, token: str) -> ClientConnection:
    """Return a connection to the agent. Another user's flood of the port may cut it before we have shown the token.

    Raises:
        DesktopError: the agent is gone, does not let us in, or can't be reached for too long.
    """
    give_up_at = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            return await _connect(port, token)
        except (OSError, WebSocketException, TimeoutError) as error:
            is_final = isinstance(error, ConnectionRefusedError | InvalidStatus)
            if is_final or time.monotonic() > give_up_at:
                text = f"the agent's websocket on port {port} does not let the worker in: {error}"
                raise DesktopError(text) from error
        await asyncio.sleep(_AGAIN_SECONDS)


async def _connect(port: int, token: str) -> ClientConnection:
    """Connect to the agent once.

    Raises:
        OSError, WebSocketException, TimeoutError: this failed.
    """
    raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        await asyncio.to_thread(raw.connect, ("127.0.0.1", port))
        raw.setblocking(False)
        return await connect(
            f"ws://127.0.0.1:{port}{PATH}",
            sock=raw,
            additional_headers={TOKEN_HEADER: TOKEN_PREFIX + token},
            user_agent_header=None,
            compression=None,
            proxy=None,
            open_timeout=_CONNECT_SECONDS,
            ping_interval=None,
            close_timeout=1.0,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=_QUEUED_MESSAGES,
            write_limit=_WRITE_LIMIT_BYTES,
        )
    except BaseException:
        raw.close()
        raise


async def _start(connection: ClientConnection) -> View | None:
    """Wait for the initial view; None if the websocket ends first."""
    async for message in connection:
        if isinstance(message, str) and isinstance(said := from_text(message), Start):
            return said.view
    return None


class _Serving:
    """Serves one viewer."""

    def __init__(self, connection: ClientConnection, desktop: Desktop, view: View) -> None:
        self._connection = connection
        self._view = view
        self._redraw = True
        self._screen = desktop.screen
        self._capture = Capture(desktop.screen)
        self._controls = Controls(desktop.devices)
        self._clips = Clips(desktop.clipboard)
        self._lease = Lease(view.lease)
        self._held = asyncio.Event()
        self._marks: deque[tuple[int, float]] = deque(maxlen=_MOST_MARKS)  # number, and time of the input

    async def run(self) -> None:
        """Serve until the websocket ends.

        Raises:
            DesktopError: the desktop is gone.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._pictures(), name="pictures"),
                    group.create_task(self._input(), name="input"),
                    group.create_task(self._clips.run(self._send), name="clipboard"),
                    group.create_task(self._release_in_time(), name="lease"),
                ]
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
        finally:
            with suppress(DesktopError):  # the desktop is gone, and nothing is pressed any more
                self._controls.release_all()
        for task in done:
            if (error := task.result()) is not None:
                raise error

    async def _pictures(self) -> DesktopError | None:
        """Look, send, wait: the next frame is captured when the agent has taken the last."""
        loop = asyncio.get_running_loop()
        pace = CapturePace(self._screen.tells_changes)
        # A separate thread: waiting for the screen must not delay input.
        with ThreadPoolExecutor(1, "capture") as thread:
            try:
                while True:
                    await asyncio.sleep(pace.delay(time.monotonic(), self._view.fps))
                    redraw, self._redraw = self._redraw, False
                    found = await loop.run_in_executor(thread, self._look, redraw)
                    if found or not self._screen.tells_changes:
                        pace.looked(self._capture.began_at, found=bool(found))
                    mark = self._mark_before(self._capture.began_at)
                    for message in found:
                        await self._connection.send(message)
                    if self._view.lease and (found or mark):  # a viewer with a lease knows this message
                        await self._send(Msg(type=MsgType.vnc_frame, vnc_frame=VncFrame(mark=mark, rects=len(found))))
            except DesktopError as error:
                return error
            except ConnectionClosed:
                return None

    def _look(self, redraw: bool) -> list[bytes]:
        return self._capture.look(self._view, _LOOK_SECONDS, redraw=redraw)

    async def _input(self) -> DesktopError | None:
        """Carry out the viewer's input."""
        try:
            async for data in self._connection:
                if isinstance(data, bytes):
                    self._take(envelope.parse(data))
        except DesktopError as error:
            return error
        except NatpassError as error:  # invalid protobuf from a viewer: no reason to end
            return DesktopError(f"invalid message: {error}")
        except ConnectionClosed:  # without a closing handshake: the agent was killed
            return None
        return None

    def _take(self, message: Msg) -> None:
        now = time.monotonic()
        self._lease.heard(now)
        if message.type == MsgType.vnc_hold:
            self._lease.confirmed(message.vnc_hold.released)
            return
        if self._lease.is_void and message.type in _INPUT:
            return
        if self._controls.take(message):
            if mark := _mark_of(message):
                self._marks.append((mark, now))
            if self._controls.is_holding:
                self._held.set()
            return
        if message.type == MsgType.vnc_ctrl:
            self._view = self._view.changed_by(message.vctrl)
            self._redraw = True
        elif message.type == MsgType.vnc_clipboard:
            self._clips.take(message.vclipboard)

    async def _release_in_time(self) -> DesktopError | None:
        """Release all keys and buttons when their lease runs out, and tell the viewer."""
        try:
            while True:
                await self._held.wait()
                rest = self._lease.rest(time.monotonic())
                if rest is None or not self._controls.is_holding:
                    self._held.clear()
                elif rest:
                    await asyncio.sleep(rest)
                else:
                    self._controls.release_all()
                    hold = VncHold(released=self._lease.ran_out())
                    await self._send(Msg(type=MsgType.vnc_hold, vnc_hold=hold))
        except DesktopError as error:
            return error

    def _mark_before(self, read_at: float) -> int:
        """Return and forget the mark of the last input before the screen was read; 0 if there is none."""
        mark = 0
        while self._marks and self._marks[0][1] <= read_at:
            mark, _ = self._marks.popleft()
        return mark

    async def _send(self, message: Msg) -> None:
        with suppress(ConnectionClosed):  # then everything else ends too
            await self._connection.send(message.SerializeToString())


def _mark_of(message: Msg) -> int:
    """Return an input's mark, 0 if it has none."""
    match message.type:
        case MsgType.vnc_mouse:
            return message.vmouse.mark
        case MsgType.vnc_keyboard:
            return message.vkbd.mark
        case MsgType.vnc_scroll:
            return message.vscroll.mark
    return 0
