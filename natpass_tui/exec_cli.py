"""The command `natpass-tui exec`: a command on an agent, without a terminal."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import click

from natpass_tui.links.exec.request import ExecRequest
from natpass_tui.links.exec.session import FAILED, INTERRUPTED, ExecSession, Outcome
from natpass_tui.links.exec.streams import Reader, Writer, fill_closed
from natpass_tui.login import (
    CONFIG_KEYS,
    HELP,
    PROGRAM,
    check_agent,
    listed_agents,
    logged_in,
    relay_target,
    says,
)
from natpass_tui.session.naming import about
from natpass_tui.session.relay_port import LinkPort
from natpass_wire.aio import runtime
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.aio.link import LinkEndedError
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.program.main import complain
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.text import printable

_TERMINATED, _HUNG_UP = 143, 129
#: A connection that is back so soon was hardly gone: nothing is said.
_QUIET_SECONDS = 1.0


class _ExecCommand(click.Command):
    """Wants `--` before a command whose words could be taken for our options."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the words of the usage line, in the order in which they are best written."""
        return ["AGENT", "[OPTIONS]", "--", "COMMAND", "[ARGUMENT]..."]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; no option may stand behind the command's first word without `--`."""
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise click.UsageError(f"{error.format_message()} The command's own stand behind --", ctx) from error
        words: Sequence[str] = ctx.params.get("argv") or ()
        if words and tuple(given[-len(words) :]) != tuple(words):
            raise click.UsageError("-- is needed between the options and the command", ctx)
        return rest


@click.command("exec", cls=_ExecCommand, context_settings=HELP)
@click.argument("agent")
@click.argument("argv", metavar="COMMAND [ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--cwd", metavar="DIR", default="", help="Where to run it, relative to the home over there.")
@click.option("--env", metavar="NAME=VALUE", multiple=True, help="Add a variable to its environment; may be repeated.")
@click.option("--timeout", metavar="SECONDS", type=float, help="End it after so long, with exit status 124.")
@click.option("--json", "as_json", is_flag=True, help="At the end, print one line of JSON on stderr: what was carried.")
@connection_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, agent: str, argv: tuple[str, ...], as_json: bool, **_: object) -> int:
    """Run COMMAND on AGENT, without a terminal.

    stdin, stdout and stderr are the command's, apart and byte for byte, so that it works in pipes. No shell comes
    between: for one, run sh -c. Write -- before the command.

    \b
      natpass-tui exec web1 -- uptime
      natpass-tui exec web1 -- tar c -C /etc . | tar x -C backup
      natpass-tui exec web1 --timeout 60 --cwd /srv -- sh -c 'make >log 2>&1'

    Ctrl+C interrupts the command over there, behind the input that was sent before; a second one gives up on it, and
    the agent ends it. While the connection is away, the command goes on, and so does this when it is back. The command
    ends when it has exited and its outputs are closed, or a second after its exit if something in the background keeps
    them open; that lives on.

    stdin is read even if the command does not: in loops, say </dev/null.

    Exit status: the command's, 128+N if signal N ended it, 124 if it took longer than --timeout, 255 if it could not
    be run or the link to it is lost (with one line that says why), 130 if you gave up.
    """
    fill_closed()
    values = gather(ctx, config_keys=CONFIG_KEYS)
    if fault := client_id_fault(agent):
        raise UserError(f"{printable(agent)!r} is no agent: {fault}")
    request = ExecRequest.from_words(argv, values["cwd"], values["env"], values["timeout"])
    # What is in there from now on is the title of this process, which holds text only; arguments may be other bytes.
    sys.argv[1:] = [word.encode(errors="replace").decode() for word in sys.argv[1:]]
    run = Run(agent, request)
    since = time.monotonic()
    try:
        how = runtime.run(run.status(relay_target(values, says_relay=sys.stderr.isatty()), listed_agents(values)))
    except UserError as error:
        how = complain(PROGRAM, str(error), FAILED)
    if as_json:
        click.echo(run.summary(how, time.monotonic() - since), err=True)
    return how


def is_asked_for(group: click.Command, arguments: Sequence[str]) -> bool:
    """Tell whether these arguments of the program are about this command: its mistakes have a status of their own."""
    options = [option for option in group.params if isinstance(option, click.Option)]
    takes_value = {name for option in options if not option.is_flag for name in option.opts}
    words = iter(arguments)
    for word in words:
        if word in takes_value:
            next(words, None)
        elif not word.startswith("-"):
            return word == command.name
    return False


class Run:
    """One run of a command, from login to exit status.

    Args:
        agent: the agent's id.
        request: what to run.
    """

    def __init__(self, agent: str, request: ExecRequest) -> None:
        self._agent = agent
        self._request = request
        self._session: ExecSession | None = None
        self._link: LinkPort | None = None
        self._given_up: int | None = None
        self._task: asyncio.Task[Any] | None = None

    async def status(self, target: RelayTarget, listed: Sequence[str]) -> int:
        """Log in, run the command, and return the exit status; what goes wrong is told.

        Raises:
            UserError: there is no login, no such agent, or it refuses.
        """
        self._task = asyncio.current_task()
        with self._signals():
            try:
                async with logged_in(target, listed) as console:
                    check_agent(console, self._agent)
                    try:
                        link = await console.open_link(self._agent, self._request.message())
                    except LinkEndedError as error:
                        raise UserError(about(self._agent, str(error))) from error
                    if news := console.news_of(self._agent):  # once an agent, on stderr, as ssh does
                        click.echo(f"{PROGRAM}: {' '.join(news.splitlines())}", err=True)
                    how = await self._run(link)
            except asyncio.CancelledError:
                if self._given_up is None or self._task is None:
                    raise
                self._task.uncancel()
                return self._given_up
        return complain(PROGRAM, about(self._agent, how.text), how.status) if how.text else how.status

    def summary(self, status: int, seconds: float) -> str:
        """Return what `--json` prints."""
        counts = self._session.counts if self._session is not None else None
        return json.dumps(
            {
                "agent": self._agent,
                "status": status,
                "bytes_in": counts.bytes_in if counts else 0,
                "bytes_out": counts.bytes_out if counts else 0,
                "bytes_err": counts.bytes_err if counts else 0,
                "seconds": round(seconds, 3),
                "resumes": self._link.resumes if self._link is not None else 0,
            }
        )

    async def _run(self, link: LinkPort) -> Outcome:
        self._link = link
        self._session = ExecSession(link, Reader(0), Writer(1), Writer(2), self._request.timeout)
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(_tell_waiting(link, self._agent), name="exec waiting")
            try:
                return await self._session.run()
            finally:
                telling.cancel()

    def _told(self, status: int) -> None:
        """Take a signal: the first interrupt is the command's, everything else ends it and us."""
        if self._session is None:
            self._given_up = status
            if self._task is not None:
                self._task.cancel()
        elif status == INTERRUPTED:
            self._session.interrupt()
        else:
            self._session.stop(status)

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
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


async def _tell_waiting(link: LinkPort, agent: str) -> None:
    """Say on a terminal that there is no way to the agent, for as long as there is none."""
    changed = asyncio.Event()
    link.watch(changed.set)
    loop = asyncio.get_running_loop()

    def text() -> str:
        seconds = loop.time() - link.detached.since if link.detached is not None else 0.0
        return f"{PROGRAM}: connection lost, waiting for {agent} … {seconds:.0f} s"

    while True:
        while link.detached is None:
            changed.clear()
            await changed.wait()
        with says(text, after=_QUIET_SECONDS):
            while link.detached is not None:
                changed.clear()
                await changed.wait()
