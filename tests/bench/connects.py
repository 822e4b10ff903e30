"""How many links a second the relay makes and ends on one core: connect_req, connect_rep, disconnect, 512 at a time.

The generator is a process of its own: an opener and a target in one thread, without TLS, with frames made beforehand.
The relay has the first core for itself, the generator the others. The relay's processor time says what bounds it.
"""

import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from natpass_wire import envelope
from natpass_wire.frame import FrameDecoder
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd, StreamAnswer, StreamOffer
from natpass_wire.pb.login_pb2 import Role
from tests.support.relay_process import relay_process

SECRET = "a secret of benches"
IN_FLIGHT = 512
SECONDS = 5.0
_LINK_TAG = b"\x32\x10"  # link_id, 16 bytes
_header = struct.Struct(">HI").unpack_from


def log_in(port: int, client_id: str, role: Role, key: LoginKey) -> socket.socket:
    """Return a connection that has logged in with version 2."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    decoder = FrameDecoder()

    def receive() -> Msg:
        while True:
            for batch in decoder.feed(connection.recv(65536)):
                return next(envelope.parse(payload) for payload in batch.payloads())

    claims = v2.Claims(client_id, role, (), "bench", os.urandom(16))
    login = v2.ClientLogin(key, claims, v2.NO_TLS, os.urandom(32))
    connection.sendall(envelope.to_frame(login.hello()))
    proof = login.receive(receive())
    assert proof is not None
    connection.sendall(envelope.to_frame(proof))
    login.receive(receive())
    return connection


class End:
    """One end: its socket, and the link ids of the frames that have come, by the frames' type."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        connection.setblocking(False)
        self._rest = b""
        self._out = b""

    def receive(self) -> dict[int, list[bytes]]:
        """Return the link ids of what has come, by type."""
        try:
            data = self._rest + self.socket.recv(1024 * 1024)
        except BlockingIOError:
            return {}
        found: dict[int, list[bytes]] = {}
        at, size = 0, len(data)
        while size - at >= 6 and (end := at + 6 + _header(data, at)[0]) <= size:
            link = data.find(_LINK_TAG, at, end) + 2
            found.setdefault(data[at + 7], []).append(data[link : link + 16])
            at = end
        self._rest = data[at:]
        return found

    def send(self, data: bytes) -> None:
        """Send, or keep for later."""
        self._out += data
        self.flush()

    def flush(self) -> None:
        """Send what was kept."""
        try:
            self._out = self._out[self.socket.send(self._out) :] if self._out else b""
        except BlockingIOError:
            return


def _frame(sender: str, link_id: str, message: Msg) -> bytes:
    """Return the frame of a message from one end of a link to the other."""
    message.from_id, message.to, message.link_id = sender, "agent" if sender == "console" else "console", link_id
    return envelope.to_frame(message)


def generate(port: int, seconds: float) -> dict[str, float]:
    """Make and end links for some seconds; return how many, and the seconds that it took."""
    key = LoginKey.from_secret(SECRET)
    target = End(log_in(port, "agent", Role.ROLE_AGENT, key))
    opener = End(log_in(port, "console", Role.ROLE_CONSOLE, key))
    ids = [f"{number:016x}" for number in range(IN_FLIGHT)]
    requests, answers, ends = {}, {}, {}
    for link_id in ids:
        creq = ConnectRequest(kind=ConnectRequest.stream, offer=StreamOffer(version=1, handshake=bytes(48)))
        crep = ConnectResponse(ok=True, answer=StreamAnswer(version=1, handshake=bytes(96)))
        name = link_id.encode()
        requests[name] = _frame("console", link_id, Msg(type=MsgType.connect_req, creq=creq))
        answers[name] = _frame("agent", link_id, Msg(type=MsgType.connect_rep, crep=crep))
        end = LinkEnd(cause=LinkEnd.CLOSED)
        ends[name] = _frame("console", link_id, Msg(type=MsgType.disconnect, end=end)) + requests[name]
    selector = selectors.DefaultSelector()
    for each in (opener, target):
        selector.register(each.socket, selectors.EVENT_READ, each)
    opener.send(b"".join(requests.values()))
    done, began = 0, time.perf_counter()
    until = began + seconds
    while time.perf_counter() < until:
        for event, _ in selector.select(0.01):
            if event.data is target:
                target.send(b"".join([answers[name] for name in target.receive().get(MsgType.connect_req, ())]))
            else:
                found = opener.receive().get(MsgType.connect_rep, ())
                done += len(found)
                opener.send(b"".join([ends[name] for name in found]))
        opener.flush()
        target.flush()
    return {"done": done, "seconds": time.perf_counter() - began}


def _pin(process_id: int, cores: str) -> None:
    """Let a process run on some cores only."""
    subprocess.run(["taskset", "-cp", cores, str(process_id)], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measure."""
    cores = psutil.cpu_count() or 1
    with tempfile.TemporaryDirectory() as state:
        options = ["--no-tls", "--secret", SECRET, "--log-level", "warning"]
        with relay_process(Path(state), *options) as relay:
            process = psutil.Process(relay.process.pid)
            _pin(process.pid, "0")
            command = [sys.executable, "-m", "tests.bench.connects", "generate", str(relay.port)]
            best = (0.0, 0.0)
            for _ in range(3):
                before = sum(process.cpu_times()[:2])
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as generator:
                    if cores > 1:
                        _pin(generator.pid, f"1-{cores - 1}")
                    found = json.loads(generator.communicate()[0])
                cpu = sum(process.cpu_times()[:2]) - before
                best = max(best, (found["done"] / found["seconds"], found["done"] / cpu))
            print(
                f"links made and ended, {IN_FLIGHT} at a time: {best[0] / 1e3:.1f} k/s; "
                f"{best[1] / 1e3:.1f} k in a second of the relay's processor time, {1e6 / best[1]:.1f} us each",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"]:
        print(json.dumps(generate(int(sys.argv[2]), SECONDS)))
    else:
        main()
