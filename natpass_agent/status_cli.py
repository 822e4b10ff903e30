"""The commands `natpass-agent status` and `natpass-agent end`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from natpass_agent.status import AgentStatus, link_from_json
from natpass_wire.errors import RemoteProtocolError, UserError
from natpass_wire.program.control import client
from natpass_wire.program.control.client import NobodyThereError
from natpass_wire.program.control.place import socket_path, socket_paths
from natpass_wire.program.options import gather, state_options
from natpass_wire.program.state import StateDir
from natpass_wire.text import printable

#: The kind of the agent's control socket.
KIND = "agent"
T = TypeVar("T")
_HELP = {"help_option_names": ["-h", "--help"]}
_ID = click.option("--id", metavar="NAME", help="Which agent, where several run with one state directory.")


@click.command("status", context_settings=_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@_ID
@state_options
@click.pass_context
def status(ctx: click.Context, /, as_json: bool, **_: object) -> int:
    """Show whether this machine's agent is connected to its relay, and its links: their consoles and programs.

    A link whose console is out of reach is detached: the agent ends it after --keep-links. Run this as the agent's
    user (or root), and with its --state-dir or --config.
    """
    found = _ask(ctx, "status", {})
    said = _understood(AgentStatus.from_json, found)
    click.echo(json.dumps(said.to_json(), ensure_ascii=False, indent=2) if as_json else "\n".join(said.lines()))
    return 0


@click.command("end", context_settings=_HELP)
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--detached", is_flag=True, help="End all links whose consoles are out of reach.")
@_ID
@state_options
@click.pass_context
def end(ctx: click.Context, /, ids: tuple[str, ...], detached: bool, **_: object) -> int:
    """End links of this machine's agent, and their programs; natpass-agent status lists the IDs.

    The programs get HUP, and KILL after 2 s. The consoles are told that the links were ended here.
    """
    if not ids and not detached:
        raise click.UsageError("which link? natpass-agent status lists them, --detached names those out of reach", ctx)
    ended = _ask(ctx, "end", {"ids": list(ids), "detached": detached}).get("ended")
    if not isinstance(ended, list) or not all(isinstance(link, dict) for link in ended):
        raise UserError("the agent did not say what it ended")
    for link in ended:
        gone = "ended" if link.get("gone") is True else "told to end, but still there:"
        click.echo(f"{gone} {_understood(link_from_json, link).name}")
    if not ended:
        click.echo("no link is detached", err=True)
    return 0


def _ask(ctx: click.Context, command: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask the agent that the options name.

    Raises:
        UserError: it does not run, can't be reached, or refuses.
    """
    client.check_platform()
    values = gather(ctx)
    state = StateDir.at(values["state_dir"])
    name: str | None = values["id"]
    try:
        path = _only(state) if name is None else socket_path(state, KIND, name)
        return client.ask(path, command, arguments)
    except NobodyThereError:
        which = "no agent" if name is None else f"no agent {printable(name)!r}"
        raise UserError(f"{which} is running with the state directory {state.path}; see --state-dir") from None
    except PermissionError:
        text = f"cannot look into {state.path}: run this as the user that the agent runs as, or as root"
        raise UserError(text) from None


def _only(state: StateDir) -> Path:
    """Return the socket of the one agent that runs with a state directory.

    Raises:
        NobodyThereError: there is none.
        UserError: there are several.
        PermissionError: we may not read the directory.
    """
    found: dict[Path, str] = {}
    for path in socket_paths(state, KIND):
        try:
            found[path] = printable(str(client.ask(path, "status", {}).get("agent")))
        except NobodyThereError:  # killed, or about to exit
            continue
    if not found:
        raise NobodyThereError("there is no socket")
    if len(found) > 1:
        ids = " or ".join(f"--id {name}" for name in found.values())
        raise UserError(f"several agents run with the state directory {state.path}: {ids}")
    return next(iter(found))


def _understood(read: Callable[[Mapping[str, Any]], T], fields: Mapping[str, Any]) -> T:
    try:
        return read(fields)
    except RemoteProtocolError as error:
        raise UserError(f"the agent's answer is invalid ({error}): it is older or newer, restart it") from error
