"""The base of servers that run a program for each link."""

import asyncio
import logging
import shlex
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from natpass_agent.links.kind import ONLY_LOOK, Kind
from natpass_agent.links.lines import LinkLines
from natpass_agent.links.request import BadRequestError, logged_as
from natpass_agent.links.running import Running, RunningFor
from natpass_agent.links.who import who_of
from natpass_agent.platform.programs import NoProgramError, SpawnError
from natpass_wire.aio.link import IncomingLink, LinkEndedError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd
from natpass_wire.text import printable

log = logging.getLogger(__name__)

#: Characters of a command line in `natpass-agent status`; arguments may have megabytes.
_MOST_CHARACTERS = 1000
T = TypeVar("T")


class Program(Protocol):
    """A program that runs for a link."""

    @property
    def pid(self) -> int:
        """The program's process id."""

    async def close(self) -> None:
        """End the program, if it has not ended, and free its resources."""


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
    """Runs a program for each link: admission, start, answer, end, logging, and `status`."""

    kind: ClassVar[Kind]
    #: The program's noun in the log.
    noun: ClassVar[str]

    def __init__(self) -> None:
        self.running = RunningFor()
        #: The log.
        self.lines = LinkLines(log)
        # A start blocks the loop for milliseconds. One at a time, so that other tasks run between two starts, and
        # links that wait for too long can be answered.
        self._starting = asyncio.Lock()

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Start the program, accept the link, carry bytes until one of them ends, and end the other."""
        # The agent's policy has refused these before; a program is never started on its word alone.
        if rights.read_only:  # a program can always change something
            link.refuse(self.kind.read_only or ONLY_LOOK)
            return
        if rights.kinds is not None and self.kind.name not in rights.kinds:
            link.refuse("your console's key may not do this here")
            return
        who = who_of(link)
        try:
            started = await self._start(link, request)
        except (BadRequestError, NoProgramError, SpawnError) as error:
            self.lines.say(f"no {self.noun}", link, f"no {self.noun} for {who}: {fault_logged_as(error)}")
            log.debug("no %s for %s: %s", self.noun, who, error)
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
            logged = logged_as(started.argv)
            self.lines.say(f"{self.noun}s", link, f"{self.noun} for {who}: {logged} (pid {program.pid})")
            log.debug("pid %d is %s", program.pid, printable(shlex.join(started.argv), _MOST_CHARACTERS))
            with self.running.noted(link, Running(" ".join(started.argv)[:_MOST_CHARACTERS], program.pid, logged)):
                if link.is_asked:
                    link.accept()
                await started.carry()
        except LinkEndedError:
            log.debug("%s has given up before it was answered", who)
        finally:
            await program.close()
        why = (link.end and link.end.text) or "its opener closed it"
        text = f"{self.noun} of {who} has ended: {why} (pid {program.pid})"
        self.lines.say(f"{self.noun}s that have ended", link, text)

    @abstractmethod
    async def _start(self, link: IncomingLink, request: ConnectRequest) -> Started:
        """Start the requested program; may accept the link before.

        Raises:
            BadRequestError, NoProgramError, SpawnError: it can't be started.
            LinkEndedError: the opener has given up.
        """

    async def _in_turn(self, link: IncomingLink, spawn: Callable[[], Awaitable[T]]) -> T:
        """Call `spawn` when no other program is being started; return its result.

        Raises:
            LinkEndedError: the opener gave up meanwhile, or was answered.
        """
        was_asked = link.is_asked
        async with self._starting:
            await asyncio.sleep(0)
            if not (link.is_asked if was_asked else link.end is None):
                raise LinkEndedError(link.end or End(LinkEnd.CLOSED))
            return await spawn()


def fault_logged_as(error: Exception) -> str:
    """Return why a program was not started, for the log: without words of the request, which may hold passwords."""
    match error:
        case NoProgramError():
            return "no such program"
        case SpawnError():
            return "it can't be started"
    return "an invalid request"
