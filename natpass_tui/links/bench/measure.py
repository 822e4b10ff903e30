"""Measures on two links: echoes on one, a transfer on the other."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from natpass_tui.links.bench.report import BenchReport, Times, Transfer
from natpass_wire.aio.link import Link
from natpass_wire.aio.tasks import Tasks
from natpass_wire.pb.bench_pb2 import BenchMessage
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, Data

#: Shares of the time: echoes alone, and each transfer.
_IDLE, _TRANSFER = 0.3, 0.35
#: Bytes of an echo: a few key presses.
_ECHO_BYTES = 64
#: Bytes of filler in a message, and of what is around it, at most.
_FILLER = bytes(32 * 1024)
_HEAD_BYTES = 16
#: More than can be given in the time.
_ENDLESS = 1 << 50
#: Seconds without progress, while what is on the way arrives at the end of a part, after which a bench gives up: longer
#: than a cut that the link survives. A slow line may take as long as it needs.
_STALL_SECONDS = 30.0
#: Seconds between two looks whether the agent has taken more.
_PROGRESS_SECONDS = 0.25
#: Round trips to the relay, and seconds for all of them, and between two looks whether an answer is there.
_PINGS, _PING_SECONDS, _LOOK_SECONDS = 20, 1.0, 0.002

REQUEST = ConnectRequest(name="bench", kind=ConnectRequest.bench)
#: The clock: the loop's own has a resolution of 1 ms (uvloop).
now = time.perf_counter


class Relay(Protocol):
    """What a bench needs of the logged-in console."""

    @property
    def round_trip(self) -> float | None:
        """Seconds to the relay and back, None while unknown."""
        ...

    def measure(self) -> None:
        """Forget the round trip, and measure it again."""

    async def open_link(self, peer: str, request: ConnectRequest) -> Link:
        """Open a link. Raises LinkEndedError."""
        ...


class Bench:
    """One bench. `report` has what is known so far, at any time.

    Args:
        relay: the logged-in console.
        link: an open link, for the echoes.
        report: filled in here.
        beyond: returns the round trip between relay and agent in seconds, None while unknown.
    """

    def __init__(self, relay: Relay, link: Link, report: BenchReport, beyond: Callable[[], float | None]) -> None:
        self._relay = relay
        self._link = link
        self._report = report
        self._beyond = beyond
        self._count = 0
        #: What is going on, for people.
        self.phase = "round trips to the relay"

    async def run(self, seconds: float) -> None:
        """Measure for about so many seconds.

        Raises:
            LinkEndedError: a link has ended.
            TimeoutError: the agent does not answer any more.
        """
        report = self._report
        await self._to_relay()
        since = now()
        load = await self._relay.open_link(report.agent, REQUEST)
        report.opening = now() - since
        try:
            self.phase = "echoes"
            cpu, since = time.process_time(), now()
            try:
                await self._echoes(report.idle, lambda: now() - since >= seconds * _IDLE)
            finally:
                report.idle_cpu, report.beyond = time.process_time() - cpu, self._beyond()
            self.phase = "a transfer from the agent"
            await self._beside(report.down, self._down(load, report.down, seconds * _TRANSFER))
            self.phase = "a transfer to the agent"
            await self._beside(report.up, self._up(load, report.up, seconds * _TRANSFER))
        finally:
            report.resumes = self._link.resumes + load.resumes
            load.close()

    async def _to_relay(self) -> None:
        """Measure round trips to the relay; an existing one answers none."""
        until = now() + _PING_SECONDS
        for _ in range(_PINGS):
            self._relay.measure()
            while (found := self._relay.round_trip) is None:
                if now() >= until:
                    return
                await asyncio.sleep(_LOOK_SECONDS)
            self._report.to_relay.samples.append(found)

    async def _beside(self, transfer: Transfer, work: Awaitable[None]) -> None:
        """Carry a transfer, with echoes beside it."""
        over = False
        tasks = Tasks()
        cpu = time.process_time()
        echoes = tasks.start(self._echoes(transfer.echoes, lambda: over), "bench echoes")
        try:
            await work
            over = True
            await echoes
        finally:
            transfer.cpu = time.process_time() - cpu
            await tasks.close()

    async def _echoes(self, times: Times, is_over: Callable[[], bool]) -> None:
        """Send an echo after another."""
        while not is_over():
            self._count += 1
            said = self._count.to_bytes(8, "big").ljust(_ECHO_BYTES, b"\0")
            since = now()
            await self._link.send(message(BenchMessage(echo=said)))
            while _said(await self._link.receive()).echo != said:
                continue
            times.samples.append(now() - since)

    async def _down(self, link: Link, transfer: Transfer, seconds: float) -> None:
        """Have the agent send for so many seconds."""
        await link.send(message(BenchMessage(give=_ENDLESS)))
        since = first = now()
        while now() - since < seconds:
            for each in await link.receive_batch():
                transfer.size += len(_said(each).take)
            transfer.seconds = now() - first
        await link.send(message(BenchMessage(give=0)))
        await _taken(link)  # behind all filler

    async def _up(self, link: Link, transfer: Transfer, seconds: float) -> None:
        """Send for so many seconds, and wait until the agent has it all."""
        since = now()
        while now() - since < seconds:
            room = await link.room()
            size = max(1, min(room - _HEAD_BYTES, len(_FILLER)))
            link.put(message(BenchMessage(take=_FILLER[:size])))
            await asyncio.sleep(0)  # the echoes' turn, while there is always room
        transfer.size = await _taken(link)
        transfer.seconds = now() - since


async def _taken(link: Link) -> int:
    """Return how many bytes of filler the agent has received, once all before has come and gone.

    Raises:
        TimeoutError: nothing moves any more.
    """
    async with asyncio.timeout(_STALL_SECONDS) as limit:
        tasks = Tasks()
        tasks.start(_follow(link, limit), "bench progress")
        try:
            await link.send(message(BenchMessage(ask=True)))
            while (said := _said(await link.receive())).WhichOneof("what") != "taken":
                _moved(limit)
        finally:
            await tasks.close()
    return said.taken


async def _follow(link: Link, limit: asyncio.Timeout) -> None:
    """Extend the time whenever the agent has taken more."""
    before = link.unacknowledged
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        if (left := link.unacknowledged) != before:
            before = left
            _moved(limit)


def _moved(limit: asyncio.Timeout) -> None:
    if not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time() + _STALL_SECONDS)


def message(said: BenchMessage) -> Msg:
    """Return the message that carries a `BenchMessage`."""
    return Msg(type=MsgType.forward, data=Data(data=said.SerializeToString()))


def _said(received: Msg) -> BenchMessage:
    return BenchMessage.FromString(received.data.data) if received.type == MsgType.forward else BenchMessage()
