"""Our own identity: the private key in the state directory, made only once."""

from typing import Literal

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.errors import UserError
from natpass_wire.identity.keys import Identity
from natpass_wire.program.state import StateDir


def load_identity(state: StateDir, name: Literal["agent", "console"]) -> Identity:
    """Return the identity of this state directory's agents or consoles; the first call makes it.

    Raises:
        UserError: it can't be read or written, others can read it, or it is damaged. A damaged one is never replaced:
            all who know us would get an alarm about a changed key.
    """
    found = known_identity(state, name)
    return found if found is not None else _parsed(state, name, state.make_once(f"{name}.key", _new_pem))


def known_identity(state: StateDir, name: Literal["agent", "console"]) -> Identity | None:
    """Return the identity of this state directory, None if there is none yet.

    Raises:
        UserError: it can't be read, others can read it, or it is damaged.
    """
    pem = state.read(f"{name}.key")
    return _parsed(state, name, pem) if pem is not None else None


def _parsed(state: StateDir, name: str, pem: bytes) -> Identity:
    file = f"{name}.key"
    try:
        return Identity.from_pem(pem)
    except ValueError as error:
        raise UserError(
            f"{state.path / file} is damaged ({error}): restore it; or remove it to get a new key, "
            "and give the new fingerprint to all who know the old one"
        ) from None


def _new_pem() -> bytes:
    return Identity(X25519PrivateKey.generate()).to_pem()
