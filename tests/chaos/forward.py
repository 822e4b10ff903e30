"""Random data through `forward` while connections are cut and the relay is killed: it arrives with the same hash.

Both ways at once through each kind of forward, and datagrams meanwhile: they may be lost, but none changes, and they
flow again afterwards.
"""

import hashlib
import json
import os
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import watch
from tests.chaos.stage import AGENT, ChaosError, Stage
from tests.support.network.journal import Wait, on_the_way, percentile
from tests.support.network.plan import CutPlan, Kind
from tests.support.waiting import wait_until

HOST = "127.0.0.1"
#: A name that only the agent's side looks up, as `-D` does.
NAME = "localhost"
WAYS = ("-L", "-R", "-D")
_BLOCK = 64 * 1024
#: As in `pipe`: it goes on until all cuts are done, but not for ever, and a cut comes after this part of its share.
_MOST_TIMES = 5
_PART = 0.5
#: Seconds without a byte after which it counts as hung.
_HUNG_SECONDS = 60.0
_DATAGRAM = 1024
_ANSWER_SECONDS = 0.2
#: Never set.
_PAUSE = threading.Event()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run.

    Attributes:
        size: bytes of all connections together, one way.
        passed: bytes that both networks have forwarded, with TLS, records and logins.
        datagrams: how many were sent, and how many came back.
    """

    seed: int
    ways: Sequence[str]
    cuts: Counter[str]
    relay_kills: int
    size: int
    passed: int
    seconds: float
    waits: list[Wait]
    logins: int
    datagrams: tuple[int, int]

    @property
    def more(self) -> float:
        """What the networks carried, as a multiple of the data, which crosses each of them once."""
        return self.passed / (2 * self.size)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind.value} {self.cuts[kind.value]}" for kind in Kind if self.cuts[kind.value])
        most = max(self.waits, default=Wait(0, "nothing", 0))
        seconds = [wait.seconds for wait in self.waits]
        return (
            f"seed {self.seed}: {' '.join(self.ways)}, {sum(self.cuts[kind.value] for kind in Kind)} cuts ({kinds}), "
            f"{self.relay_kills} relay kills, {self.logins} logins of the agent; {self.size / 1e6:.1f} MB in "
            f"{self.seconds:.1f} s ({self.size / self.seconds / 1e6:.2f} MB/s), {self.more:.3f} times as much on the "
            f"networks; sha256 ok both ways; {self.datagrams[1]} of {self.datagrams[0]} datagrams answered, and again "
            f"at the end; nothing left; from the network's return to bytes: p50 {percentile(seconds, 0.5):.2f} s, p99 "
            f"{percentile(seconds, 0.99):.2f} s, most {most.seconds:.2f} s (after {most.after})"
        )


@dataclass
class _Progress:
    """Bytes of all connections, how many of their ends are over, and what went wrong."""

    goes_on: Callable[[int], bool]
    arrived: int = 0
    sent: int = 0
    over: int = 0
    faults: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def came(self, size: int) -> None:
        with self._lock:
            self.arrived += size

    def went(self, size: int) -> None:
        with self._lock:
            self.sent += size

    def ended(self, fault: str = "") -> None:
        with self._lock:
            self.over += 1
            self.faults += [fault] if fault else []


def _feed(peer: socket.socket, progress: _Progress) -> None:
    """Send random data and its end; the other side answers with the hash of what it got, and its end."""
    sha256, size = hashlib.sha256(), 0
    while progress.goes_on(size):
        block = os.urandom(_BLOCK)
        sha256.update(block)
        size += len(block)
        peer.sendall(block)
    peer.shutdown(socket.SHUT_WR)
    answer = b""
    while piece := peer.recv(100):
        answer += piece
    progress.went(size)
    if answer != sha256.digest():
        raise OSError(f"{size} bytes were sent, and the other side has another hash")


def _take(peer: socket.socket, progress: _Progress) -> None:
    """Receive data up to its end, and answer with its hash."""
    sha256 = hashlib.sha256()
    buffer = bytearray(1 << 20)
    while size := peer.recv_into(buffer):
        sha256.update(memoryview(buffer)[:size])
        progress.came(size)
    peer.sendall(sha256.digest())
    peer.shutdown(socket.SHUT_WR)


def _carry(work: Callable[[socket.socket, _Progress], None], peer: socket.socket, progress: _Progress) -> None:
    """Do one end's part of a connection; a fault ends the run."""
    with peer:
        peer.settimeout(_HUNG_SECONDS)
        try:
            work(peer, progress)
        except OSError as error:
            progress.ended(f"{work.__name__.strip('_')}: {error or type(error).__name__}")
        else:
            progress.ended()


@contextmanager
def _server(work: Callable[[socket.socket, _Progress], None], progress: _Progress) -> Iterator[int]:
    """Serve connections, each in a thread; yield the port."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    threading.Thread(target=_carry, args=(work, peer, progress), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


class _Datagrams:
    """Sends numbered datagrams one after another, and checks that what comes back is one of them, and whole.

    Args:
        port: where they go to.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="datagrams", daemon=True)
        self.sent = self.answered = 0
        self.last_answered = 0
        self.fault = ""

    def __enter__(self) -> "_Datagrams":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as peer:
            peer.settimeout(_ANSWER_SECONDS)
            peer.connect((HOST, self._port))
            while not self._over.is_set():
                self.sent += 1
                with suppress(ConnectionRefusedError):
                    peer.send(_datagram(self.sent))
                    self._answer(peer)

    def _answer(self, peer: socket.socket) -> None:
        with suppress(TimeoutError):
            data = peer.recv(1 << 16)
            number = int.from_bytes(data[:8], "big")
            if not 1 <= number <= self.sent or data != _datagram(number):
                self.fault = f"a datagram of {len(data)} bytes came back that nobody sent"
                return
            self.answered += 1
            self.last_answered = max(self.last_answered, number)


def _datagram(number: int) -> bytes:
    return number.to_bytes(8, "big") * (_DATAGRAM // 8)


@contextmanager
def _echo() -> Iterator[int]:
    """Send datagrams back; yield the port."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind((HOST, 0))
        server.settimeout(_ANSWER_SECONDS)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    server.sendto(*server.recvfrom(1 << 16))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            over.set()
            thread.join()


def run(
    folder: Path,
    seed: int,
    *,
    cuts: int,
    size: int,
    kill_relay: int = 1,
    ways: Sequence[str] = WAYS,
    dead_after: float = 1.0,
    silent: float = 0.05,
) -> Outcome:
    """Run once.

    Args:
        folder: for the programs' state and logs.
        seed: decides when what is cut.
        cuts: connections to cut.
        size: bytes each way, of all connections together.
        kill_relay: how often the relay is killed, and started again.
        ways: the forwards that carry it: of `WAYS`.
        dead_after: seconds of silence after which a program gives a peer up.
        silent: the share of silent cuts.

    Raises:
        ChaosError: data is wrong or missing, or something is left over.
    """
    mean = int(_PART * 2 * size / max(cuts / 2, 1))
    plans = [CutPlan(2 * seed + side, (cuts + side) // 2, mean, silent=silent) for side in (0, 1)]
    with Stage(folder, dead_after=dead_after, agents=plans[0], consoles=plans[1]) as stage:
        begin = time.monotonic()
        before = stage.agents.passed + stage.consoles.passed
        try:
            carried, datagrams = _through(stage, ways, size // len(ways), kill_relay)
            took = time.monotonic() - begin
            stage.check_tidy()
        finally:
            for name, network in (("agent", stage.agents), ("console", stage.consoles)):
                (folder / f"{name}-network.txt").write_text(network.journal.report())
        agents, consoles = stage.agents.journal, stage.consoles.journal
        waits = [*on_the_way(agents.waits(), consoles.events), *on_the_way(consoles.waits(), agents.events)]
        passed = stage.agents.passed + stage.consoles.passed - before
        counts = agents.counts() + consoles.counts()
        return Outcome(seed, ways, counts, kill_relay, carried, passed, took, waits, stage.logins(), datagrams)


def _through(stage: Stage, ways: Sequence[str], each: int, kill_relay: int) -> tuple[int, tuple[int, int]]:
    """Send data through all forwards, both ways; return the bytes that arrived, and the counts of datagrams."""

    def goes_on(size: int) -> bool:
        cuts_left = stage.agents.plan.left + stage.consoles.plan.left
        return not progress.faults and size < each * (_MOST_TIMES if cuts_left else 1)

    progress = _Progress(goes_on)
    with ExitStack() as stack:
        source = stack.enter_context(_server(_feed, progress))
        sink = stack.enter_context(_server(_take, progress))
        echo = stack.enter_context(_echo())
        console = _Console(stage, ways, source, sink, echo)
        datagrams = stack.enter_context(_Datagrams(console.datagrams))
        console.rest()
        threads = []
        for way in ways:
            for port, work in ((source, _take), (sink, _feed)):
                peer = console.connect(way, port)
                threads.append(threading.Thread(target=_carry, args=(work, peer, progress), daemon=True))
        for thread in threads:
            thread.start()
        _kill(stage, progress, 2 * each * len(ways), kill_relay, threads)
        for thread in threads:
            thread.join()
        wait_until(lambda: progress.faults or progress.over == 2 * len(threads), "the servers' ends", _HUNG_SECONDS)
        if progress.faults:
            raise ChaosError(f"{progress.faults[0]}; {progress.arrived} bytes had arrived; {stage.said_by_console()}")
        if progress.arrived != progress.sent:
            raise ChaosError(f"{progress.sent} bytes were sent, {progress.arrived} arrived")
        first = datagrams.sent + 1
        wait_until(lambda: datagrams.last_answered >= first or datagrams.fault, "datagrams after the cuts", 30.0)
        if datagrams.fault:
            raise ChaosError(datagrams.fault)
        console.check_tidy()
        console.end(progress.arrived + hashlib.sha256().digest_size * len(threads))
        return progress.arrived, (datagrams.sent, datagrams.answered)


def _kill(stage: Stage, progress: _Progress, total: int, times: int, threads: Sequence[threading.Thread]) -> None:
    """Kill and restart the relay whenever the next part of the data has arrived."""
    for number in range(times):
        threshold = total * (number + 1) // (times + 1)
        while progress.arrived < threshold and any(thread.is_alive() for thread in threads):
            _PAUSE.wait(0.005)
        stage.restart_relay()


class _Console:
    """`natpass-tui forward` with a rule for each way and target, and one for datagrams.

    Args:
        stage: the programs.
        ways: of `WAYS`.
        source, sink, echo: the ports of the servers.
    """

    def __init__(self, stage: Stage, ways: Sequence[str], source: int, sink: int, echo: int) -> None:
        words = ["--json", AGENT, "-U", f"0:{NAME}:{echo}"]
        for way in ways:
            words += [way, "0"] if way == "-D" else [way, f"0:{NAME}:{source}", way, f"0:{NAME}:{sink}"]
        self._stage = stage
        self._path = stage.folder / "forward.json"
        with self._path.open("wb") as out:
            self._process = stage.program(["forward", *words], stdout=out)
        listening = 1 + sum(1 if way == "-D" else 2 for way in ways)

        def listens() -> bool:
            if self._process.poll() is not None:
                raise ChaosError(f"forward ended: {stage.said_by_console()}")
            return len(self._events("listening")) == listening

        wait_until(listens, "the listeners", 30.0)
        self._addresses = {each["rule"]: int(each["address"].rpartition(":")[2]) for each in self._events("listening")}
        self.datagrams = next(port for rule, port in self._addresses.items() if rule.startswith("-U"))

    def _events(self, kind: str) -> list[dict[str, str]]:
        lines = self._path.read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def connect(self, way: str, target: int) -> socket.socket:
        """Return a connection to a server, through a forward."""
        (port,) = (
            port
            for rule, port in self._addresses.items()
            if rule.startswith(way) and (way == "-D" or rule.endswith(f":{target}"))
        )
        peer = socket.create_connection((HOST, port), timeout=_HUNG_SECONDS)
        if way == "-D":
            name = NAME.encode()
            peer.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + target.to_bytes(2, "big"))
            answer = b""
            while len(answer) < 12 and (piece := peer.recv(12 - len(answer))):
                answer += piece
            if answer[:4] != b"\x05\x00\x05\x00":
                raise ChaosError(f"the proxy answered {answer!r}")
        return peer

    def rest(self) -> None:
        """Take note of what is open while there is no connection."""
        self._at_rest = watch.descriptors(self._process.pid)

    def check_tidy(self) -> None:
        """Check that no connection is left while the forwards go on. Raises ChaosError."""
        try:
            wait_until(lambda: watch.descriptors(self._process.pid) <= self._at_rest, timeout=20.0)
        except AssertionError:
            now = watch.descriptors(self._process.pid)
            raise ChaosError(f"descriptors of the console: {now}, without connections {self._at_rest}") from None

    def end(self, carried: int) -> None:
        """End it by SIGTERM; it has counted every byte. Raises ChaosError."""
        self._process.terminate()
        try:
            status = self._process.wait(30)
        except subprocess.TimeoutExpired:
            raise ChaosError("forward does not end") from None
        if status:
            raise ChaosError(f"forward ended with {status}: {self._stage.said_by_console()}")
        counts = [each for each in self._events("end") if not each["rule"].startswith("-U")]
        counted = sum(int(each["bytes_sent"]) + int(each["bytes_received"]) for each in counts)
        if counted != carried:
            raise ChaosError(f"forward counted {counted} bytes of {carried}")
