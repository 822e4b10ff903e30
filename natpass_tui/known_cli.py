"""The commands `natpass-tui known`: the agents whose keys are pinned."""

import json
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource
from rich.cells import cell_len

from natpass_tui.known_agents import KnownFile
from natpass_tui.login import CONFIG_KEYS, HELP, PROGRAM
from natpass_tui.model.agents import similar
from natpass_wire.errors import UserError
from natpass_wire.identity import fingerprint
from natpass_wire.identity.known import Pin, normalised
from natpass_wire.program.options import HostPort, state_dir, state_options
from natpass_wire.text import printable

_HEAD = ("AGENT", "RELAY", "SINCE", "KEY")


def _options(command: Any) -> Any:
    relay = click.option(
        "--relay", "of_relay", type=HostPort(), metavar="HOST:PORT", help="Only agents of this relay. Default: of all."
    )
    return relay(state_options(command))


@click.group("known", invoke_without_command=True, context_settings=HELP)
@_options
@click.pass_context
def command(ctx: click.Context, /, **_: object) -> int:
    """List, show and forget the keys of agents that you have met.

    The first key that an agent shows is written into known_agents in the state directory. From then on the console
    speaks to it only if it proves that it has that key, whatever the relay says. Without a command: list.
    """
    return 0 if ctx.invoked_subcommand is not None else _list(ctx, as_json=False)


@command.command("list", context_settings=HELP, short_help="List the agents whose keys are known.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@_options
@click.pass_context
def list_(ctx: click.Context, /, as_json: bool, **_: object) -> int:
    """List the agents whose keys are known: since when, and the key's fingerprint."""
    return _list(ctx, as_json=as_json)


@command.command(context_settings=HELP, short_help="Show the key of an agent, to compare it.")
@click.argument("agent")
@_options
@click.pass_context
def show(ctx: click.Context, /, agent: str, **_: object) -> int:
    """Show the key of AGENT in all forms: the fingerprint, twelve words to read out, and a picture.

    Compare it with what natpass-agent fingerprint prints there. At all relays, unless --relay is given.
    """
    file = KnownFile(state_dir(ctx, config_keys=CONFIG_KEYS))
    relay = _relay(ctx)
    pins = [pin for pin in _pins(file, relay) if pin.agent_id == agent]
    if not pins:
        raise _unknown(file, agent, relay)
    click.echo(
        "\n\n".join(f"{p.agent_id} at {p.relay}, since {p.since:%Y-%m-%d}\n{fingerprint.shown(p.key)}" for p in pins)
    )
    return 0


@command.command(context_settings=HELP, short_help="Forget the key of an agent.")
@click.argument("agent")
@_options
@click.pass_context
def forget(ctx: click.Context, /, agent: str, **_: object) -> int:
    """Forget the key of AGENT, and trust the next one that it shows.

    Do so only after you have learnt why its key has changed (it was reinstalled, or has another --state-dir), and have
    compared the new one with what natpass-agent fingerprint prints there. At all relays, unless --relay is given.
    """
    file = KnownFile(state_dir(ctx, config_keys=CONFIG_KEYS))
    relay = _relay(ctx)
    gone = file.forget(agent, relay)
    if not gone:
        raise _unknown(file, agent, relay)
    for pin in gone:
        click.echo(f"forgot {pin.agent_id} at {pin.relay}: {fingerprint.short(pin.key)}")
    return 0


def _unknown(file: KnownFile, agent: str, relay: str | None) -> UserError:
    near = similar(agent, [pin.agent_id for pin in _pins(file, relay)])
    hint = f" (did you mean {', '.join(near)}?)" if near else f" ({PROGRAM} known lists those that are)"
    return UserError(f"no agent {printable(agent)} is known" + (f" at {relay}" if relay else "") + hint)


def _relay(ctx: click.Context) -> str | None:
    """Return the relay given on the command line, for this command or its parent; not the default one."""
    context: click.Context | None = ctx
    while context is not None:
        for name in ("of_relay", "relay"):
            if context.params.get(name) and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                return normalised(str(context.params[name]))
        context = context.parent
    return None


def _pins(file: KnownFile, relay: str | None) -> Sequence[Pin]:
    return [pin for pin in file.read().pins if relay in {None, pin.relay}]


def _list(ctx: click.Context, *, as_json: bool) -> int:
    pins = _pins(KnownFile(state_dir(ctx, config_keys=CONFIG_KEYS)), _relay(ctx))
    if as_json:
        click.echo(json.dumps([_object(pin) for pin in pins], ensure_ascii=False, indent=2))
    elif pins:
        click.echo(_table(pins))
    else:
        click.echo("no agents are known yet", err=True)
    return 0


def _object(pin: Pin) -> dict[str, str]:
    return {
        "id": pin.agent_id,
        "relay": pin.relay,
        "since": f"{pin.since:%Y-%m-%dT%H:%M:%SZ}",
        "key": str(pin.key),
        "fingerprint": fingerprint.short(pin.key),
        "words": " ".join(fingerprint.words(pin.key)),
    }


def _table(pins: Sequence[Pin]) -> str:
    """Return a table with a header and one line for each agent; ids in the file are safe to print."""
    rows = [_HEAD, *((p.agent_id, p.relay, f"{p.since:%Y-%m-%d}", fingerprint.short(p.key)) for p in pins)]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
