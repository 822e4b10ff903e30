"""The command `natpass-tui fingerprint`."""

import socket

import click

from natpass_tui.login import CONFIG_KEYS, HELP, PROGRAM
from natpass_wire.identity import fingerprint
from natpass_wire.program.options import state_dir, state_options
from natpass_wire.program.own_key import own_key
from natpass_wire.text import printable


@click.command("fingerprint", context_settings=HELP)
@state_options
@click.pass_context
def command(ctx: click.Context, /, **_: object) -> int:
    """Print the fingerprint of your key, and its line for an agent's authorized_consoles.

    Where an agent has such a file (in its state directory, or where --authorized-consoles says; mode 0600), it serves
    the keys in it and no others. Options may stand before the key, with commas between them:

    \b
      kinds="shell,exec,desktop"     only some of these
      read-only                      a desktop to look at, nothing else
      expiry-time="2026-12-31T18:00" until then, UTC

    The key itself is made if there is none yet; all consoles of one --state-dir have the same.
    """
    key = own_key(PROGRAM, state_dir(ctx, config_keys=CONFIG_KEYS), "console")
    click.echo(fingerprint.shown(key))
    click.echo("For an agent's authorized_consoles:")
    click.echo(f"{key} {printable(socket.gethostname())}")
    return 0
