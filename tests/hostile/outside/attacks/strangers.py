"""Attacks of strangers: they reach the relay's port and know nothing."""

import asyncio
import contextlib
import errno
import selectors
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from natpass_wire import envelope
from natpass_wire.frame import FrameDecoder
from natpass_wire.ids import RELAY_ID
from natpass_wire.invite.code import MOST_NAMEPLATE
from natpass_wire.invite.pake import MESSAGE_BYTES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.invite_pb2 import Guest, InviteStep
from natpass_wire.pb.login_pb2 import HandshakePayload, Refusal
from tests.hostile.outside.attack import Attack
from tests.hostile.outside.plan import Answer, Plan

#: Ends a connection by RST: no port stays in TIME_WAIT.
_LINGER = struct.pack("ii", 1, 0)
#: Connections that a simple attacker holds open.
_MOST_HELD = 900


def dial(plan: Plan, source: str) -> socket.socket:
    """Begin a connection; do not wait for it."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    found.setblocking(False)
    found.bind((source, 0))
    status = found.connect_ex((plan.host, plan.port))
    if status not in {0, errno.EINPROGRESS}:
        found.close()
        raise OSError(status, "connect")
    return found


class Flood:
    """Connections at a rate; the oldest are closed when there are too many.

    Args:
        plan: the plan.
        rate: a second.
        sources: the addresses to come from, in turn.
        first: what is sent as soon as a connection stands.
        held: connections that stay open at most; then the oldest ends.
    """

    def __init__(
        self, plan: Plan, rate: float, sources: Sequence[str], first: bytes = b"", held: int = _MOST_HELD
    ) -> None:
        self._plan, self._rate, self._sources, self._first, self._most = plan, rate, sources, first, held
        self._held: deque[tuple[float, socket.socket]] = deque()
        self._poll = selectors.DefaultSelector()
        self._dialling: dict[int, socket.socket] = {}
        self.made = self.refused = 0

    def run(self) -> Answer:
        """Do it."""
        begin, asked = time.monotonic(), 0
        while (passed := time.monotonic() - begin) < self._plan.seconds:
            for _ in range(min(int(passed * self._rate) - asked, 64)):
                asked += 1
                self._dial(self._sources[asked % len(self._sources)])
            self._look()
            while len(self._held) > self._most:
                self._held.popleft()[1].close()
        for _, held in self._held:
            held.close()
        for each in self._dialling.values():
            each.close()
        self._poll.close()
        return {"connections": self.made, "refused": self.refused}

    def _dial(self, source: str) -> None:
        if len(self._dialling) > _MOST_HELD:
            return
        try:
            connection = dial(self._plan, source)
        except OSError:
            self.refused += 1
            return
        self._dialling[connection.fileno()] = connection
        self._poll.register(connection, selectors.EVENT_WRITE)

    def _look(self) -> None:
        for key, _ in self._poll.select(0.001):
            connection = self._dialling.pop(key.fd)
            self._poll.unregister(connection)
            try:
                if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise OSError
                if self._first:
                    connection.send(self._first)
            except OSError:
                self.refused += 1
                connection.close()
                continue
            self.made += 1
            self._held.append((time.monotonic(), connection))


def client_hello() -> bytes:
    """Return the first bytes of a TLS connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


async def _bare_same(plan: Plan) -> Answer:
    return await asyncio.to_thread(Flood(plan, plan.whole(900), plan.sources[:1]).run)


async def _bare_eight(plan: Plan) -> Answer:
    return await asyncio.to_thread(Flood(plan, plan.whole(4000), plan.sources[1:9]).run)


async def _hellos_same(plan: Plan) -> Answer:
    return await asyncio.to_thread(Flood(plan, plan.whole(900), plan.sources[:1], client_hello()).run)


async def _half_tls(plan: Plan) -> Answer:
    flood = Flood(plan, plan.whole(2500), plan.sources[1:9], client_hello(), held=15_000)
    return await asyncio.to_thread(flood.run)


async def _lines(plan: Plan) -> Answer:
    """What a stranger can write into the log: a login under an id of 64 characters, refused for its version."""
    text = Msg(type=MsgType.handshake, from_id="x" * 64, to=RELAY_ID, hsp=HandshakePayload())
    text.hsp.hello.version = 99
    frame = envelope.to_frame(text)

    def say(connection: ssl.SSLSocket) -> None:
        connection.sendall(frame)

    return await _tls_connections(plan, plan.whole(400), say)


async def _scan(plan: Plan) -> Answer:
    """Look for invites by their numbers, and spoil what was found with three wrong tries."""
    numbers = iter(range(1, MOST_NAMEPLATE + 1))
    found: list[int] = []

    def ask(connection: ssl.SSLSocket) -> None:
        number = found[-1] if found and len(found) < 4 else next(numbers, 1)
        point = b"A" + bytes(MESSAGE_BYTES - 1)
        step = InviteStep(spake2=point).SerializeToString()
        guest = HandshakePayload(guest=Guest(nameplate=number, data=step))
        connection.sendall(envelope.to_frame(Msg(type=MsgType.handshake, to=RELAY_ID, hsp=guest)))
        decoder = FrameDecoder()
        while True:
            piece = connection.recv(4096)
            if not piece:
                return
            for batch in decoder.feed(piece):
                for payload in batch.payloads():
                    refusal = envelope.parse(payload).hsp.refusal
                    if refusal.code == Refusal.UNSET:
                        found.append(number)
                    return

    answer = await _tls_connections(plan, plan.whole(600), ask)
    return answer | {"found": float(len(found)), "number": float(found[0]) if found else 0.0}


async def _tls_connections(plan: Plan, rate: int, talk: Callable[[ssl.SSLSocket], None]) -> Answer:
    """Make TLS connections at a rate, and talk on each."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    end, done, failed, asked = time.monotonic() + plan.seconds, 0, 0, 0
    begin = time.monotonic()

    def one(number: int) -> bool:
        source = plan.sources[1 + number % 8]
        try:
            with (
                socket.create_connection((plan.host, plan.port), 3, (source, 0)) as bare,
                context.wrap_socket(bare) as connection,
            ):
                connection.settimeout(3)
                talk(connection)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        except OSError:
            return False
        return True

    def work(share: int) -> tuple[int, int]:
        nonlocal asked
        good = bad = 0
        while (now := time.monotonic()) < end:
            if asked >= (now - begin) * rate:
                time.sleep(0.002)
                continue
            asked += 1
            if one(asked + share):
                good += 1
            else:
                bad += 1
        return good, bad

    with ThreadPoolExecutor(8) as pool:
        for good, bad in await asyncio.gather(
            *(asyncio.get_running_loop().run_in_executor(pool, work, share) for share in range(8))
        ):
            done, failed = done + good, failed + bad
    return {"connections": done, "failed": failed}


async def _peace(plan: Plan) -> Answer:
    """No attack: what this machine gives without one."""
    await asyncio.sleep(plan.seconds)
    return {}


ATTACKS = [
    Attack("peace", 0, "nothing", "no attack, to compare with", _peace),
    Attack("bare-same", 3, "nothing", "900 bare TCP connections a second from the users' address", _bare_same, True),
    Attack(
        "hellos-same", 3, "nothing", "900 TLS hellos a second from the users' address", _hellos_same, True, bounded=0.2
    ),
    Attack("bare-eight", 3, "nothing", "4000 bare TCP connections a second from eight addresses", _bare_eight),
    Attack("half-tls", 8, "nothing", "2500 connections a second stop within the TLS handshake", _half_tls, bounded=0.4),
    Attack("lines", 10, "nothing", "400 refused logins a second with long ids", _lines),
    Attack("invites", 11, "nothing", "invites are looked for by number, and spoilt", _scan, with_invite=True),
]
