"""The relay's rate, beside a splice that only copies bytes between two connections; links a second; clients' memory.

The relay is the real command, the splice a small uvloop program. Both get the same bytes from the same sender, with and
without TLS. Sender and receiver share a core here, so the relay's processor time says more than the rate.
"""

import asyncio
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil

from natpass_relay.certificate import make_self_signed
from natpass_wire.aio.runtime import run
from tests.bench.connects import main as measure_links
from tests.support.relay_process import relay_process
from tests.support.witness import (
    LINK_ID,
    SDATA,
    SHELL_DATA,
    Witness,
    bytes_field,
    frame,
    md5_proof,
    message,
)

SECRET = "an old secret"
LINK = "0123456789abcdef"
_BLOCK = 256 * 1024


@dataclass(frozen=True)
class Moved:
    """The result of a transfer: bytes, wall-clock seconds, processor seconds of the process in the middle."""

    size: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.size / self.seconds


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Peer(Witness):
    """A witness that may speak TLS."""

    def __init__(self, port: int, client_id: str, *, tls: bool) -> None:
        super().__init__("127.0.0.1", port, client_id)
        if tls:
            self._socket = client_context().wrap_socket(self._socket)

    @property
    def socket(self) -> socket.socket:
        return self._socket


# the splice


class Splice(asyncio.BufferedProtocol):
    """One of two connections: it forwards what it reads to the other."""

    waiting: "Splice | None" = None
    other: "Splice"
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(1024 * 1024)
        self.buffer = memoryview(bytearray(_BLOCK))
        if Splice.waiting is None:
            Splice.waiting = self
        else:
            self.other, Splice.waiting.other = Splice.waiting, self
            Splice.waiting = None

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.other.transport.write(bytes(self.buffer[:nbytes]))

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()


async def splice(certificate: str) -> int:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(Splice, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
    return 0


@contextmanager
def splice_process(certificate: str) -> Iterator[tuple[int, int]]:
    """Run the splice; yield its port and process id."""
    command = [sys.executable, "-m", "tests.bench.relay", "splice", certificate]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()


# sender and receiver


def move(sender: Peer, receiver: Peer, block: bytes, total: int, pid: int) -> Moved:
    """Send `block` repeatedly until `total` bytes are sent, and receive them all."""
    count = max(1, total // len(block))
    middle = psutil.Process(pid)

    def send() -> None:
        for _ in range(count):
            sender.socket.sendall(block)

    before = sum(middle.cpu_times()[:2])
    begin = time.perf_counter()
    thread = threading.Thread(target=send)
    thread.start()
    rest, room = count * len(block), bytearray(_BLOCK)
    while rest:
        got = receiver.socket.recv_into(room)
        assert got, "closed"
        rest -= got
    took = time.perf_counter() - begin
    thread.join()
    return Moved(count * len(block), took, sum(middle.cpu_times()[:2]) - before)


def block_of(size: int) -> bytes:
    """Return frames of `size` bytes, about 1 MiB of them."""
    bare = len(frame(message(SHELL_DATA, "opener", "target", LINK, bytes_field(SDATA, bytes_field(1, b"")))))
    data = bytes_field(SDATA, bytes_field(1, bytes(max(size - bare - 4 * (size > 200), 1))))
    one = frame(message(SHELL_DATA, "opener", "target", LINK, data))
    return one * (1024 * 1024 // len(one))


@contextmanager
def relayed(stack: ExitStack, *, tls: bool) -> Iterator[tuple[Peer, Peer, int]]:
    """Run a relay with an open link from an opener to a target."""
    state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    options = ["--legacy", "md5", "--legacy-secret", SECRET, "--log-level", "warning"]
    with (
        relay_process(state, *options, *([] if tls else ["--no-tls"])) as relay,
        Peer(relay.port, "target", tls=tls) as target,
    ):
        target.log_in(md5_proof(SECRET))
        time.sleep(0.3)  # the relay does not answer this dialect's logins
        with Peer(relay.port, "opener", tls=tls) as opener:
            opener.log_in(md5_proof(SECRET))
            opener.ask_for_shell("target", link_id=LINK)
            target.accept(target.receive_where(lambda m: m.text(LINK_ID) == LINK))
            assert opener.answer_of(LINK) == (True, "")
            yield opener, target, relay.process.pid


@contextmanager
def spliced(stack: ExitStack, *, tls: bool) -> Iterator[tuple[Peer, Peer, int]]:
    """Run a splice with two connections."""
    certificate = ""
    if tls:
        certificate = str(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "both.pem")
        Path(certificate).write_bytes(b"".join(make_self_signed()))
    with (
        splice_process(certificate) as (port, pid),
        Peer(port, "a", tls=tls) as one,
        Peer(port, "b", tls=tls) as two,
    ):
        yield one, two, pid


def measure_rates(size: int, *, tls: bool) -> None:
    """Print the relay's rate in frames of `size` bytes."""
    block = block_of(size)
    total = 400_000_000 if not tls else 200_000_000
    if size < 1000:
        total //= 4
    found: dict[str, Moved] = {}
    for name, middle in (("splice", spliced), ("relay", relayed)):
        with ExitStack() as stack, middle(stack, tls=tls) as (sender, receiver, pid):
            move(sender, receiver, block, total // 10, pid)  # warm-up
            found[name] = max((move(sender, receiver, block, total, pid) for _ in range(3)), key=lambda m: m.rate)
    relay, limit = found["relay"], found["splice"]
    frames = relay.size / size
    print(
        f"{'TLS' if tls else 'TCP'} {size:>6} B frames: {frames / relay.seconds / 1e3:8.1f} k frames/s "
        f"{relay.rate / 1e6:7.0f} MB/s; splice {limit.rate / 1e6:7.0f} MB/s; ratio {relay.rate / limit.rate:.2f}; "
        f"processor {relay.cpu / frames * 1e6:.2f} us a frame, {relay.cpu / relay.size * 1e9:.2f} ms/MB "
        f"(splice {limit.cpu / limit.size * 1e9:.2f} ms/MB)",
        flush=True,
    )


def measure_memory(count: int = 1000) -> None:
    """Print what an idle client costs, with TLS."""
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options = ["--legacy", "md5", "--legacy-secret", SECRET, "--log-level", "warning"]
        relay = stack.enter_context(relay_process(state, *options))
        process = psutil.Process(relay.process.pid)

        def join(number: int) -> Peer:
            peer = stack.enter_context(Peer(relay.port, f"agent-{number}", tls=True))
            peer.log_in(md5_proof(SECRET))
            return peer

        peers = [join(number) for number in range(50)]
        time.sleep(0.5)
        before = process.memory_info().rss
        peers += [join(number) for number in range(50, 50 + count)]
        last = peers[-1]
        last.answer_of(last.ask_for_shell("nobody"))
        idle = process.memory_info().rss
        print(f"{count} idle clients with TLS: {(idle - before) / count / 1024:.1f} KiB each", flush=True)
        for peer in peers:  # one burst each: 64 KiB in, an answer out
            for _ in range(16):
                peer.send(SHELL_DATA, "nobody", LINK, bytes_field(SDATA, bytes_field(1, bytes(4000))))
            peer.answer_of(peer.ask_for_shell("nobody"))
        after = process.memory_info().rss
        print(f"  after a burst of 64 KiB each: {(after - before) / count / 1024:.1f} KiB each", flush=True)


def main() -> None:
    """Measure rates, links a second, and memory."""
    for tls in (False, True):
        for size in (64, 60 * 1024):
            measure_rates(size, tls=tls)
    measure_links()
    measure_memory()


if __name__ == "__main__":
    if sys.argv[1:2] == ["splice"]:
        sys.exit(run(splice(sys.argv[2])))
    main()
