"""Relays that this machine has joined by an invite: getting their secrets, and keeping them."""

import json
import socket
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import click

from natpass_wire.aio import runtime
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.guest import join
from natpass_wire.errors import NatpassError, UserError
from natpass_wire.ids import as_file_name
from natpass_wire.invite.code import Code
from natpass_wire.login.keys import check_secret
from natpass_wire.program.state import StateDir
from natpass_wire.proxy import Proxy
from natpass_wire.text import printable

#: The value of --invite that means: ask for the code.
ASK = "-"


_BEGINNING, _SECRET, _RELAY = "enrolled-", ".secret", ".relay"
#: An error names at most so many relays.
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class JoinedRelay:
    """A relay whose secret came by an invite.

    Attributes:
        relay: its address, as the user gave it.
        tls: whether it speaks TLS.
    """

    relay: RelayAddress
    tls: bool = True


def file_name(relay: RelayAddress) -> str:
    """Return the name of the file with the secret for a relay, in the state directory.

    Each relay has its own: a login with one relay's secret at another would let the latter guess at it.
    """
    return f"{_BEGINNING}{as_file_name(str(relay).casefold())}{_SECRET}"


def joined_relays(state: StateDir) -> list[JoinedRelay]:
    """Return the relays that this machine has joined by invites.

    Raises:
        UserError: the state directory can't be read, or a file in it is damaged.
    """
    found = [_joined_relay(state, name.removesuffix(_SECRET)) for name in state.names(_BEGINNING, _SECRET)]
    return [joined for joined in found if joined is not None]


def only_joined_relay(program: str, state: StateDir) -> JoinedRelay:
    """Return the relay that this machine has joined, for a program that got no relay.

    Raises:
        UserError: it has joined none, or several; the text names them.
    """
    found = joined_relays(state)
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"which relay? {_elsewhere(program, found)}")
    raise UserError(f"which relay? {program} --relay HOST:PORT (or NATPASS_RELAY, or relay in the config file)")


def hint_elsewhere(program: str, state: StateDir) -> str:
    """Return a hint on the relays that this machine has joined, for users who named another one; may be empty."""
    found = joined_relays(state)
    return _elsewhere(program, found) if found else ""


def _elsewhere(program: str, found: Sequence[JoinedRelay]) -> str:
    relays = [printable(str(joined.relay)) for joined in found]
    more = f" and {len(relays) - _MOST_NAMED} more" if len(relays) > _MOST_NAMED else ""
    return f"this machine has joined {', '.join(relays[:_MOST_NAMED])}{more}: {program} --relay {relays[0]}"


def _joined_relay(state: StateDir, name: str) -> JoinedRelay | None:
    content = state.read(f"{name}{_RELAY}")
    try:
        if content is None:  # joined with a version that only wrote the secret; the file's name gives the relay
            if "~" in name:  # except for very long ones, see `as_file_name`
                return None
            host, _, port = unquote(name.removeprefix(_BEGINNING), errors="strict").rpartition(":")
            return JoinedRelay(RelayAddress(host.removeprefix("[").removesuffix("]"), int(port)))
        values = tomllib.loads(content.decode())
        return JoinedRelay(RelayAddress(str(values["host"]), int(values["port"])), values["tls"] is True)
    except (ValueError, KeyError, TypeError) as error:  # TOML's and UTF-8's errors as well
        raise UserError(f"{state.path / name}{_RELAY} is damaged: remove it") from error


def _remember(state: StateDir, joined: JoinedRelay) -> None:
    relay = joined.relay
    content = f"host = {json.dumps(relay.host)}\nport = {relay.port}\ntls = {json.dumps(joined.tls)}\n"
    state.replace(f"{file_name(relay).removesuffix(_SECRET)}{_RELAY}", content.encode())


def kept_secret(state: StateDir, relay: RelayAddress) -> str | None:
    """Return the secret that an invite has brought for this relay, None if there is none.

    Raises:
        UserError: it can't be read, or another user could have written it.
    """
    name = file_name(relay)
    content = state.read(name)
    if not content:
        return None
    try:
        return check_secret(content.decode().strip("\n"))
    except UnicodeDecodeError:
        raise UserError(f"{state.path / name} holds no secret: remove it, and ask for a new invite") from None


def secret_by_invite(
    program: str,
    state: StateDir,
    relay: RelayAddress,
    invite: str,
    *,
    tls: bool,
    who: str = "",
    proxy: Proxy | None = None,
) -> str:
    """Return the secret for a relay, by a one-time code if there is none yet; keep it in the state directory.

    Args:
        program: the program's name, for messages.
        state: the state directory.
        relay: the relay's address.
        invite: the code, or `-` to ask for it.
        tls: whether the relay speaks TLS.
        who: our description for the inviter, such as `agent web1`; the host name is added, and the result truncated to
            `natpass_wire.invite.steps.MOST_HOST_BYTES`.
        proxy: the proxy on the way to the relay, None if there is none.

    Raises:
        UserError: joining failed, with the reason.
    """
    kept = kept_secret(state, relay)
    if kept is not None:
        again = f"remove {state.path / file_name(relay)} to join anew"
        click.echo(f"{program}: this machine has joined {relay} already, so the invite is not used ({again})", err=True)
        return kept
    code = Code.parse(_asked() if invite == ASK else invite)

    def keep(secret: str) -> None:
        _remember(state, JoinedRelay(relay, tls))
        state.replace(file_name(relay), f"{secret}\n".encode())

    async def joining() -> int:
        host = socket.gethostname()
        await join(relay, code, f"{who} on {host}" if who else host, keep, tls=tls, proxy=proxy)
        return 0

    state.make()  # using an invite spends it, so what can fail fails before
    try:
        runtime.run(joining())
    except UserError:
        raise
    except NatpassError as error:
        raise UserError(f"cannot join: {error}") from error
    found = kept_secret(state, relay)
    if found is None:
        raise UserError(f"{state.path / file_name(relay)} is gone again")
    click.echo(f"{program}: joined {relay}; the secret is in {state.path / file_name(relay)}", err=True)
    return found


def _asked() -> str:
    if sys.stdin.isatty():
        answer: str = click.prompt("Invite code", err=True)
        return answer
    line = sys.stdin.readline(1000)
    if not line.strip():
        raise UserError("an invite code is needed on standard input")
    return line
