"""The command `natpass-agent fingerprint`."""

import click

from natpass_wire.identity import fingerprint
from natpass_wire.program.options import state_dir, state_options
from natpass_wire.program.own_key import own_key


@click.command("fingerprint", context_settings={"help_option_names": ["-h", "--help"]})
@state_options
@click.pass_context
def command(ctx: click.Context, /, **_: object) -> int:
    """Print the fingerprint of this agent's key: as ssh does, as words, and as a picture.

    Compare it with what a console shows when it meets this agent for the first time, or finds its key changed. All
    forms mean the same: take the one that is easiest to read out. This makes the key if there is none yet; all agents
    of one --state-dir share it.
    """
    click.echo(fingerprint.shown(own_key("natpass-agent", state_dir(ctx), "agent")))
    return 0
