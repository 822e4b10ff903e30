"""The command `natpass-relay invite`."""

import asyncio
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from natpass_relay.addresses import ANY_IPV4, ANY_IPV6
from natpass_relay.greeting import reachable
from natpass_relay.inviting import Inviting
from natpass_relay.local import local_addresses
from natpass_wire.aio.dial import RelayAddress, RelayTarget, is_loopback
from natpass_wire.aio.reach import DialError
from natpass_wire.errors import UserError
from natpass_wire.invite.code import Code
from natpass_wire.invite.inviter import How, InviteOutcome, Inviter
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program.main import INTERRUPTED, complain
from natpass_wire.program.settings import CommonSettings, check_no_tls
from natpass_wire.proxy import Proxy
from natpass_wire.text import printable
from natpass_wire.version import __version__

#: Exit status of an invite that no machine used.
NOBODY = 1
#: Characters of a guest's name that are shown: `agent ID on HOST`, with 64 characters each.
_MOST_CHARACTERS = 140

_REASONS = {
    How.WRONG_CODES: "three wrong codes: the invite is over, and nobody got the secret",
    How.EXPIRED: "nobody came within 10 minutes",
    How.CROWDED: "far too many guests: someone is abusing this invite; nobody got the secret",
    How.WITHDRAWN: "withdrawn",
}


def invite(program: str, values: Mapping[str, Any], common: CommonSettings, secret: str) -> "InviteCommand":
    """Return the command for the options that `gather` found.

    Raises:
        UserError: the relay is ambiguous, or unsafe to reach.
    """
    relay: RelayAddress | None = values["relay"]
    shown = relay
    if relay is None or shown is None:  # the one on this machine
        listen = [address for address in values["listen"] if address.port]
        if not listen:
            raise UserError(f"which relay? {program} invite --relay HOST:PORT")
        relay = _from_here(listen)
        shown = _from_elsewhere(reachable(listen, local_addresses()))
    check_no_tls(relay.host, no_tls=values["no_tls"], insecure=common.insecure)
    is_here = values["relay"] is None or relay.is_loopback
    proxy = common.proxying.towards(relay.host, is_loopback=is_here)
    return InviteCommand(
        program,
        common,
        relay,
        shown,
        tls=not values["no_tls"],
        secret=secret,
        proxy=proxy,
        is_guessed=values["relay"] is None,
    )


def _from_here(listen: Sequence[RelayAddress]) -> RelayAddress:
    """Return the address of this machine's relay: loopback, if it listens there."""
    everywhere = {str(ANY_IPV4), str(ANY_IPV6)}  # and `::` takes IPv4 as well
    by_loopback = [RelayAddress("127.0.0.1", a.port) if a.host in everywhere else a for a in listen]
    return next((address for address in by_loopback if address.is_loopback), listen[0])


def _from_elsewhere(addresses: Sequence[RelayAddress]) -> RelayAddress:
    """Return the address to tell a guest: not loopback, if there is another."""
    return next((address for address in addresses if not address.is_loopback), addresses[0])


class InviteCommand:
    """One invite, from the login to the last line.

    Args:
        program: the program's name.
        common: the settings that all programs share.
        relay: where we log in.
        shown: the relay's address for guests.
        tls: whether the relay speaks TLS.
        secret: the secret.
        proxy: the proxy on the way to the relay, None if there is none.
        is_guessed: whether the user named no relay.
    """

    def __init__(
        self,
        program: str,
        common: CommonSettings,
        relay: RelayAddress,
        shown: RelayAddress,
        *,
        tls: bool,
        secret: str,
        proxy: Proxy | None = None,
        is_guessed: bool = False,
    ) -> None:
        self._program = program
        self._shown = shown
        self._is_guessed = is_guessed
        self._tls = tls
        self._secret = secret
        key = LoginKey.from_secret(secret)
        client_id = f"invite-{secrets.token_hex(4)}"
        tag = v2.instance_tag(key, secrets.token_bytes(16))
        claims = v2.Claims(client_id, Role.ROLE_CONSOLE, (), f"{program} {__version__}", tag)
        self._target = RelayTarget(
            relay,
            tls,
            claims,
            key,
            dead_after=common.dead_after,
            secret_from=common.secret_from,
            proxy=proxy,
        )
        self._progress = ""
        self._tries = 0

    async def run(self) -> int:
        """Invite; return the exit status."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        with suppress(NotImplementedError):  # Windows: an interrupt is a KeyboardInterrupt there
            loop.add_signal_handler(signal.SIGINT, task.cancel)
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
        inviting = Inviting(self._secret, time.monotonic)
        try:
            outcome = await inviting.run(self._target, self._show_code, self._show_progress)
        except UserError as error:
            if self._is_guessed and isinstance(error.__cause__, DialError):
                raise UserError(f"{error}; for a relay that is elsewhere: --relay HOST:PORT") from error
            raise
        except asyncio.CancelledError:
            self._clear()
            if inviting.outcome is not None and inviting.outcome.how is How.UNSURE:
                self._end(inviting.outcome)  # too late to withdraw anything
            else:
                complain(self._program, "interrupted: the invite is withdrawn")
            return INTERRUPTED
        finally:
            self._clear()
        return self._end(outcome)

    def _show_code(self, code: Code) -> None:
        options = f"--relay {self._shown} --invite {shlex.quote(str(code))}"
        if not self._tls:
            options += " --no-tls" + ("" if is_loopback(self._shown.host) else " --insecure")
        click.echo(f"one-time code {code}: good for 10 minutes, one machine and three tries")
        click.echo(f"natpass-agent {options}")
        click.echo(f"natpass-tui {options}")

    def _show_progress(self, inviter: Inviter, now: float) -> None:
        wrong = 3 - inviter.tries_left
        if wrong > self._tries:
            self._tries = wrong
            self._clear()
            left = inviter.tries_left
            tries = f"{left} {'try' if left == 1 else 'tries'} left"
            complain(self._program, f"someone tried a wrong code ({tries})")
        if not sys.stderr.isatty():
            return
        left = int(inviter.seconds_left(now))
        what = f"waiting for a machine … {left // 60}:{left % 60:02}"
        if inviter.is_given:
            what = "a machine has the code …"
        if what != self._progress:
            click.echo(f"\r\x1b[K{what} (ctrl+c withdraws)", err=True, nl=False)
            self._progress = what

    def _clear(self) -> None:
        if self._progress:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._progress = ""

    def _end(self, outcome: InviteOutcome) -> int:
        host = printable(outcome.host, _MOST_CHARACTERS) or "a machine without a name"
        if outcome.how is How.JOINED:
            click.echo(f"{host} has joined")
            return 0
        if outcome.how is How.UNSURE:
            text = f"{host} was sent the secret, but did not confirm that it kept it: look there, or invite it again"
            return complain(self._program, text, NOBODY)
        return complain(self._program, _REASONS[outcome.how], NOBODY)
