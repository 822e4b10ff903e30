"""The run of `natpass-tui forward`: from the login to a signal."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial

import click

from natpass_tui.links.forward.forwards import Forwards
from natpass_tui.links.forward.report import ForwardReport
from natpass_tui.links.forward.rules import ForwardRule
from natpass_tui.links.outcome import INTERRUPTED
from natpass_tui.login import PROGRAM, NotReachedError, check_agent, logged_in
from natpass_tui.model.console import Console
from natpass_tui.model.naming import about
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.program import signals
from natpass_wire.program.main import complain
from natpass_wire.text import printable

_HUNG_UP = 129
#: Changes within so many seconds are looked at together.
_TOGETHER_SECONDS = 0.05


class ForwardRun:
    """One run.

    Args:
        rules: the rules of each agent.
        idle: seconds without a datagram after which a flow of them is over.
        as_json: print events as JSON.
        waits: whether to wait for agents that are away at the start.
        allow_unsealed: allow existing agents too.
    """

    def __init__(
        self,
        rules: Mapping[str, Sequence[ForwardRule]],
        *,
        idle: float,
        as_json: bool = False,
        waits: bool = False,
        allow_unsealed: bool = False,
    ) -> None:
        self._rules = rules
        self._allow_unsealed = allow_unsealed
        self._idle = idle
        self._waits = waits
        self._report = ForwardReport(_out, _err, time.monotonic, as_json=as_json)
        self._forwards: list[Forwards] = []
        self._due: set[str] = set()  # agents whose news are said soon
        self._started = False

    async def status(self, target: RelayTarget, listed: Sequence[str]) -> int:
        """Log in, start all rules, and forward until a signal; return the exit status.

        Raises:
            NotReachedError: login failed, or an agent can't be reached.
            UserError: a rule can't listen.
        """
        loop = asyncio.get_running_loop()
        stopped: asyncio.Future[int] = loop.create_future()

        def stop(number: int) -> None:
            if not stopped.done():
                stopped.set_result(number)

        signals.handle(stop, lambda: None)
        task = asyncio.current_task()
        assert task is not None
        stopped.add_done_callback(lambda _: task.cancel() if not self._started else None)
        try:
            async with (
                logged_in(target, listed, allow_unsealed=self._allow_unsealed) as console,
                self._running(console),
            ):
                self._started = True
                number = await stopped
        except asyncio.CancelledError:
            if not stopped.done():
                raise
            task.uncancel()
            number = stopped.result()
        return {signal.SIGTERM: 0, signal.SIGINT: INTERRUPTED}.get(signal.Signals(number), _HUNG_UP)

    @contextlib.asynccontextmanager
    async def _running(self, console: Console) -> AsyncIterator[None]:
        """Start all rules, or none, and end them."""
        try:
            for agent, rules in self._rules.items():
                await self._start(console, agent, rules)
            console.listener = _Roster(console, self._forwards)
            for forwards in self._forwards:
                self._changed(forwards)
            yield
        finally:
            for forwards in self._forwards:
                if self._started:
                    self._report.ended(forwards.agent, forwards.rows())
                await forwards.close()

    async def _start(self, console: Console, agent: str, rules: Sequence[ForwardRule]) -> None:
        forwards = Forwards(agent, console, told=partial(self._failed, agent), idle=self._idle)
        forwards.changed = partial(self._changed, forwards)
        try:
            if not self._waits:
                check_agent(console, agent)
            await forwards.start(rules, waits=self._waits)
        except LinkEndedError as error:
            raise NotReachedError(about(agent, printable(str(error), 1000))) from error
        self._forwards.append(forwards)
        if news := console.news_of(agent):  # once for each agent, on stderr, as ssh does
            _err(" ".join(news.splitlines()))

    def _failed(self, agent: str, rule: ForwardRule, text: str) -> None:
        if self._started:
            self._report.failed(agent, rule, text)

    def _changed(self, forwards: Forwards) -> None:
        """Say soon what is new."""
        if not self._started and forwards not in self._forwards:
            return  # all or none: it is said when all listen
        if forwards.agent not in self._due:  # thousands of connections may come and go in a second
            self._due.add(forwards.agent)
            asyncio.get_running_loop().call_later(_TOGETHER_SECONDS, self._update, forwards)

    def _update(self, forwards: Forwards) -> None:
        self._due.discard(forwards.agent)
        self._report.update(forwards.agent, forwards.rows(), forwards.waiting)


class _Roster:
    """Listens to a console: agents that are back.

    Args:
        console: the console.
        forwards: the forwards to agents.
    """

    def __init__(self, console: Console, forwards: Sequence[Forwards]) -> None:
        self._console = console
        self._forwards = forwards

    def relay_changed(self) -> None:
        """Try again at once when the relay is back."""
        if self._console.is_online:
            self._tell(lambda _: True)

    def fleet_changed(self) -> None:
        """Try again at once when the agent is back."""

        def is_there(agent: str) -> bool:
            found = self._console.fleet.get(agent)
            return found is not None and found.is_connected

        self._tell(is_there)

    def latencies_changed(self) -> None:
        """Ignore."""

    def _tell(self, is_there: Callable[[str], bool]) -> None:
        for forwards in self._forwards:
            if forwards.waiting and is_there(forwards.agent):
                forwards.agent_there()


def _out(line: str) -> None:
    with contextlib.suppress(OSError):  # forwards go on if the reader of the lines is gone, or the disk is full
        click.echo(line)


def _err(line: str) -> None:
    with contextlib.suppress(OSError):
        complain(PROGRAM, line)
