"""Starts a desktop worker, admits only it, and ends it: the agent's side of the websocket."""

# Why: docs/decisions/076-the-workers-port.md

import asyncio
import errno
import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from itertools import chain
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from natpass_agent.links.desktop.gate import TOKEN_BYTES, WorkerGate
from natpass_agent.links.desktop.protocol import (
    MAX_MESSAGE_BYTES,
    TOKEN_HEADER,
    Hello,
    Start,
    WorkerProtocolError,
    from_text,
    to_text,
)
from natpass_agent.links.desktop.view import View
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import NatpassError
from natpass_wire.repeats import Repeats
from natpass_wire.text import printable

log = logging.getLogger(__name__)
#: The websocket library's logger: a scanner's bad requests do not belong into our log.
_quiet = logging.getLogger(f"{__name__}.websocket")
_quiet.setLevel(logging.CRITICAL)

#: docs/wire.md §4.
PORTS = range(6155, 6956)
_ANY_PORT = 0
#: Seconds from the worker's start to its hello.
HELLO_SECONDS = 15.0
#: Seconds for a complete request, and for the closing handshake.
_REQUEST_SECONDS, _CLOSE_SECONDS = 3.0, 1.0
#: Seconds that a worker has to exit by itself: after we closed its websocket, and after we saw it end.
GRACE_SECONDS = 2.0
#: The most connections of one server that have not shown the token: a flood can't use up our descriptors. The oldest
#: goes first, since the worker shows its token at once. Once the worker is admitted, nobody can connect any more.
MOST_STRANGERS = 8
#: Bytes that may wait between the worker and us: a frame that waits is an old frame. The kernel doubles this.
_SOCKET_BYTES = 64 * 1024
#: Parsed messages that may queue; the rest waits in the socket, and then at the worker.
_QUEUED_MESSAGES = 4
#: The longest line of a worker's standard error that we read.
_LINE_BYTES = 8 * 1024


class WorkerEndedError(NatpassError):
    """The worker has ended or never started; the text says why, safe to print."""


def listen_on_first_free(ports: Iterable[int] = PORTS) -> socket.socket:
    """Return a socket that listens on the first free port of 127.0.0.1; if none of `ports` is free, on any other.

    Any user of this machine can take ports.

    Raises:
        WorkerEndedError: no port is free.
    """
    for port in chain(ports, [_ANY_PORT]):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # POSIX: allow a port whose last connection has just ended. On Windows this option shares the port with
            # others, and another one forbids that.
            exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR if exclusive is None else exclusive, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)  # connections inherit it
            listener.bind(("127.0.0.1", port))
            listener.listen(MOST_STRANGERS)
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise WorkerEndedError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}") from error
        else:
            if port == _ANY_PORT:
                taken = f"{PORTS.start} to {PORTS.stop - 1}"
                log.warning("the desktop worker's ports %s are all in use; using %d", taken, listener.getsockname()[1])
            return listener
    raise WorkerEndedError("no port is free on 127.0.0.1")


def rule_argument(name: str) -> str:
    """Return a rule's name as a harmless argument: letters, digits and `._-`, at most 64, no leading dash."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name[:64]).lstrip("-")
    return kept or "desktop"


def command(name: str, port: int) -> tuple[str, ...]:
    """Return a worker's command line for a rule's name."""
    # -P: do not import a package of the same name from the current directory.
    return (
        sys.executable,
        "-P",
        "-m",
        "natpass_agent",
        "vnc.worker",
        "--name",
        rule_argument(name),
        "--port",
        str(port),
    )


class WorkerHost:
    """One worker from start to end: an asynchronous context manager.

    Args:
        name: the rule's name.
        environment: the worker's environment.
        ports: the ports to try.
    """

    def __init__(self, name: str, environment: Mapping[str, str] | None = None, ports: Iterable[int] = PORTS) -> None:
        self._name = name
        self._environment = dict(os.environ if environment is None else environment)
        self._ports = ports
        self._token = secrets.token_hex(TOKEN_BYTES)
        self._tasks = Tasks()
        self._strangers: dict[ServerConnection, None] = {}  # the oldest first
        self._repeats = Repeats()
        self._last_words = ""
        self._over = asyncio.Event()
        self._connected: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()
        #: Done when the worker can serve; fails with `WorkerEndedError` if it can't, or takes too long.
        self.ready: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._server: Server | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._exited: asyncio.Task[None] | None = None
        self._gate: WorkerGate | None = None
        #: The websocket's port.
        self.port = 0

    @property
    def refused(self) -> Mapping[str, int]:
        """The number of refused requests to the websocket, by reason."""
        return self._gate.refused if self._gate else {}

    @property
    def pid(self) -> int | None:
        """The worker's process id, None before its start."""
        return self._process.pid if self._process else None

    async def __aenter__(self) -> "WorkerHost":
        """Listen, and start the worker."""
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def hello(self) -> Hello:
        """Wait until the worker can serve; may be called again.

        Raises:
            WorkerEndedError: it can't, or takes too long.
        """
        return await asyncio.shield(self.ready)

    async def start(self, view: View) -> None:
        """Let the worker send the screen.

        Raises:
            WorkerEndedError: the worker has ended.
        """
        await self._send(to_text(Start(view)))

    async def send(self, message: bytes) -> None:
        """Send a binary message; wait while the worker takes none.

        Raises:
            WorkerEndedError: the worker has ended.
        """
        await self._send(message)

    async def receive(self) -> bytes:
        """Return the worker's next binary message.

        Raises:
            WorkerEndedError: it has ended, or broke the protocol.
        """
        while True:
            message = await self._receive()
            if isinstance(message, bytes):
                return message
            log.debug("the desktop's worker says %s", printable(message))

    async def close(self) -> None:
        """End the worker: it releases all keys, and is killed after 2 s. No process is left."""
        self._over.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._connected.done() and not self._connected.cancelled():
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._connected.result().close()
            grace = GRACE_SECONDS
        else:
            grace = 0.0  # it is still starting, and holds nothing
        try:
            if not await self._has_exited(grace) and grace:
                log.warning("the desktop's worker %s does not exit; killing it", self.pid)
        finally:
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await self._stop_listening()
            if self._server is not None:
                self._server.close()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await self._server.wait_closed()
                self._server = None
            if self._exited is not None:
                await asyncio.shield(self._exited)
            await self._tasks.close()
            self._connected.cancel()
            self.ready.cancel()

    async def _start(self) -> None:
        listener = listen_on_first_free(self._ports)
        self.port = listener.getsockname()[1]
        self._gate = WorkerGate(self._token, self.port)
        host = self

        class Counted(ServerConnection):
            """A connection that counts against the limit until it is admitted."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                host._strangers[self] = None
                if len(host._strangers) > MOST_STRANGERS:
                    oldest = next(iter(host._strangers))
                    del host._strangers[oldest]
                    oldest.transport.abort()

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                host._strangers.pop(self, None)

        self._server = await serve(
            self._admitted,
            sock=listener,
            process_request=self._judge,
            compression=None,
            server_header=None,
            open_timeout=_REQUEST_SECONDS,
            ping_interval=None,  # both ends are on this machine: the kernel closes a dead one's socket
            close_timeout=_CLOSE_SECONDS,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=_QUEUED_MESSAGES,
            write_limit=_SOCKET_BYTES,
            logger=_quiet,
            create_connection=Counted,
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *command(self._name, self.port),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES,
                env=self._environment,
                start_new_session=True,  # only the agent handles an interrupt on its terminal
            )
        except OSError as error:
            raise WorkerEndedError(f"cannot start the desktop's worker: {error.strerror}") from error
        self._process = process
        assert process.stdin is not None
        # Not in the arguments or the environment, which others can read. The pipe stays open: its end tells the
        # worker that we have ended, even if we were killed.
        process.stdin.write(self._token.encode() + b"\n")
        self._exited = self._tasks.start(self._watch(process), "desktop worker's end")
        self._tasks.start(self._get_ready(), "desktop worker's hello")

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        assert self._gate is not None
        headers = request.headers
        fault = self._gate.admit(
            request.path, headers.get_all("Host"), headers.get_all("Origin"), headers.get_all(TOKEN_HEADER)
        )
        if fault is None:
            self._strangers.pop(connection, None)
            return None
        text = f"refused a connection to the desktop worker's port {self.port}: {fault}"
        if (said := self._repeats.note(text, asyncio.get_running_loop().time())) is not None:
            log.warning("%s", said)
        return connection.respond(HTTPStatus.FORBIDDEN, "refused\n")

    async def _admitted(self, connection: ServerConnection) -> None:
        if not self._connected.done():
            self._connected.set_result(connection)
            await self._stop_listening()
            await self._over.wait()

    async def _stop_listening(self) -> None:
        """Let nobody connect any more, and cut who has not shown the token."""
        if self._server is None:
            return
        loop = asyncio.get_running_loop()
        for listener in self._server.sockets:
            with suppress(NotImplementedError):  # Windows
                loop.remove_reader(listener.fileno())
        for _ in range(2):  # asyncio's loop would lose what it has accepted in this turn and not made a transport of
            await asyncio.sleep(0)
        if self._server is not None:
            self._server.server.close()  # the worker's connection stays
        for stranger in list(self._strangers):
            stranger.transport.abort()

    async def _get_ready(self) -> None:
        try:
            hello = await self._await_hello()
        except WorkerEndedError as error:
            self.ready.set_exception(error)
            self.ready.exception()  # marks it as retrieved: nobody has to await it
        else:
            self.ready.set_result(hello)

    async def _await_hello(self) -> Hello:
        assert self._exited is not None
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                either: list[asyncio.Future[Any]] = [self._connected, self._exited]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not self._connected.done():
                    raise WorkerEndedError(self._last_words or "the desktop's worker ended without a reason")
                while True:
                    message = await self._receive()
                    if isinstance(message, str) and isinstance(said := from_text(message), Hello):
                        return said
        except TimeoutError:
            raise WorkerEndedError(f"the desktop's worker was not ready within {HELLO_SECONDS:.0f} s") from None
        except WorkerProtocolError as error:
            raise WorkerEndedError(f"the desktop's worker sent {error}") from error

    async def _receive(self) -> bytes | str:
        try:
            return await self._connected.result().recv()
        except ConnectionClosed as error:
            raise await self._ended() from error

    async def _send(self, message: bytes | str) -> None:
        try:
            await self._connected.result().send(message)
        except ConnectionClosed as error:
            raise await self._ended() from error

    async def _ended(self) -> WorkerEndedError:
        """Return the worker's last words."""
        if not await self._has_exited(GRACE_SECONDS):
            return WorkerEndedError("the desktop's worker closed its connection")
        return WorkerEndedError(self._last_words or "the desktop's worker ended without a reason")

    async def _has_exited(self, seconds: float) -> bool:
        if self._exited is None:
            return True
        await asyncio.wait([self._exited], timeout=seconds)
        return self._exited.done()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Keep the last line of the worker's standard error, and wait for its exit."""
        assert process.stderr is not None
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # longer than the limit; dropped
                continue
            if not line:
                break
            if text := printable(line.decode(errors="replace").strip(), 500):
                self._last_words = text
                log.debug("the desktop's worker says: %s", text)
        await process.wait()
