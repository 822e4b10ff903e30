"""A hostile agent's pictures, against the real console: small on the wire, huge when decoded."""

import asyncio
import os
import sys
import tempfile
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import pack

import psutil
from ptyprocess import PtyProcess

from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import IncomingLink, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.ids import RELAY_ID
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.desktop_pb2 import VncImage
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.roster_pb2 import About
from tests.hostile.outside.honest import Tries
from tests.support.relay_process import relay_process
from tests.support.sealing import link_key, sealing
from tests.support.waiting import wait_for

_SECRET = "a secret that only tests know"
_AGENT = "evil"
#: 36 million pixels, one bit each: the most that a rectangle may have, in a few KB.
_SIDE = 6000
_KEY_EVERY, _PICTURE_EVERY = 0.05, 0.5
_ROOT = Path(__file__).parents[3]


def small_png(side: int) -> bytes:
    """Return a PNG of `side` x `side` pixels, one bit each, all black."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))

    head = pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((1 + -(-side // 8)) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def picture(side: int) -> Msg:
    """Return the message that carries it as a whole screen."""
    info = VncImage.Info(screen_width=side, screen_height=side, rect_width=side, rect_height=side)
    return Msg(type=MsgType.vnc_image, vimg=VncImage(info=info, encode=VncImage.png, data=small_png(side)))


@dataclass(frozen=True)
class PictureResult:
    """What came of it: a key's seconds to the agent, the console's memory in bytes, pictures that it took."""

    keys: Tries
    memory: int
    before: int
    taken: int
    ended: str

    def line(self) -> str:
        """Return everything in one line."""
        return (
            f"row  9 pictures           keys {self.keys.good}/{len(self.keys.took)} reach the agent, "
            f"p50 {self.keys.quantile(0.5) * 1e3:.0f} p99 {self.keys.quantile(0.99) * 1e3:.0f} ms; console "
            f"{self.before // 2**20} MiB before, {self.memory // 2**20} MiB at most; {self.taken} pictures of "
            f"{len(small_png(_SIDE))} bytes sent; the link {self.ended or 'goes on'}"
        )

    def faults(self, *, slack: float = 1.0) -> list[str]:
        """Return which of the issue's promises were broken."""
        found = []
        # A refused picture ends the link; the keys after that reach nobody.
        if not self.ended and (p99 := self.keys.quantile(0.99)) > 0.2 * slack:
            found.append(f"a key takes {p99 * 1e3:.0f} ms")
        if self.memory - self.before > 150 * 2**20:
            found.append(f"the console's memory grew by {(self.memory - self.before) // 2**20} MiB")
        return found


class _Agent:
    """The hostile agent."""

    def __init__(self, port: int) -> None:
        key = LoginKey.from_secret(_SECRET)
        claims = v2.Claims(_AGENT, Role.ROLE_AGENT, (), "tests", v2.instance_tag(key, os.urandom(16)))
        target = RelayTarget(RelayAddress("127.0.0.1", port), True, claims, key, sealing=sealing(link_key(_SECRET)))
        self.client = RelayClient(target, on_stream=self._asked)
        self.link: IncomingLink | None = None
        self.pressed: list[float] = []

    def _asked(self, link: IncomingLink, request: ConnectRequest) -> None:
        link.accept()
        self.link = link

    async def read(self) -> None:
        """Note when keys arrive."""
        assert self.link is not None
        with suppress(LinkEndedError):
            while True:
                if (await self.link.receive()).type == MsgType.vnc_keyboard:
                    self.pressed.append(time.perf_counter())


async def run(seconds: float) -> PictureResult:
    """Send pictures for so many seconds."""
    with tempfile.TemporaryDirectory(prefix="natpass-hostile-") as name:
        folder = Path(name)
        (folder / "secret").touch(0o600)
        (folder / "secret").write_text(_SECRET)
        with relay_process(folder, "--secret-file", str(folder / "secret")) as relay:
            return await _at(relay.port, folder, seconds)


async def _at(port: int, folder: Path, seconds: float) -> PictureResult:
    agent, tasks = _Agent(port), Tasks()
    tasks.start(agent.client.run(), "agent")
    connection = await agent.client.online()
    about = Msg(type=MsgType.about, from_id=_AGENT, to=RELAY_ID, about=About(host="h", serves=["vnc"], streams=1))
    connection.send(about)
    command = [str(Path(sys.executable).parent / "natpass-tui"), "--relay", f"127.0.0.1:{port}"]
    command += ["--secret-file", str(folder / "secret"), "--state-dir", str(folder / "console"), "desktop", _AGENT]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
    environment |= {"HOME": str(folder), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    console = PtyProcess.spawn(command, dimensions=(40, 120), env=environment, cwd=str(_ROOT))
    drain = asyncio.get_running_loop().run_in_executor(None, _drain, console)
    try:
        await wait_for(lambda: agent.link is not None, "the console's link", timeout=60)
        assert agent.link is not None
        tasks.start(agent.read(), "read")
        await agent.link.send(picture(600))
        await _keys(console, agent, 1.0)  # it shows a picture, and takes keys
        agent.pressed.clear()
        process = psutil.Process(console.pid)
        before = process.memory_info().rss
        memory, taken, end = [before], [0], time.monotonic() + seconds

        async def send() -> None:
            assert agent.link is not None
            message = picture(_SIDE)
            with suppress(LinkEndedError):
                while time.monotonic() < end:
                    await agent.link.send(message)
                    taken[0] += 1
                    await asyncio.sleep(_PICTURE_EVERY)

        async def watch() -> None:
            while time.monotonic() < end:
                memory.append(process.memory_info().rss)
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            group.create_task(send())
            group.create_task(watch())
            keys = await _keys(console, agent, seconds)
        ended = agent.link.end
        return PictureResult(
            keys, max(memory), before, taken[0], (ended.text or "has ended") if ended is not None else ""
        )
    finally:
        console.terminate(force=True)
        await drain
        await tasks.close()


async def _keys(console: PtyProcess, agent: _Agent, seconds: float) -> Tries:
    """Press keys at a steady rate; return the times from the terminal to the agent."""
    begun: list[float] = []
    until = time.perf_counter() + seconds
    first = len(agent.pressed)
    while time.perf_counter() < until:
        begun.append(time.perf_counter())
        console.write(b"a")
        await asyncio.sleep(_KEY_EVERY)
    wanted = first + 2 * len(begun)  # down and up
    with suppress(AssertionError):
        await wait_for(lambda: len(agent.pressed) >= wanted, timeout=5)
    downs = agent.pressed[first::2]
    return Tries(
        [came - at for at, came in zip(begun, downs, strict=False)] + [float("inf")] * (len(begun) - len(downs))
    )


def _drain(console: PtyProcess) -> None:
    with suppress(EOFError, OSError):
        while True:
            console.read(65536)
