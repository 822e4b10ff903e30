"""A program's settings: its options, checked, with secrets found and hidden, ready for the login."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from natpass_wire.aio.dial import LegacyLogin, RelayAddress, RelayTarget, is_loopback
from natpass_wire.aio.sealing import Sealing
from natpass_wire.errors import UserError
from natpass_wire.keepalive import SILENCE_V2
from natpass_wire.links import HOLD
from natpass_wire.login import v2
from natpass_wire.login.keys import LinkKey, RootKey, check_secret
from natpass_wire.login.legacy import Dialect
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program import joined, secret
from natpass_wire.program.state import StateDir
from natpass_wire.proxy import VARIABLES, Proxy, Proxying, credentials
from natpass_wire.text import printable
from natpass_wire.version import __version__

#: Variables with secrets. Our child processes must not inherit them.
_SECRET_VARIABLES = ("NATPASS_SECRET", "NATPASS_LEGACY_SECRET", "NATPASS_VERIFIER", "NATPASS_INVITE")
#: The better way to give what stands in the arguments, by option.
_BETTER = {
    option: f"{option}-file FILE (mode 0600), or the variable {variable}"
    for option, variable in zip(("--secret", "--legacy-secret", "--verifier"), _SECRET_VARIABLES, strict=False)
} | {"--proxy": "the variable HTTPS_PROXY, or proxy in the config file (mode 0600)"}


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """The settings that all programs share.

    Attributes:
        secret: the shared secret, None if none was given.
        legacy_secret: the secret of existing natpass programs.
        insecure: unsafe things are accepted.
        state_dir: the folder for keys and other state.
        log_level: one of `logs.LEVELS`.
        log_file: the log file, None for the terminal.
        dead_after: seconds of silence that end a connection.
        secret_from: the file or variable that the secret came from, otherwise empty.
        proxying: the settings for proxies.
        visible: the options whose secrets came in the arguments.
    """

    secret: str | None = field(repr=False)
    legacy_secret: str | None = field(repr=False)
    insecure: bool
    state_dir: StateDir
    log_level: str
    log_file: Path | None
    dead_after: float = SILENCE_V2
    secret_from: str = ""
    proxying: Proxying = field(default_factory=Proxying)
    visible: tuple[str, ...] = ()

    @classmethod
    def from_values(cls, program: str, values: Mapping[str, Any]) -> "CommonSettings":
        """Return the settings from the values of `gather`; hide secrets in the arguments.

        Raises:
            UserError: a secret is too short, given twice, or used for both purposes.
        """
        chosen = secret.choose_secret("secret", values["secret"], values["secret_file"])
        legacy = secret.choose_secret("legacy-secret", values["legacy_secret"], values["legacy_secret_file"])
        source = printable(str(values["secret_file"] or ""))
        if not source and chosen is not None and chosen == os.environ.get(_SECRET_VARIABLES[0]):
            source = _SECRET_VARIABLES[0]
        proxying = Proxying.among(values.get("proxy"), os.environ)
        # If a proxy's variable holds a password, child processes get no proxy rather than the password.
        variables = [*_SECRET_VARIABLES, *(name for name in VARIABLES if credentials(os.environ.get(name)))]
        inherited = any(variable in os.environ for variable in variables)
        invite = values.get("invite")
        named = {
            "--secret": chosen,
            "--legacy-secret": legacy,
            "--verifier": values.get("verifier"),
            "--proxy": credentials(proxying.given),
        }
        visible = secret.in_arguments(sys.argv[1:], named)
        hidden = [*named.values(), invite if invite != joined.ASK else None]
        secret.hide_arguments(program, sys.argv[1:], hidden, in_environment=inherited)
        for variable in variables:
            os.environ.pop(variable, None)
        if chosen is not None:
            check_secret(chosen)
        if chosen is not None and chosen == legacy:
            raise UserError(
                "the legacy secret equals the secret: existing natpass programs reveal theirs to any listener; "
                "choose another"
            )
        return cls(
            chosen,
            legacy,
            values["insecure"],
            StateDir.at(values["state_dir"]),
            values["log_level"],
            values["log_file"],
            values["dead_after"],
            source,
            proxying,
            tuple(visible),
        )

    def warn(self, program: str) -> None:
        """Print a line on stderr for each secret that came in the arguments, with the better way to give it."""
        for option in self.visible:
            text = f"other users of this machine can see {option} in the process list; better: {_BETTER[option]}"
            click.echo(f"{program}: {text}", err=True)


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """A program's settings for the connection to its relay.

    Attributes:
        common: the settings that all programs share.
        relay: the address.
        tls: whether the relay speaks TLS.
        legacy: the dialect of an existing np-svr, None for our own relay.
        invite: the one-time code for the secret, None if none was given.
        proxy: the proxy on the way there, None if there is none.
    """

    common: CommonSettings
    relay: RelayAddress
    tls: bool
    legacy: Dialect | None
    invite: str | None = field(default=None, repr=False)
    proxy: Proxy | None = None

    @classmethod
    def from_values(cls, program: str, values: Mapping[str, Any], *, says_relay: bool = True) -> "ConnectionSettings":
        """Return the settings from the values of `gather`; nothing is asked for or written yet, see `with_secret`.

        Args:
            program: the program's name.
            values: what `gather` returned.
            says_relay: print the relay on stderr if it is the one that this machine has joined.

        Raises:
            UserError: something is missing, or unsafe.
        """
        common = CommonSettings.from_values(program, values)
        relay, no_tls = _relay(program, common.state_dir, values, says=says_relay)
        if relay.port == 0:
            raise UserError("a relay's port is not 0")
        check_no_tls(relay.host, no_tls=no_tls, insecure=common.insecure)
        proxy = common.proxying.towards(relay.host, is_loopback=relay.is_loopback)
        legacy = Dialect(values["legacy"]) if values["legacy"] else None
        if values.get("invite") is not None:
            if legacy is not None:
                raise UserError("an invite brings the secret, not that of existing natpass programs (--legacy)")
            if common.secret is not None:
                raise UserError("give --invite or a secret, not both: an invite is for machines that have none")
        return cls(common, relay, not no_tls, legacy, values.get("invite"), proxy)

    def with_secret(self, program: str, *, who: str = "") -> "ConnectionSettings":
        """Return the settings with the secret for the login: given, brought by an invite, or asked for.

        This spends an invite and keeps its secret, so everything else is checked before.

        Args:
            program: the program's name.
            who: our description for an inviter, such as `agent web1`.

        Raises:
            UserError: there is no secret, or the invite is invalid.
        """
        common = self.common
        if self.legacy is not None:
            secret = common.legacy_secret or ask_secret("legacy secret", "--legacy-secret-file")
            return replace(self, common=replace(common, legacy_secret=secret))
        if common.secret is None:
            common = _joined(program, common, self.relay, self.invite, tls=self.tls, who=who, proxy=self.proxy)
        if common.secret is None:
            hint = joined.hint_elsewhere(program, common.state_dir)
            asked = check_secret(ask_secret("secret", "--secret-file", hint))
            common = replace(common, secret=asked, secret_from="")
        return replace(self, common=common)

    def target(
        self,
        client_id: str,
        role: Role,
        token: bytes,
        capabilities: tuple[str, ...],
        program: str,
        *,
        seal: Callable[[LinkKey], Sealing],
    ) -> RelayTarget:
        """Return the relay and how to log in there; asks for a missing secret on a terminal.

        Args:
            client_id: our id.
            role: agent or console.
            token: the secret instance token.
            capabilities: what we support beyond docs/wire.md §2.
            program: the program's name, for the relay's log.
            seal: returns the sealing of links, given the key that all who know the secret share.

        Raises:
            UserError: there is no secret.
        """
        self.common.warn(program)
        claims = v2.Claims(client_id, role, capabilities, f"{program} {__version__}", b"")
        if self.legacy is not None:
            legacy_secret = self.common.legacy_secret or ask_secret("legacy secret", "--legacy-secret-file")
            login = LegacyLogin(self.legacy, legacy_secret)
            verify = self.tls and not self.common.insecure and not self.relay.is_loopback
            # nothing to seal with
            return RelayTarget(self.relay, self.tls, claims, login, verify=verify, proxy=self.proxy)
        hint = joined.hint_elsewhere(program, self.common.state_dir) if self.common.secret is None else ""
        root = RootKey.from_secret(self.common.secret or check_secret(ask_secret("secret", "--secret-file", hint)))
        key = root.login_key()
        capabilities = (HOLD, *capabilities)  # all that use plain links have it
        claims = v2.Claims(client_id, role, capabilities, claims.program, v2.instance_tag(key, token))
        sealing = seal(root.link_key())
        return RelayTarget(
            self.relay,
            self.tls,
            claims,
            key,
            dead_after=self.common.dead_after,
            sealing=sealing,
            secret_from=self.common.secret_from if self.common.secret is not None else "",
            proxy=self.proxy,
        )


def _relay(program: str, state: StateDir, values: Mapping[str, Any], *, says: bool) -> tuple[RelayAddress, bool]:
    """Return the relay's address, and whether it speaks bare TCP: as given, else from the one that we have joined.

    Raises:
        UserError: no relay was named, and it is not clear which one is meant.
    """
    relay: RelayAddress | None = values["relay"]
    if relay is not None:
        return relay, values["no_tls"]
    if values["legacy"] or values.get("invite") is not None:  # neither is for a relay that we have joined
        raise UserError(f"which relay? {program} --relay HOST:PORT (or NATPASS_RELAY, or relay in the config file)")
    found = joined.only_joined_relay(program, state)
    if says:
        click.echo(f"{program}: at {printable(str(found.relay))}, which this machine has joined", err=True)
    return found.relay, values["no_tls"] or not found.tls


def _joined(
    program: str,
    common: CommonSettings,
    relay: RelayAddress,
    invite: str | None,
    *,
    tls: bool,
    who: str,
    proxy: Proxy | None,
) -> CommonSettings:
    """Return the settings with the secret that an invite brings or has brought, else none.

    Raises:
        UserError: the invite is invalid.
    """
    if invite is not None:
        found: str | None = joined.secret_by_invite(
            program, common.state_dir, relay, invite, tls=tls, who=who, proxy=proxy
        )
    else:
        found = joined.kept_secret(common.state_dir, relay)
    if found is None:
        return common
    kept = common.state_dir.path / joined.file_name(relay)
    return replace(common, secret=found, secret_from=printable(str(kept)))


def check_no_tls(host: str, *, no_tls: bool, insecure: bool) -> None:
    """Refuse bare TCP beyond this machine, unless `--insecure` is set as well.

    Raises:
        UserError: it is not set.
    """
    if no_tls and not insecure and not is_loopback(host):
        raise UserError(
            f"--no-tls on {host}, which is not loopback: anyone on the path could read and change everything; "
            "add --insecure if you mean it"
        )


def ask_secret(what: str, option: str, hint: str = "") -> str:
    """Ask for a secret on the terminal.

    Args:
        what: `secret` or `legacy secret`, for the question.
        option: the option that gives it in a file, for the error.
        hint: another possible solution.

    Raises:
        UserError: there is no terminal.
    """
    if not sys.stdin.isatty():
        needed = f"a {what} is needed: {option} FILE, or NATPASS_{what.upper().replace(' ', '_')}"
        raise UserError(needed + (f" ({hint})" if hint else ""))
    if hint:
        click.echo(hint, err=True)
    answer: str = click.prompt(what.capitalize(), hide_input=True, err=True)
    return answer
