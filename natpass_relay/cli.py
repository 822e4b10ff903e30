"""The command `natpass-relay`."""

# Why: docs/decisions/016-a-failed-start-leaves-nothing.md

import asyncio
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import click

from natpass_relay import own_files
from natpass_relay.addresses import IpNetwork
from natpass_relay.certificate import Certificate, certificate_name
from natpass_relay.delivery import MEMORY_BYTES
from natpass_relay.greeting import Greeting, reachable
from natpass_relay.listening import listening
from natpass_relay.local import local_addresses
from natpass_relay.outbox import RECEIVER_BYTES
from natpass_relay.server import RelayServer, RelaySettings, TlsFiles
from natpass_wire.aio import runtime
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.tls import server_context
from natpass_wire.errors import UserError
from natpass_wire.login.keys import LoginKey, check_secret
from natpass_wire.login.legacy import Dialect
from natpass_wire.program import logs, signals
from natpass_wire.program.main import run
from natpass_wire.program.options import DEFAULT_PORT, FILE, PROXY, ByteSize, HostPort, common_options, gather
from natpass_wire.program.platform_files import raise_open_files
from natpass_wire.program.secret import choose_secret
from natpass_wire.program.settings import CommonSettings, ask_secret, check_no_tls
from natpass_wire.program.state import StateDir
from natpass_wire.text import printable

PROGRAM = "natpass-relay"


class Cidr(click.ParamType[Any]):
    """A network such as `10.0.0.0/8`, or an address."""

    name = "cidr"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IpNetwork:
        """Return the network."""
        if isinstance(value, IpNetwork):
            return value
        try:
            return ip_network(str(value), strict=False)
        except ValueError:
            self.fail(f"{printable(str(value))!r} is not a network, such as 10.0.0.0/8", param, ctx)


_HELP = {"help_option_names": ["-h", "--help"]}


#: Also options of the commands that reach this machine's relay: options may stand before or after a command.
_LISTEN = click.option(
    "--listen",
    type=HostPort(),
    metavar="HOST:PORT",
    multiple=True,
    default=[f"0.0.0.0:{DEFAULT_PORT}"],
    show_default=True,
    help="An address to listen on; port 0 picks any. [::] is all addresses, IPv4 and IPv6. Repeatable.",
)
_NO_TLS = click.option("--no-tls", is_flag=True, help="Speak bare TCP; beyond loopback only with --insecure.")


@click.group(invoke_without_command=True, context_settings=_HELP)
@_LISTEN
@click.option("--tls-cert", type=FILE, help="The certificate (PEM). Default: a self-signed one, made once.")
@click.option("--tls-key", type=FILE, help="The certificate's key (PEM).")
@click.option(
    "--tls-name",
    metavar="NAME",
    multiple=True,
    help="A name or address of this relay for the certificate that it makes itself. This machine's own are in it, "
    "too. The relay makes a new certificate when the one it has lacks a NAME given here. Repeatable.",
)
@_NO_TLS
@click.option(
    "--proxy-cert",
    type=FILE,
    multiple=True,
    help="The certificate (PEM) of a proxy in front of this relay that ends TLS. Repeatable.",
)
@click.option(
    "--trusted-proxy",
    type=Cidr(),
    metavar="CIDR",
    multiple=True,
    help="The network of TCP load balancers in front of this relay. They have to say who each connection is from "
    "(PROXY protocol, version 1 or 2), and nobody else may. Repeatable.",
)
@click.option(
    "--legacy",
    type=click.Choice([dialect.value for dialect in Dialect]),
    multiple=True,
    help="Admit existing natpass clients with this handshake and the legacy secret. Repeatable.",
)
@click.option(
    "--verifier",
    metavar="VERIFIER",
    envvar="NATPASS_VERIFIER",
    help="What 'natpass-relay verifier' printed, instead of the secret. With it logins work, but this relay can't read "
    "sealed links or pretend to be their other end. Keep it like a secret: it lets one log in, and a weak secret can "
    "be guessed from it. Prefer --verifier-file or NATPASS_VERIFIER to the arguments.",
)
@click.option("--verifier-file", type=FILE, help="A file that holds the verifier in one line (mode 0600).")
@click.option(
    "--memory",
    type=ByteSize(least=2 * RECEIVER_BYTES),
    metavar="SIZE",
    default="512MiB",
    show_default=True,
    help="Memory for what waits for clients that are slow. When it is full, the links with most waiting are cut; "
    "streams go on over new ones.",
)
@common_options
@click.pass_context
def command(ctx: click.Context, /, **_: object) -> int:
    """Forward frames between agents and consoles that dial in.

    Without a secret or verifier, the relay makes a secret once and keeps it in the state directory.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    options = Options.from_values(gather(ctx))
    with listening(options.listen) as sockets:
        logs.set_up(options.common.log_level, options.common.log_file)
        options = options.made()  # only now: a failed start writes nothing
        options.common.warn(PROGRAM)
        raise_open_files()
        return runtime.run(serve(RelayServer(options.settings()), options, sockets))


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options, and the secret and certificate that it has made or is about to make.

    Attributes:
        common: the settings that all programs share.
        listen: the addresses.
        secret: given or made; None if there is a verifier instead, or until it is made.
        secret_file: the file that holds it; None if it was given in another way.
        has_new_secret: whether it was made at this start.
        verifier: the login key that was given instead of the secret; None if there is a secret.
        tls: the certificate, None for bare TCP.
        proxies: files with the certificates of TLS proxies.
        trusted_proxies: the networks of TCP proxies that say who a connection is from.
        dialects: the older handshakes that are admitted.
        tls_names: the names for a certificate that has yet to be made; None if none has to be.
        memory: bytes that may wait for clients that are slow.
    """

    common: CommonSettings
    listen: tuple[RelayAddress, ...]
    secret: str | None = field(repr=False)
    secret_file: Path | None
    has_new_secret: bool
    verifier: LoginKey | None
    tls: TlsFiles | None
    proxies: tuple[Path, ...]
    trusted_proxies: tuple[IpNetwork, ...]
    dialects: frozenset[Dialect]
    tls_names: tuple[str, ...] | None
    memory: int = MEMORY_BYTES

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Options":
        """Return the options that `gather` found; makes and writes nothing, see `made`.

        Raises:
            UserError: something is missing, unsafe or can't be read.
        """
        common = CommonSettings.from_values(PROGRAM, values)
        listen: tuple[RelayAddress, ...] = values["listen"]
        if not listen:
            raise UserError("listen in the config file is empty: name an address, or leave it out")
        for address in listen:
            check_no_tls(address.host, no_tls=values["no_tls"], insecure=common.insecure)
        dialects = frozenset(Dialect(name) for name in values["legacy"])
        if dialects and common.legacy_secret is None:
            raise UserError("--legacy needs the secret of the existing natpass programs: --legacy-secret-file FILE")
        proxies = tuple(values["proxy_cert"])
        for path in proxies:
            Certificate.from_pem_file(path)
        tls, tls_names = _tls_files(values, common.state_dir)
        secret, secret_file = common.secret, values["secret_file"]
        verifier = _verifier(values)
        if verifier is not None:
            if secret is not None:
                raise UserError("give the secret or the verifier, not both: a relay that has the secret needs no other")
            same = bool(dialects) and _is_made_from(verifier, common.legacy_secret)
        else:
            if secret is None:
                secret = own_files.own_secret(common.state_dir)
                secret_file = common.state_dir.path / own_files.SECRET_FILE
            same = secret is not None and secret == common.legacy_secret
        if same:
            raise UserError("the legacy secret equals the secret: choose another")
        trusted = tuple(values["trusted_proxy"])
        return cls(
            common,
            listen,
            secret,
            secret_file,
            False,
            verifier,
            tls,
            proxies,
            trusted,
            dialects,
            tls_names,
            values["memory"],
        )

    def made(self) -> "Options":
        """Make the secret and the certificate if they are missing; return the options with them.

        Raises:
            UserError: they can't be written.
        """
        state = self.common.state_dir
        if self.tls_names is not None:
            own_files.make_certificate(state, self.tls_names, self.listen)
        if self.secret is not None or self.verifier is not None:
            return self
        secret, is_new = own_files.make_secret(state)
        return replace(self, secret=secret, has_new_secret=is_new)

    def settings(self) -> RelaySettings:
        """Return the relay's settings; takes about 0.1 s."""
        key = self.verifier
        if key is None:
            assert self.secret is not None  # `made` has made one
            key = LoginKey.from_secret(self.secret)
        return RelaySettings(
            key=key,
            listen=self.listen,
            tls=self.tls,
            proxy_certificates=self.proxies,
            dialects=self.dialects,
            legacy_secret=self.common.legacy_secret if self.dialects else None,
            dead_after=self.common.dead_after,
            memory=self.memory,
            trusted_proxies=self.trusted_proxies,
            state=self.common.state_dir if self.common.state_dir.place is not None else None,
        )

    def _left_secret(self) -> Path | None:
        """Return the file with the secret that this relay made before it had a verifier, None if there is none."""
        place = self.common.state_dir.place
        made_before = place / own_files.SECRET_FILE if place is not None else None
        return made_before if made_before is not None and made_before.exists() else None

    def greeting(self, addresses: Sequence[RelayAddress], *, is_terminal: bool) -> Greeting:
        """Return what to print once the relay listens on these addresses."""
        fingerprint = Certificate.from_pem_file(self.tls.certificate).fingerprint if self.tls else None
        has_verifier = self.verifier is not None
        there = reachable(addresses, local_addresses())
        # Only existing programs look at the names.
        place = self.common.state_dir.place
        own_file = place / own_files.CERTIFICATE_FILE if place is not None else None
        own = self.tls if self.dialects and self.tls is not None and self.tls.certificate == own_file else None
        return Greeting(
            listening=addresses,
            reachable=there,
            fingerprint=fingerprint,
            secret=self.secret if is_terminal else None,
            secret_file=self.secret_file,
            has_new_secret=self.has_new_secret,
            has_verifier=has_verifier,
            left_secret=self._left_secret() if has_verifier else None,
            not_named=own_files.not_named(own, there) if own is not None else (),
            certificate_file=own.certificate if own is not None else None,
        )


async def serve(server: RelayServer, options: Options, sockets: Sequence[socket.socket]) -> int:
    """Run the relay until a signal stops it; return the exit status."""
    stopped = asyncio.Event()
    signals.handle(lambda _: stopped.set(), server.reload)
    addresses = await server.start(sockets)
    try:
        for line in options.greeting(addresses, is_terminal=sys.stdout.isatty()).lines():
            click.echo(line)  # flushes: the program that started us waits for the first line
        await stopped.wait()
    finally:
        await server.stop()
    return 0


@command.command(context_settings=_HELP)
@common_options
@click.pass_context
def verifier(ctx: click.Context, /, **_: object) -> int:
    """Print the verifier of the secret, for a relay that must not know the secret.

    The secret is the one of --secret-file or NATPASS_SECRET, else the one that a relay has made in the state directory;
    otherwise this asks for it. Run this where the secret may be, and give the relay only what it prints.

    \b
    The verifier lets a relay check logins, but not compute the keys of
    sealed links. Keep it private all the same: it lets its holder log in
    and guess at the secret offline. A secret of 128 random bits (as relays
    make them) withstands that; a phrase may not.
    """
    _values, _common, secret = _with_secret(ctx)
    click.echo(LoginKey.from_secret(secret).to_verifier())
    click.echo("keep this like a secret: it lets its holder log in, and a weak secret can be guessed from it", err=True)
    return 0


@command.command(context_settings=_HELP)
@click.option("--relay", type=HostPort(), metavar="HOST:PORT", help="The relay, unless it runs on this machine.")
@PROXY
@_LISTEN
@_NO_TLS
@common_options
@click.pass_context
def invite(ctx: click.Context, /, **_: object) -> int:
    """Invite a machine: print a one-time code that brings the secret to one agent or console.

    The code is good for 10 minutes, one machine and three tries, and the relay learns neither it nor the secret. The
    command waits until a machine has used the code, and prints its name.

    \b
    The secret is found as by 'natpass-relay verifier', the relay at
    --relay, or on this machine at the port of --listen.

    Exit status: 0 when a machine has joined, 1 when none has, 2 after a mistake, 130 after Ctrl+C, which withdraws the
    invite.
    """
    from natpass_relay import invite_cli  # noqa: PLC0415 - a relay needs none of it

    values, common, secret = _with_secret(ctx)
    return runtime.run(invite_cli.invite(PROGRAM, values, common, secret).run())


def _with_secret(ctx: click.Context) -> tuple[dict[str, Any], CommonSettings, str]:
    """Return the options, and the secret: given, found in the state directory, or asked for."""
    values = gather(ctx)
    common = CommonSettings.from_values(PROGRAM, values)
    logs.set_up(common.log_level, common.log_file)
    secret = common.secret
    if secret is None:
        secret = own_files.own_secret(common.state_dir)
        if secret is not None:
            common = replace(common, secret_from=printable(str(common.state_dir.path / own_files.SECRET_FILE)))
    if secret is None:
        secret = check_secret(ask_secret("secret", "--secret-file"))
    common.warn(PROGRAM)
    return values, common, secret


def _verifier(values: Mapping[str, Any]) -> LoginKey | None:
    """Return the verifier that was given, None if there is none."""
    text = choose_secret("verifier", values["verifier"], values["verifier_file"])
    return LoginKey.from_verifier(text) if text is not None else None


def _is_made_from(verifier: LoginKey, secret: str | None) -> bool:
    """Tell whether this is the verifier of `secret`; takes about 0.1 s."""
    try:
        return secret is not None and LoginKey.from_secret(secret) == verifier
    except UnicodeEncodeError:
        return False


def _tls_files(values: Mapping[str, Any], state: StateDir) -> tuple[TlsFiles | None, tuple[str, ...] | None]:
    """Return the certificate's files, and the names to make it with; None if it need not be made.

    Raises:
        UserError: the options exclude each other, or a file is invalid.
    """
    certificate: Path | None = values["tls_cert"]
    key: Path | None = values["tls_key"]
    if (certificate is None) != (key is None):
        raise UserError("--tls-cert and --tls-key belong together")
    if values["tls_name"] and (values["no_tls"] or certificate is not None):
        other = "--no-tls" if values["no_tls"] else "--tls-cert"
        raise UserError(f"--tls-name is for the certificate that the relay makes itself: leave it or {other} out")
    if values["no_tls"]:
        if certificate is not None:
            raise UserError("give --tls-cert or --no-tls, not both")
        return None, None
    if certificate is not None and key is not None:
        Certificate.from_pem_file(certificate)
        server_context(certificate, key)
        return TlsFiles(certificate, key), None
    names = tuple(_name(text) for text in values["tls_name"])
    there = own_files.has_certificate(state, names)
    return own_files.certificate_files(state), None if there else names


def _name(text: str) -> str:
    name = certificate_name(text)
    if name is None:
        raise UserError(f"--tls-name {printable(text)!r} is not a host name or address, such as relay.example.org")
    return name


def main() -> None:
    """Run the command."""
    run(command, PROGRAM)
