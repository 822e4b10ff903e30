"""The command `natpass-tui ssh-config`: the block with which ssh, scp and rsync reach the sshd behind agents."""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from natpass_tui.login import CONFIG_KEYS, HELP, PROGRAM
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.program import config, places
from natpass_wire.program.main import complain
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.proxy import credentials
from natpass_wire.text import printable

#: What follows an agent's id in a host's name.
SUFFIX = ".natpass"
#: Options of this command that `connect` gets, too. Secrets are not among them: arguments can be seen.
_PATHS = ("config", "secret_file", "legacy_secret_file", "state_dir")
_PASSED = ("relay", *_PATHS, "proxy", "no_tls", "insecure", "allow_unsealed", "legacy", "dead_after")
#: What a block can't hold, and the variables in which `connect` looks for it.
_SECRETS = {"secret": "NATPASS_SECRET", "legacy_secret": "NATPASS_LEGACY_SECRET"}
#: Characters with a meaning in a pattern or in quotes of ssh_config.
_SPECIAL = frozenset(" \t*?!,\"'\\%#")


@click.command("ssh-config", context_settings=HELP)
@click.argument("agents", metavar="[AGENT]...", nargs=-1)
@connection_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, agents: tuple[str, ...], **_: object) -> int:
    """Print the block for ~/.ssh/config with which ssh, scp and rsync reach the sshd of an agent's machine.

    \b
      natpass-tui ssh-config >>~/.ssh/config
      ssh ann@web1.natpass
      rsync -a ann@web1.natpass:/var/log/ logs/

    With AGENTs the block is for these, under their own names: ssh ann@web1. Each has its own line in known_hosts.
    The way to the relay goes into the block, also one that is in the environment now. A secret never does: prefer
    --secret-file, or a config file. If it is in NATPASS_SECRET now, it has to be there when ssh runs.
    """
    values = gather(ctx, config_keys=CONFIG_KEYS)
    for agent in agents:
        if fault := client_id_fault(agent):
            raise UserError(f"{printable(agent)!r} is not an agent's id: {fault}")
        if not _SPECIAL.isdisjoint(agent):
            raise UserError(f"{printable(agent)!r} can't be a host's name in ssh_config")
    words, missing = _way(_sources(ctx), values)
    notes = [f"the block has no {what}: {how}" for what, how in missing.items()]
    for note in notes:
        complain(PROGRAM, note)
    click.echo("".join(f"# {note}\n" for note in notes), nl=False)
    click.echo(block(agents, [*_program(sys.argv[0]), "connect", *words]), nl=False)
    return 0


def block(agents: Sequence[str], connect: Sequence[str]) -> str:
    """Return the block.

    Args:
        agents: the agents; empty: all, with a suffix.
        connect: the words of the command that connects.
    """
    program = " ".join(shlex.quote(word).replace("%", "%%") for word in connect)
    if not agents:
        return (
            f"# ssh AGENT{SUFFIX} reaches the sshd of an agent's machine.\n"
            f"Host *{SUFFIX}\n"
            f'    ProxyCommand {program} --strip {SUFFIX} "%n" localhost:%p\n'
        )
    lines = []
    for agent in agents:
        lines += [f"Host {agent}", f"    HostKeyAlias {agent}{SUFFIX}"]
        lines += [f"    ProxyCommand {program} {shlex.quote(agent)} localhost:%p", ""]
    return "\n".join(lines[:-1]) + "\n"


def _program(argv0: str) -> list[str]:
    """Return the words that start this program."""
    path = Path(argv0)
    if path.name.removesuffix(".exe") == PROGRAM and path.exists():
        return [str(path.absolute())]
    return [sys.executable, "-m", "natpass_tui"]


def _sources(ctx: click.Context) -> dict[str, ParameterSource]:
    """Return where the options come from that are given: the command line, or the environment."""
    found: dict[str, ParameterSource] = {}
    context: click.Context | None = ctx
    while context is not None:
        for name in context.params:
            source = context.get_parameter_source(name)
            if source in {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT}:
                found.setdefault(name, source)
        context = context.parent
    return found


def _way(given: Mapping[str, ParameterSource], values: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Return the options with which `connect` finds the relay from any shell and folder, and what they can't say.

    Args:
        given: the options that are not from the config file, see `_sources`.
        values: the values of all, with those of the config file.

    Returns:
        The words, and for each thing that they can't say what to do instead.
    """
    words: list[str] = []
    missing: dict[str, str] = {}
    moved = _moved_folders()
    for name in _PASSED:
        value = moved.get(name) if values.get(name) is None else values[name]
        # The config file is read again; paths in it may be relative to where we are now.
        is_relative = isinstance(value, Path) and not value.is_absolute()
        if value is None or value is False or not (name in given or name in moved or is_relative):
            continue
        option = f"--{name.replace('_', '-')}"
        if name == "proxy" and credentials(str(value)):
            missing["password of the proxy"] = f"put {option[2:]} into the config file"
        elif value is True:
            words.append(option)
        else:
            words += [option, str(value.absolute()) if isinstance(value, Path) else str(value)]
    for name, variable in _SECRETS.items():
        if values.get(name) is not None and name in given:
            what = name.replace("_", " ")
            missing[what] = f"set {variable} where ssh runs, or give ssh-config --{name.replace('_', '-')}-file FILE"
    return words, missing


def _moved_folders() -> dict[str, Path]:
    """Return files and folders that another shell would not find: variables of this one have moved them."""
    found: dict[str, Path] = {}
    path = config.default_path(PROGRAM)
    if "XDG_CONFIG_HOME" in os.environ and path is not None and path.exists():
        found["config"] = path
    if "XDG_STATE_HOME" in os.environ and (folder := places.state_folder()) is not None:
        found["state_dir"] = folder
    return found
