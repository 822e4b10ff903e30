"""Answers measurements."""

import asyncio
import contextlib
import logging

from google.protobuf.message import DecodeError

from natpass_agent.links.bench import KIND
from natpass_agent.links.kind import ONLY_LOOK
from natpass_agent.links.lines import LinkLines
from natpass_agent.links.running import Running, RunningFor
from natpass_agent.links.who import who_of
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.bench_pb2 import BenchMessage
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, Data, LinkEnd

log = logging.getLogger(__name__)

#: Seconds after which a link ends, whatever it does.
MOST_SECONDS = 60.0
#: Bytes of filler in a message at most: the next message of another link does not wait for long.
_MOST_FILLER = 32 * 1024
_FILLER = bytes(_MOST_FILLER)
#: Bytes of a message that are not filler.
_HEAD_BYTES = 16


class BenchServer:
    """Echoes, takes and gives bytes, on streams. A plain link of an existing program is accepted, and ends at once.

    Args:
        most_seconds: see `MOST_SECONDS`.
    """

    kind = KIND

    def __init__(self, most_seconds: float = MOST_SECONDS) -> None:
        self._most_seconds = most_seconds
        self.running = RunningFor()
        #: The log.
        self.lines = LinkLines(log)

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Accept the link, and answer until it ends, or its time is over."""
        if rights.read_only:
            link.refuse(ONLY_LOOK, ConnectResponse.REFUSED)
            return
        with contextlib.suppress(LinkEndedError):
            link.accept()
            if link.is_plain:  # its opener measures this answer, and never ends the link
                link.close("that was all")
                return
            self.lines.say("benches", link, f"bench for {who_of(link)}")
            with self.running.noted(link, Running("bench", None, "bench")):
                await self._answer(link)

    async def _answer(self, link: Link) -> None:
        filler = _Filler(link)
        tasks = Tasks()
        tasks.start(filler.run(), "bench filler")
        try:
            async with asyncio.timeout(self._most_seconds):
                await _receive(link, filler)
        except TimeoutError:
            link.close(f"a bench takes at most {self._most_seconds:.0f} s", LinkEnd.TIMED_OUT, gives_up=True)
        except DecodeError:
            link.close("an invalid message", LinkEnd.FAILED, gives_up=True)
        finally:
            await tasks.close()


class _Filler:
    """Sends filler while there is some to give."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._left = 0
        self._changed = asyncio.Event()

    def give(self, size: int) -> None:
        self._left = size
        self._changed.set()

    async def run(self) -> None:
        with contextlib.suppress(LinkEndedError):
            while True:
                while not self._left:
                    self._changed.clear()
                    await self._changed.wait()
                room = await self._link.room()
                size = min(self._left, max(1, min(room - _HEAD_BYTES, _MOST_FILLER)))
                self._left -= size
                await self._link.send(_message(BenchMessage(take=_FILLER[:size])))
                await asyncio.sleep(0)  # others' turn, while there is always room


async def _receive(link: Link, filler: _Filler) -> None:
    """Answer until the link has ended. Raises DecodeError, LinkEndedError."""
    taken = 0
    while True:
        message = await link.receive()
        if message.type != MsgType.forward:
            continue
        said = BenchMessage.FromString(message.data.data)
        match said.WhichOneof("what"):
            case "echo":
                await link.send(_message(said))
            case "take":
                taken += len(said.take)
            case "give":
                filler.give(said.give)
            case "ask":
                await link.send(_message(BenchMessage(taken=taken)))


def _message(said: BenchMessage) -> Msg:
    return Msg(type=MsgType.forward, data=Data(data=said.SerializeToString()))
