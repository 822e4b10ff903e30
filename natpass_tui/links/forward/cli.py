"""The command `natpass-tui forward`."""

from typing import Any

import click

from natpass_tui.links.forward.rules import Direction, ForwardRule, parse_options, parse_tables
from natpass_tui.links.outcome import FAILED
from natpass_tui.login import CONFIG_KEYS, HELP, PROGRAM, NotReachedError, listed_agents, relay_target
from natpass_wire.aio import runtime
from natpass_wire.channels.events import IDLE_SECONDS, MAX_IDLE_SECONDS
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.program import config
from natpass_wire.program.main import complain
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.program.platform_files import raise_open_files
from natpass_wire.text import printable


@click.command("forward", context_settings=HELP)
@click.argument("agent", required=False)
@click.option(
    "-L",
    "--local",
    metavar="[BIND:]PORT:HOST:PORT",
    multiple=True,
    help="Listen here, connect there: the agent connects to HOST:PORT, whose name it resolves. May be repeated, as the "
    "next three.",
)
@click.option(
    "-R",
    "--remote",
    metavar="[BIND:]PORT:HOST:PORT",
    multiple=True,
    help="Listen at the agent, connect from here; the agent has to allow a BIND beyond its loopback.",
)
@click.option(
    "-D",
    "--dynamic",
    metavar="[BIND:]PORT",
    multiple=True,
    help="A proxy here (SOCKS5, SOCKS4a and HTTP's CONNECT): the agent connects to where its clients say.",
)
@click.option(
    "-U",
    "--udp",
    metavar="[BIND:]PORT:HOST:PORT",
    multiple=True,
    help="UDP: send datagrams that come here on to HOST:PORT there, and the answers back.",
)
@click.option(
    "--udp-idle",
    type=click.FloatRange(1.0, MAX_IDLE_SECONDS),
    metavar="SECONDS",
    default=IDLE_SECONDS,
    show_default=True,
    help="End a flow of datagrams after so long without any.",
)
@click.option("--rules", is_flag=True, help="Take agents and rules from the [[forward]] tables of the config file.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each event.")
@connection_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, agent: str | None, as_json: bool, **_: object) -> int:
    """Forward ports to and from AGENT, until Ctrl+C or SIGTERM.

    \b
      natpass-tui forward web1 -L 8080:localhost:80
      natpass-tui forward web1 -L 5432:db.internal:5432 -D 1080
      natpass-tui forward web1 -R 2222:localhost:22 -U 5353:10.0.0.1:53

    Rules are written as for ssh: without BIND they listen on loopback, with * or nothing before its colon on all
    addresses; IPv6 addresses stand in brackets; port 0 is any. A path instead of BIND and PORT, or of HOST and PORT, is
    a Unix socket (-L and -R). All rules start, or none. One line is printed for each once it listens.

    Connections survive a cut. 3 s after the relay or the agent is out of reach, new ones are refused until it is back.
    A restart of the agent resets all. What can't be reached ends its connection at once; stderr says why.

    A shell's script starts what it runs with & so that it ignores Ctrl+C (SIGINT): end it there with SIGTERM, as kill
    does.

    Exit status: 0 after SIGTERM, 130 after Ctrl+C, 2 after a rule that can't be or a port that is taken, 255 if relay
    or agent can't be reached at the start.
    """
    values = gather(ctx, config_keys=CONFIG_KEYS)
    if values["rules"] and any(ctx.params[direction.value] for direction in Direction):
        raise UserError("--rules takes the rules of the config file: leave -L, -R, -D and -U out")
    rules = _rules(agent, values)
    target = relay_target(values, says_relay=False)
    from natpass_tui.links.forward.run import ForwardRun  # noqa: PLC0415 - not needed for --help

    run = ForwardRun(
        rules, idle=values["udp_idle"], as_json=as_json, waits=values["rules"], allow_unsealed=values["allow_unsealed"]
    )
    raise_open_files()  # two for a connection of a proxy's client
    try:
        return runtime.run(run.status(target, listed_agents(values)))
    except NotReachedError as error:
        return complain(PROGRAM, str(error), FAILED)


def _rules(agent: str | None, values: dict[str, Any]) -> dict[str, list[ForwardRule]]:
    """Return the rules of each agent. Raises UserError."""
    if values["rules"]:
        path = values.get("config") or config.default_path(PROGRAM)
        file = printable(str(path or ""), 1000)
        found = parse_tables(values.get("forward") or [], file)
        if agent is not None:
            if agent not in found:
                raise UserError(f"{file or 'the config file'} has no [[forward]] table for {printable(agent)}")
            return {agent: found[agent]}
        if not found:
            raise UserError(f"{file or 'the config file'} has no [[forward]] table")
        return found
    if agent is None:
        raise UserError("which agent? natpass-tui forward AGENT -L 8080:localhost:80, or --rules")
    if fault := client_id_fault(agent):
        raise UserError(f"{printable(agent)!r} is not an agent's id: {fault}")
    rules = parse_options(values)
    if not rules:
        raise UserError(f"nothing to forward: natpass-tui forward {printable(agent)} -L 8080:localhost:80")
    return {agent: rules}
