"""Our own key, for the commands that print its fingerprint."""

from typing import Literal

import click

from natpass_wire.identity.keys import PublicKey
from natpass_wire.program.identity import load_identity
from natpass_wire.program.state import StateDir


def own_key(program: str, state: StateDir, name: Literal["agent", "console"]) -> PublicKey:
    """Return our public key; if it had to be made, say so on stderr, since nobody can have seen it before.

    Args:
        program: the program's name.
        state: the state directory.
        name: the key's owner.

    Raises:
        UserError: it can't be read or made.
    """
    is_new = state.stamp(f"{name}.key") is None
    key = load_identity(state, name).public
    if is_new:
        text = f"there was no key in {state.path} yet, this one is new"
        click.echo(f"{program}: {text} (another user, or another --state-dir, has its own)", err=True)
    return key
