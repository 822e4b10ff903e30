"""The command `natpass-tui exec`: a command on an agent, without a terminal, or with the user's own."""

# Why: docs/decisions/033-exit-status.md

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from natpass_tui.command_line import CommandWithWords
from natpass_tui.links.exec.request import RemoteCommand
from natpass_tui.links.outcome import FAILED
from natpass_tui.login import (
    CONFIG_KEYS,
    HELP,
    PROGRAM,
    NotReachedError,
    listed_agents,
    relay_target,
)
from natpass_tui.tty.request import ShellRequest
from natpass_wire.aio import runtime
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.program.main import complain
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.text import printable

if TYPE_CHECKING:
    from natpass_tui.links.run import Run


@click.command("exec", cls=CommandWithWords, context_settings=HELP)
@click.argument("agent")
@click.argument("argv", metavar="-- COMMAND [ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
@click.option("--cwd", metavar="DIR", default="", help="Where to run it, relative to the remote home.")
@click.option("--env", metavar="NAME=VALUE", multiple=True, help="Add a variable to its environment; may be repeated.")
@click.option("--timeout", metavar="SECONDS", type=float, help="End it after so long, with exit status 124.")
@click.option("-t", "--tty", is_flag=True, help="Give it your terminal, as ssh -t does; see below.")
@click.option(
    "--raw",
    is_flag=True,
    help="Do not filter its output to your terminal: it may set titles, your clipboard, and ask questions that your "
    "terminal answers as if you had typed.",
)
@click.option("--json", "as_json", is_flag=True, help="At the end, print a line of JSON on stderr: the bytes carried.")
@connection_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, agent: str, argv: tuple[str, ...], as_json: bool, **_: object) -> int:
    """Run COMMAND on AGENT, without a terminal, or with yours.

    stdin, stdout and stderr are the command's, separate and byte for byte, so it works in pipes. No shell interprets
    the command: for one, run sh -c. Write -- before the command.

    \b
      natpass-tui exec web1 -- uptime
      natpass-tui exec web1 -- tar c -C /etc . | tar x -C backup
      natpass-tui exec web1 --timeout 60 --cwd /srv -- sh -c 'make >log 2>&1'

    Ctrl+C interrupts the remote command, after the input that was sent before; a second one gives up on it, and the
    agent ends it. While the connection is lost, the command goes on, and so does this when it is back. The command ends
    when it has exited and its outputs are closed, or a second after its exit if a background process keeps them open;
    that process lives on.

    stdin is read even if the command does not read it: in loops, add </dev/null.

    Output to your terminal is filtered: text, colours, cursor and modes pass (--raw: everything), but without -t no
    modes that change what your keyboard and mouse send. Pipes and files get every byte.

    With -t the command runs on a remote terminal, and uses yours: all keys go to it, Ctrl+C too. Enter, then ~ and .
    give up on it, also without a connection; ~ ? lists the others (~ ~ sends one ~). stdout and stderr are one then.

    \b
      natpass-tui exec -t web1 -- sudo -i
      natpass-tui exec -t web1 -- vim /etc/hosts

    Exit status: the command's, 128+N if signal N ended it, 124 if it took longer than --timeout, 255 if relay or agent
    can't be reached, the command could not be run there or the link to it is lost (with one line that says why), 130 if
    you gave up, 2 after a mistake in the command line or the configuration here; nothing was run then.
    """
    from natpass_tui.links.streams import fill_closed  # noqa: PLC0415 - as for `_run`

    fill_closed()
    values = gather(ctx, config_keys=CONFIG_KEYS)
    if fault := client_id_fault(agent):
        raise UserError(f"{printable(agent)!r} is not an agent's id: {fault}")
    request = RemoteCommand.from_words(argv, values["cwd"], values["env"], values["timeout"])
    # From now on this is only the process' title, which has to be text; arguments may be other bytes.
    sys.argv[1:] = [word.encode(errors="replace").decode() for word in sys.argv[1:]]
    run = _run(agent, request, values)
    target = relay_target(values, says_relay=sys.stderr.isatty())
    since = time.monotonic()
    try:
        how = runtime.run(run.status(target, listed_agents(values)))
    except NotReachedError as error:
        how = complain(PROGRAM, str(error), FAILED)
    if as_json:
        click.echo(run.summary(how, time.monotonic() - since), err=True)
    return how


def _run(agent: str, request: RemoteCommand, values: Mapping[str, Any]) -> "Run":
    """Return the run, with a terminal or without.

    Raises:
        UserError: there is no terminal.
    """
    from natpass_tui.links.exec.run import ExecRun  # noqa: PLC0415 - not needed for --help
    from natpass_tui.tty.run import TtyRun  # noqa: PLC0415 - as above

    if not values["tty"]:
        return ExecRun(agent, request, raw=values["raw"])
    on_terminal = ShellRequest.from_exec(request, os.environ)
    return TtyRun(agent, on_terminal, allow_unsealed=values["allow_unsealed"], raw=values["raw"])
