"""Our own key, as the commands that print its fingerprint need it."""

from typing import Literal

import click

from natpass_wire.identity.keys import PublicKey
from natpass_wire.program.identity import load_identity
from natpass_wire.program.state import StateDir


def own_key(program: str, state: StateDir, name: Literal["agent", "console"]) -> PublicKey:
    """Return our public key; where it had to be made, say so on stderr: it is not the one that anybody has seen.

    Args:
        program: the program's name.
        state: the state directory.
        name: whose key it is.

    Raises:
        UserError: it can't be read or made.
    """
    is_new = state.stamp(f"{name}.key") is None
    key = load_identity(state, name).public
    if is_new:
        text = f"there was no key in {state.path} yet, this one is new"
        click.echo(f"{program}: {text} (another user, or another --state-dir, has its own)", err=True)
    return key
