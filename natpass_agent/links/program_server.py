"""What the servers of kinds that run a program for each link have in common."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from natpass_agent.links.kind import ONLY_LOOK, Kind
from natpass_agent.links.request import BadRequestError, logged_as
from natpass_agent.links.running import RunningFor
from natpass_agent.platform.programs import NoProgramError, SpawnError
from natpass_wire.aio.link import IncomingLink, LinkEndedError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Characters of a command line that `natpass-agent status` gets; arguments may have megabytes.
_MOST_CHARACTERS = 1000
T = TypeVar("T")


class Program(Protocol):
    """A program that runs for a link."""

    @property
    def pid(self) -> int:
        """The program's process id."""

    async def close(self) -> None:
        """End the program, if it has not ended, and free what it holds here."""


@dataclass(frozen=True, slots=True)
class Started:
    """A program that was started for a link.

    Attributes:
        program: the program.
        argv: its command line.
        carry: carries bytes between the program and the link until one of them has ended.
    """

    program: Program
    argv: Sequence[str]
    carry: Callable[[], Awaitable[None]]


class ProgramServer(ABC):
    """Runs a program for each link: admission, start, answer, end, and what the log and `status` say of it."""

    kind: ClassVar[Kind]
    #: What the log calls the program.
    noun: ClassVar[str]

    def __init__(self) -> None:
        self.running = RunningFor()
        # Starting takes milliseconds, in which the loop stands still: one at a time, so that others get their turn
        # between two, and those that wait for too long can be answered.
        self._starting = asyncio.Lock()

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Start the program, accept the link, and carry bytes until either ends; then neither is left."""
        if rights.read_only:  # a program can't be kept from changing something
            link.refuse(self.kind.read_only or ONLY_LOOK)
            return
        who = printable(link.peer)
        try:
            started = await self._start(link, request)
        except (BadRequestError, NoProgramError, SpawnError) as error:
            log.info("no %s for %s: %s", self.noun, who, error)
            if link.is_asked:
                link.refuse(str(error))
            else:
                link.close(str(error), LinkEnd.FAILED)
            return
        except LinkEndedError:
            log.debug("%s has given up before its %s was started", who, self.noun)
            return
        program = started.program
        try:
            log.info("%s for %s: %s (pid %d)", self.noun, who, logged_as(started.argv), program.pid)
            with self.running.noted(link, " ".join(started.argv)[:_MOST_CHARACTERS], program.pid):
                if link.is_asked:
                    link.accept()
                await started.carry()
        except LinkEndedError:
            log.debug("%s has given up before it was answered", who)
        finally:
            await program.close()
        why = (link.end and link.end.text) or "its opener closed it"
        log.info("%s of %s has ended: %s (pid %d)", self.noun, who, why, program.pid)

    @abstractmethod
    async def _start(self, link: IncomingLink, request: ConnectRequest) -> Started:
        """Start what is asked for; the link may have been accepted before that.

        Raises:
            BadRequestError, NoProgramError, SpawnError: it can't be started.
            LinkEndedError: the opener has given up.
        """

    async def _in_turn(self, link: IncomingLink, spawn: Callable[[], Awaitable[T]]) -> T:
        """Return what `spawn` returns; it is called when no other program is being started.

        Raises:
            LinkEndedError: the opener gave up meanwhile, or was answered.
        """
        was_asked = link.is_asked
        async with self._starting:
            await asyncio.sleep(0)
            if not (link.is_asked if was_asked else link.end is None):
                raise LinkEndedError(link.end or End(LinkEnd.CLOSED))
            return await spawn()
