"""The command `natpass-tui ssh-config`: the block with which ssh, scp and rsync reach the sshd behind agents."""

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
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.text import printable

#: What follows an agent's id in a host's name.
SUFFIX = ".natpass"
#: Options of this command that `connect` gets, too. The secret itself is not among them: arguments can be seen.
_PASSED = ("relay", "secret_file", "config", "state_dir", "no_tls", "insecure", "dead_after")
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
    Options for the way to the relay that are given here go into the block.
    """
    gather(ctx, config_keys=CONFIG_KEYS)  # mistakes in the config file
    for agent in agents:
        if fault := client_id_fault(agent):
            raise UserError(f"{printable(agent)!r} is not an agent's id: {fault}")
        if not _SPECIAL.isdisjoint(agent):
            raise UserError(f"{printable(agent)!r} can't be a host's name in ssh_config")
    click.echo(block(agents, [*_program(sys.argv[0]), "connect", *_given(ctx)]), nl=False)
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


def _given(ctx: click.Context) -> list[str]:
    """Return the options of the command line that `connect` needs, too."""
    words: list[str] = []
    context: click.Context | None = ctx
    found: Mapping[str, Any] = {}
    while context is not None:
        line = ParameterSource.COMMANDLINE
        given = {name: value for name, value in context.params.items() if context.get_parameter_source(name) is line}
        found = {**given, **found}
        context = context.parent
    for name in _PASSED:
        value = found.get(name)
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [option, str(value.absolute()) if isinstance(value, Path) else str(value)]
    return words
