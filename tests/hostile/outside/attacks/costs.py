"""Attacks by work: few bytes that cost the relay much."""

import asyncio
import contextlib
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from natpass_wire import envelope
from natpass_wire.errors import NatpassError
from natpass_wire.ids import RELAY_ID
from natpass_wire.pb.envelope_pb2 import MsgType, Ping
from tests.hostile.outside.attack import Attack
from tests.hostile.outside.plan import Answer, Plan
from tests.hostile.outside.raw import again_and_again, raw
from tests.hostile.outside.tls13 import Tls13

#: KeyUpdates at a time, 27 bytes each: as many as stopped a relay for 8 s; and on how many connections.
_UPDATES, _CONNECTIONS = 400_000, 4
_UPDATE_BYTES = 27
#: They are made while the connection waits, within the time for a login.
_BLOCK, _MAKING_SECONDS = 1000, 6.0


async def _key_updates(plan: Plan) -> Answer:
    """KeyUpdates before login: made in advance, and sent on all connections at once."""
    return await asyncio.to_thread(_send_key_updates, plan)


def _send_key_updates(plan: Plan) -> Answer:
    end, sent, rounds = time.monotonic() + plan.seconds, 0, 0
    most = plan.whole(_UPDATES)
    while (begin := time.monotonic()) < end:
        rounds += 1
        ready: dict[Tls13, list[bytes]] = {}
        for number in range(_CONNECTIONS):
            with contextlib.suppress(OSError):
                connected = socket.create_connection((plan.host, plan.port), 3, (plan.sources[1 + number], 0))
                try:
                    ready[Tls13(connected)] = []
                except OSError:
                    connected.close()
        made = 0
        while made < most and time.monotonic() < begin + min(_MAKING_SECONDS, plan.seconds / 3):
            for tls, blocks in ready.items():
                blocks.append(tls.key_updates(_BLOCK))
            made += _BLOCK
        with ThreadPoolExecutor(max(len(ready), 1)) as pool:
            sent += sum(pool.map(lambda each: _send(each[0], b"".join(each[1]), until=end + 1), ready.items()))
        time.sleep(0.05)
    return {"bytes": sent, "key updates": sent // _UPDATE_BYTES, "rounds": rounds}


def _send(tls: Tls13, data: bytes, *, until: float) -> int:
    sent = 0
    try:
        while sent < len(data) and (rest := until - time.monotonic()) > 0:
            tls.socket.settimeout(rest)
            sent += tls.socket.send(data[sent : sent + 256 * 1024])
        tls.socket.settimeout(max(until - time.monotonic(), 0.01))
        tls.socket.shutdown(socket.SHUT_WR)
        while tls.socket.recv(4096):  # until all was read: the relay closes
            pass
    except OSError:
        pass
    finally:
        tls.socket.close()
    return sent


async def _pings(plan: Plan) -> Answer:
    """Pings after login, 2 MB at a time; the answers are read."""
    sent = 0

    async def once(number: int) -> None:
        nonlocal sent
        async with raw(plan, f"p{secrets.token_hex(2)}") as client:
            ping = client.message(MsgType.ping, RELAY_ID)
            ping.ping.CopyFrom(Ping(nonce=1))
            frame = envelope.to_frame(ping)
            block = frame * (2_000_000 // len(frame))
            while not client.gone.is_set():
                if client.socket.waiting_bytes < len(block):
                    client.write(block)
                    sent += len(block)
                await asyncio.sleep(0.05)

    with contextlib.suppress(NatpassError):
        await again_and_again(plan.seconds, once)
    return {"bytes": sent}


ATTACKS = [
    Attack("key-updates", 4, "nothing", "TLS KeyUpdates, 10.8 MB at a time", _key_updates, bounded=0.5),
    Attack("pings", 4, "login", "28-byte pings, 2 MB at a time", _pings),
]
