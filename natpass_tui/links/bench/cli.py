"""The command `natpass-tui bench`."""

import json
import sys

import click
from rich.console import Console

from natpass_tui.links.bench.run import BenchRun
from natpass_tui.links.bench.table import renderable
from natpass_tui.links.outcome import FAILED
from natpass_tui.login import CONFIG_KEYS, HELP, PROGRAM, NotReachedError, listed_agents, relay_target
from natpass_wire.aio import runtime
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.program.main import complain
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.text import printable

#: The width of a report that goes to no terminal.
_WIDTH = 80


@click.command("bench", context_settings=HELP)
@click.argument("agent")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 50),
    default=10.0,
    show_default=True,
    metavar="N",
    help="For about how long to measure, 1 to 50.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object: milliseconds, and bytes a second.")
@connection_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, agent: str, seconds: float, as_json: bool, **_: object) -> int:
    """Measure the way to AGENT: round trips, throughput both ways, and where the time goes.

    Echoes travel as key presses do: alone first, then beside a transfer in each direction that takes all it can get.
    So it loads the line, the relay and the agent for some seconds. Ctrl+C prints what is known so far.

    Exit status: 0, 130 after Ctrl+C, 255 if relay or agent can't be reached, or the agent refuses or goes away.
    """
    values = gather(ctx, config_keys=CONFIG_KEYS)
    if fault := client_id_fault(agent):
        raise UserError(f"{printable(agent)!r} is not an agent's id: {fault}")
    target = relay_target(values, says_relay=sys.stderr.isatty())
    run = BenchRun(agent, str(target.address), seconds)
    try:
        status = runtime.run(run.status(target, listed_agents(values)))
    except NotReachedError as error:
        return complain(PROGRAM, str(error), FAILED)
    if run.report.start is None:  # stopped before anything was measured
        return status
    if as_json:
        click.echo(json.dumps(run.report.as_object(), ensure_ascii=False, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False).print(renderable(run.report))
    return status
