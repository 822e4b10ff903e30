"""The agent's side of the websocket, with the real worker on a real X server."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from natpass_agent.links.desktop import worker_host
from natpass_agent.links.desktop.protocol import MAX_MESSAGE_BYTES, PATH, Hello, join, to_text
from natpass_agent.links.desktop.view import View
from natpass_agent.links.desktop.worker_host import (
    MOST_STRANGERS,
    WorkerEndedError,
    WorkerHost,
    command,
    listen_on_first_free,
    rule_argument,
)
from natpass_wire.pb.desktop_pb2 import VncKeyboard, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.agent.links.desktop.worker.seen import Seen
from tests.agent.processes import is_gone
from tests.support.waiting import patience, wait_for
from tests.support.xserver import XServer, needs

assert sys.platform != "win32"

pytestmark = [pytest.mark.both_loops, pytest.mark.x11, needs()]


async def status_of(worker: WorkerHost, headers: dict[str, str], path: str = PATH, **options: object) -> int:
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            f"ws://127.0.0.1:{worker.port}{path}",
            additional_headers=headers,
            proxy=None,
            **options,  # type: ignore[arg-type]  # options of several types
        )
    return refused.value.response.status_code


async def drained(worker: WorkerHost) -> None:
    """Take what the worker sends for as long as it does."""
    while True:
        await worker.receive()


async def test_hello_and_the_first_screen(server: XServer) -> None:
    async with WorkerHost("a rule", server.env) as worker:
        assert worker.port in range(6155, 6956)
        assert await worker.hello() == Hello(640, 400)
        assert await worker.hello() == Hello(640, 400)
        await worker.start(View(quality=80))
        seen = Seen()
        while seen.difference(server.picture()) > 6:
            seen.take(await worker.receive())


async def test_the_command_is_what_existing_programs_use(server: XServer) -> None:
    async with WorkerHost("a rule; $(x) é -- --port 1", server.env) as worker:
        await worker.hello()
        words = psutil.Process(worker.pid).cmdline()
        at = words.index("vnc.worker")
        assert words[at:] == ["vnc.worker", "--name", "a_rule____x____--_--port_1", "--port", str(worker.port)]
        token = worker._token
        assert not any(token in word for word in words)
        assert token not in str(psutil.Process(worker.pid).environ())


def test_rules_names() -> None:
    assert rule_argument("") == "desktop"
    assert rule_argument("--help") == "help"
    assert rule_argument("x" * 1000) == "x" * 64
    assert command("--evil", 7)[-4:] == ("--name", "evil", "--port", "7")


@pytest.fixture
def late_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does not connect: the test may do so in its place."""
    monkeypatch.setattr(worker_host, "command", lambda *_: (sys.executable, "-c", "import sys; sys.stdin.read()"))


def token_of(worker: WorkerHost) -> dict[str, str]:
    return {"Authorization": f"Bearer {worker._token}"}


@pytest.mark.usefixtures("late_worker")
async def test_nobody_else_is_let_in(server: XServer, caplog: pytest.LogCaptureFixture) -> None:
    async with WorkerHost("rule", server.env) as worker:
        good = token_of(worker)
        for _ in range(3):
            assert await status_of(worker, {}) == 403
        assert await status_of(worker, {"Authorization": "Bearer " + "0" * 64}) == 403
        assert await status_of(worker, good, origin="http://127.0.0.1") == 403
        assert await status_of(worker, good, path="/") == 403
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        lines = [f"GET {PATH} HTTP/1.1", "Host: evil.example", f"Authorization: {good['Authorization']}"]
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""]
        writer.write("\r\n".join(lines).encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 403")
        writer.close()
        assert dict(worker.refused) == {"no token": 3, "wrong token": 1, "origin": 1, "path": 1, "host": 1}
        assert caplog.text.count("no token") == 1  # strangers fill no log
        async with connect(f"ws://127.0.0.1:{worker.port}{PATH}", additional_headers=good, proxy=None) as ours:
            await ours.send(to_text(Hello(640, 400)))
            await worker.hello()
            with pytest.raises(ConnectionRefusedError):  # nobody can connect any more
                await status_of(worker, good)


async def test_the_worker_goes_on_when_nobody_can_connect_any_more(server: XServer) -> None:
    async with WorkerHost("rule", server.env) as worker:
        await worker.hello()
        with pytest.raises(ConnectionRefusedError):
            await status_of(worker, token_of(worker))
        await worker.start(View())
        await worker.receive()


@pytest.mark.usefixtures("late_worker")
async def test_a_page_that_is_no_websocket_is_refused_as_well(server: XServer) -> None:
    async with WorkerHost("rule", server.env) as worker:
        reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
        writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{worker.port}\r\n\r\n".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 403")
        writer.close()


@pytest.mark.usefixtures("late_worker")
async def test_of_many_connections_the_oldest_are_cut(server: XServer) -> None:
    async with WorkerHost("rule", server.env) as worker:
        opened = [await asyncio.open_connection("127.0.0.1", worker.port) for _ in range(3 * MOST_STRANGERS)]
        older = opened[: 2 * MOST_STRANGERS]
        await wait_for(lambda: all(reader.at_eof() for reader, _ in older))
        assert not any(reader.at_eof() for reader, _ in opened[len(older) :])
        async with connect(
            f"ws://127.0.0.1:{worker.port}{PATH}", additional_headers=token_of(worker), proxy=None
        ) as ours:
            await ours.send(to_text(Hello(640, 400)))
            await worker.hello()
            await wait_for(lambda: all(reader.at_eof() for reader, _ in opened), "the strangers to be cut")
        for _, writer in opened:
            writer.close()


async def test_a_flood_of_connections_keeps_no_worker_out(server: XServer) -> None:
    """Another user of this machine connects as fast as it can, and keeps what it gets."""
    held: list[socket.socket] = []
    async with WorkerHost("rule", server.env) as worker:

        async def flood() -> None:
            loop = asyncio.get_running_loop()
            while not worker.ready.done():
                held.append(stranger := socket.socket())
                stranger.setblocking(False)
                with suppress(ConnectionError):  # the worker is in
                    await loop.sock_connect(stranger, ("127.0.0.1", worker.port))

        async with asyncio.TaskGroup() as group:
            group.create_task(flood(), name="flood")
            assert await worker.hello() == Hello(640, 400)
        assert len(held) > 3 * MOST_STRANGERS
        assert len(worker._strangers) <= MOST_STRANGERS
        await worker.start(View())
        await worker.receive()
    for stranger in held:
        stranger.close()


async def test_a_worker_that_can_not_serve_says_why_within_a_second() -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    async with WorkerHost("rule", environment) as worker, asyncio.timeout(patience(5)):
        with pytest.raises(WorkerEndedError, match="DISPLAY is not set"):
            await worker.hello()


async def test_the_last_words_of_a_worker_that_dies(server: XServer) -> None:
    async with WorkerHost("rule", server.env) as worker:
        await worker.hello()
        await worker.start(View())
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerEndedError, match="without a reason"):
            await drained(worker)
        with pytest.raises(WorkerEndedError):
            await worker.send(join(Msg(type=MsgType.vnc_cad)))


async def test_hostile_last_words_are_made_harmless(
    server: XServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = "import sys; sys.stderr.write('x' * 100000 + '\\nred \\x1b[31m alert\\n\\n'); sys.exit(1)"
    monkeypatch.setattr(worker_host, "command", lambda *_: (sys.executable, "-c", script))
    async with WorkerHost("rule", server.env) as worker:
        with pytest.raises(WorkerEndedError, match="red \N{REPLACEMENT CHARACTER}\\[31m alert"):
            await worker.hello()


async def test_a_worker_that_never_connects_is_given_up(server: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_host, "command", lambda *_: (sys.executable, "-c", "import sys; sys.stdin.read()"))
    monkeypatch.setattr(worker_host, "HELLO_SECONDS", 0.2)
    async with WorkerHost("rule", server.env) as worker:
        with pytest.raises(WorkerEndedError, match="not ready"):
            await worker.hello()


async def test_a_worker_that_does_not_end_is_killed(server: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_host, "command", lambda *_: (sys.executable, "-c", "import time; time.sleep(1000)"))
    monkeypatch.setattr(worker_host, "GRACE_SECONDS", 0.2)
    async with WorkerHost("rule", server.env) as worker:
        process = psutil.Process(worker.pid)
    assert is_gone(process)


def test_the_first_free_port_is_taken_and_a_used_one_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        port, other = (found.getsockname()[1] for found in (taken, free))
        free.close()
        with listen_on_first_free([port, other]) as found:
            assert found.getsockname() == ("127.0.0.1", other)
    assert not caplog.records


async def test_another_port_is_used_and_said_when_all_are_taken(
    server: XServer, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with WorkerHost("rule", server.env, ports=[port]) as worker:
            assert worker.port not in {0, port}
            assert await worker.hello() == Hello(640, 400)
            assert caplog.messages == [f"the desktop worker's ports 6155 to 6955 are all in use; using {worker.port}"]


async def test_keys_are_released_when_the_worker_is_ended(server: XServer) -> None:
    from Xlib import X
    from Xlib.display import Display

    display = Display(server.display)
    root = display.screen().root
    try:
        async with WorkerHost("rule", server.env) as worker:
            await worker.hello()
            await worker.start(View())
            down = Msg(type=MsgType.vnc_keyboard, vkbd=VncKeyboard(type=VncStatus.vnc_down, key="ctrl"))
            await worker.send(join(down))
            await wait_for(lambda: root.query_pointer().mask & X.ControlMask)
        assert not root.query_pointer().mask & X.ControlMask
    finally:
        display.close()


async def test_a_message_that_is_too_long_ends_the_worker_not_us(server: XServer) -> None:
    async with WorkerHost("rule", server.env) as worker:
        await worker.hello()
        await worker.start(View())
        await worker.send(b"\x08\x17" + b"\xff" * (MAX_MESSAGE_BYTES + 10))
        with pytest.raises(WorkerEndedError):
            await drained(worker)
