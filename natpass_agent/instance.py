"""The agent's lock, and its instance token, by which the relay recognises an agent that comes back."""

# Why: docs/decisions/021-same-agent-twice.md

import secrets

from natpass_agent.platform.host import host
from natpass_agent.platform.lock import Lock, LockedError, Locks
from natpass_wire.errors import UserError
from natpass_wire.ids import as_file_name, client_id_fault
from natpass_wire.program.state import StateDir

TOKEN_BYTES = 32


def own_id(given: str | None) -> str:
    """Return the client id of an agent: the given one, by default the host name.

    Raises:
        UserError: it is invalid.
    """
    client_id = given if given is not None else host().facts().host
    if fault := client_id_fault(client_id):
        raise UserError(f"{client_id!r} is not a valid agent id: {fault}" + ("" if given else "; choose one with --id"))
    return client_id


def token(state: StateDir, client_id: str) -> bytes:
    """Return the instance token of the agent `client_id`; made once, 32 random bytes, mode 0600.

    Raises:
        UserError: it can't be read or written.
    """
    return state.make_once(_token_file(client_id), lambda: secrets.token_bytes(TOKEN_BYTES))


def check(state: StateDir, client_id: str) -> None:
    """Check the token of the agent `client_id`, if there is one.

    Raises:
        UserError: it is invalid.
    """
    state.read(_token_file(client_id))


def lock(state: StateDir, client_id: str, locks: Locks) -> Lock:
    """Make sure that no other process runs the agent `client_id` of this state directory.

    Two of them would share one token and replace each other at the relay for ever. Agents with different ids may share
    a state directory.

    Raises:
        UserError: another process does, or the lock file can't be made, or is not ours.
    """
    path = state.path / f"agent-{as_file_name(client_id)}.lock"
    try:
        return locks.take(state.path_of(path.name))
    except LockedError as error:
        raise UserError(
            f"an agent {client_id!r} is running already with the state directory {state.path}; "
            "another needs another --id or --state-dir"
        ) from error
    except OSError as error:
        raise UserError(f"cannot lock {path}: {error.strerror}; see --state-dir") from error


def _token_file(client_id: str) -> str:
    return f"agent-{as_file_name(client_id)}.instance"
