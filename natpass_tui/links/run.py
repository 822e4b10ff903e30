"""The run of a command or program on an agent, from login to exit status."""

import asyncio
import contextlib
import json
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from natpass_tui.hints import shell_hint
from natpass_tui.links.outcome import INTERRUPTED, Counts, Outcome
from natpass_tui.login import PROGRAM, NotReachedError, check_agent, logged_in
from natpass_tui.model.console import Console
from natpass_tui.model.naming import about
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.program.main import complain

_TERMINATED, _HUNG_UP = 143, 129
#: Seconds within which a connection may return without a message.
QUIET_SECONDS = 1.0


class Run(ABC):
    """One run of a command.

    Args:
        agent: the agent's id.
        argv: the command.
    """

    #: Whether to allow agents whose links are not sealed.
    allow_unsealed = False

    def __init__(self, agent: str, argv: Sequence[bytes]) -> None:
        self._agent = agent
        self._argv = argv
        self._link: Link | None = None
        self._console: Console | None = None
        self._given_up: int | None = None
        self._task: asyncio.Task[Any] | None = None

    # for a kind of run to implement

    @abstractmethod
    def _request(self) -> ConnectRequest:
        """Return the request to the agent."""

    @abstractmethod
    async def _carry(self, link: Link) -> Outcome:
        """Carry bytes until the command ends."""

    @abstractmethod
    def _stop(self, status: int) -> bool:
        """Handle a signal: give the command up with this exit status, or interrupt it; False if it has not started."""

    @abstractmethod
    def _counts(self) -> Counts:
        """Return the bytes carried so far."""

    def _refused(self, reason: str) -> str:
        """Return the agent's reason for refusing, and what to do."""
        return reason + shell_hint(self._argv, reason)

    def _more_signals(self) -> dict[str, Callable[[], None]]:
        """Return more signal handlers, by the signals' names."""
        return {}

    # common to all runs

    async def status(self, target: RelayTarget, listed: Sequence[str]) -> int:
        """Log in, run the command, and return the exit status; print what goes wrong.

        Raises:
            NotReachedError: login failed, no such agent, or it refuses.
        """
        self._task = asyncio.current_task()
        with self._signals():
            try:
                async with logged_in(target, listed, allow_unsealed=self.allow_unsealed) as console:
                    self._console = console
                    check_agent(console, self._agent)
                    try:
                        self._link = await console.open_link(self._agent, self._request())
                    except LinkEndedError as error:
                        raise NotReachedError(about(self._agent, self._refused(str(error)))) from error
                    if news := console.news_of(self._agent):  # once for each agent, on stderr, as ssh does
                        click.echo(f"{PROGRAM}: {' '.join(news.splitlines())}", err=True)
                    how = await self._carry(self._link)
            except asyncio.CancelledError:
                if self._given_up is None or self._task is None:
                    raise
                self._task.uncancel()
                return self._given_up
        if not how.text:
            return how.status
        return complain(PROGRAM, about(self._agent, self._refused(how.text)), how.status)

    def summary(self, status: int, seconds: float) -> str:
        """Return the output of `--json`."""
        counts = self._counts()
        return json.dumps(
            {
                "agent": self._agent,
                "status": status,
                "bytes_in": counts.bytes_in,
                "bytes_out": counts.bytes_out,
                "bytes_err": counts.bytes_err,
                "seconds": round(seconds, 3),
                "resumes": self._link.resumes if self._link is not None else 0,
            }
        )

    def _told(self, status: int) -> None:
        if not self._stop(status):
            self._given_up = status
            if self._task is not None:
                self._task.cancel()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers: list[int] = []
        with contextlib.suppress(NotImplementedError):  # Windows: an interrupt is a KeyboardInterrupt there
            for name, status in (("SIGINT", INTERRUPTED), ("SIGTERM", _TERMINATED), ("SIGHUP", _HUNG_UP)):
                number = getattr(signal, name)
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, and jobs in the background of a script
                    loop.add_signal_handler(number, self._told, status)
                    numbers.append(number)
            for name, act in self._more_signals().items():
                number = getattr(signal, name)
                loop.add_signal_handler(number, act)
                numbers.append(number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
