"""Secrets that came by an invite: where they are kept, and how they get there."""

import socket
import sys

import click

from natpass_wire.aio import runtime
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.enrol import enrol
from natpass_wire.errors import NatpassError, UserError
from natpass_wire.ids import as_file_name
from natpass_wire.invite.code import Code
from natpass_wire.login.keys import check_secret
from natpass_wire.program.state import StateDir
from natpass_wire.proxy import Proxy

#: As the value of --invite: ask for the code.
ASK = "-"


def file_name(relay: RelayAddress) -> str:
    """Return the name of the file with the secret for a relay, in the state directory.

    Each relay has its own: to log in with the secret of one at another would let that guess at it.
    """
    return f"enrolled-{as_file_name(str(relay).casefold())}.secret"


def enrolled_secret(state: StateDir, relay: RelayAddress) -> str | None:
    """Return the secret that an invite has brought for this relay, None if none has.

    Raises:
        UserError: it is there and can't be read, or could be another user's doing.
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
    """Return the secret for a relay, by a one-time code if there is none yet; it is kept in the state directory.

    Args:
        program: the program's name, for what it says.
        state: the state directory.
        relay: the relay's address.
        invite: the code, or `-` to ask for it.
        tls: whether the relay speaks TLS.
        who: what the inviter is told that we are, such as `agent web1`; the host name is added, and what is too long
            (`natpass_wire.invite.steps.MOST_HOST_BYTES`) is cut.
        proxy: the proxy on the way to the relay, None: there is none.

    Raises:
        UserError: it can't be had, with the reason.
    """
    kept = enrolled_secret(state, relay)
    if kept is not None:
        again = f"remove {state.path / file_name(relay)} to enrol anew"
        click.echo(f"{program}: enrolled at {relay} already, so the invite is not used ({again})", err=True)
        return kept
    code = Code.parse(_asked() if invite == ASK else invite)

    def keep(secret: str) -> None:
        state.replace(file_name(relay), f"{secret}\n".encode())

    async def enrolling() -> int:
        host = socket.gethostname()
        await enrol(relay, code, f"{who} on {host}" if who else host, keep, tls=tls, proxy=proxy)
        return 0

    state.make()  # an invite is spent by its use: what can fail, fails before
    try:
        runtime.run(enrolling())
    except UserError:
        raise
    except NatpassError as error:
        raise UserError(f"cannot enrol: {error}") from error
    found = enrolled_secret(state, relay)
    if found is None:
        raise UserError(f"{state.path / file_name(relay)} is gone again")
    click.echo(f"{program}: enrolled at {relay}; the secret is in {state.path / file_name(relay)}", err=True)
    return found


def _asked() -> str:
    if sys.stdin.isatty():
        answer: str = click.prompt("Invite code", err=True)
        return answer
    line = sys.stdin.readline(1000)
    if not line.strip():
        raise UserError("an invite code is needed on standard input")
    return line
