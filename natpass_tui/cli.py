"""The command `natpass-tui`."""

import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from natpass_tui import agents_list, fingerprint_cli, known_cli
from natpass_tui.links import kinds
from natpass_tui.login import (
    CONFIG_KEYS,
    HELP,
    PROGRAM,
    listed_agents,
    logged_in,
    relay_target,
    says,
)
from natpass_tui.model.agents import Presence
from natpass_tui.screen_command import need_terminal, open_screen, screen_options, show_screen
from natpass_wire.aio import runtime
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.errors import UserError
from natpass_wire.program.main import run
from natpass_wire.program.options import common_options, connection_options, gather


class _Commands(click.Group):
    """Our own commands, and those of the kinds, which are loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_of_kinds()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, None if there is none."""
        if (load := _of_kinds().get(cmd_name)) is not None:
            return load()
        return super().get_command(ctx, cmd_name)


def _of_kinds() -> dict[str, Callable[[], click.Command]]:
    """Return what loads the kinds' commands, by their names."""
    found: dict[str, Callable[[], click.Command]] = {}
    for kind in kinds():
        if kind.command is not None:
            found[kind.name] = kind.command
        found |= kind.more_commands
    return found


@click.group(cls=_Commands, invoke_without_command=True, context_settings=HELP)
@connection_options
@screen_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, **_: object) -> int:
    """Reach machines through a relay: without a command, the fleet of all agents.

    Keys: Enter opens a shell, / filters, ? helps. In a shell all keys go to the remote machine; the prefix (ctrl+])
    and then ? shows what the console does.

    Exit status: 2 after a mistake that you can mend, with one line that says what it was.
    """
    return 0 if ctx.invoked_subcommand is not None else open_screen(gather(ctx, config_keys=CONFIG_KEYS))


@command.command(context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@click.option("--online", is_flag=True, help="Only connected agents.")
@connection_options
@common_options
@click.pass_context
def agents(ctx: click.Context, /, as_json: bool, online: bool, **_: object) -> int:
    """List the agents, also those that are away, and exit."""
    values = gather(ctx, config_keys=CONFIG_KEYS)
    target = relay_target(values, remembers=False)
    return runtime.run(_list(target, listed_agents(values), as_json=as_json, online=online))


@command.command(context_settings=HELP)
@screen_options
@common_options
@click.pass_context
def demo(ctx: click.Context, /, **_: object) -> int:
    """Try it: a relay and an agent on this machine.

    They live while the console is open, listen on loopback only, and have a secret for this one time.
    """
    need_terminal()
    values = gather(ctx, config_keys=CONFIG_KEYS)
    values |= {"no_tls": False, "legacy": None, "secret_file": None, "invite": None, "secret": secrets.token_hex(16)}
    return runtime.run(_demo(values))


async def _list(target: RelayTarget, listed: Sequence[str], *, as_json: bool, online: bool) -> int:
    async with logged_in(target, listed) as console:
        console.list_known()
        found = console.fleet.window(0, console.fleet.shown)
    if online and console.has_roster:
        found = [agent for agent in found if agent.presence is Presence.ONLINE]
    if as_json:
        click.echo(agents_list.as_json(found))
    elif found:
        click.echo(agents_list.as_table(found, time.time()))
    elif console.has_roster:
        click.echo("no agents are connected", err=True)
    else:
        raise UserError("this relay has no list of agents, and the config file names none")
    return 0


async def _demo(values: dict[str, Any]) -> int:
    from natpass_tui.demo.keeping import kept  # noqa: PLC0415 - only here

    async with contextlib.AsyncExitStack() as stack:
        with says(lambda: "starting a relay and an agent on this machine …", after=0.0):
            address, page = await stack.enter_async_context(kept(values["secret"]))
        host, _, port = address.rpartition(":")
        target = relay_target(values | {"relay": RelayAddress(host, int(port))}, remembers=False, knows=False)
        return await show_screen(target, values | {"notice": page})


command.add_command(known_cli.command)
command.add_command(fingerprint_cli.command)


def main() -> None:
    """Run the command."""
    run(command, PROGRAM)
