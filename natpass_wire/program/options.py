"""Command-line options that several programs have, and how they become settings.

A value comes from the command line (of the command or of a group above it), else the environment, else the config
file, else the default.
"""

import ipaddress
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from natpass_wire.aio.dial import LegacyLogin, RelayAddress, RelayTarget, is_loopback
from natpass_wire.aio.sealing import Sealing
from natpass_wire.errors import UserError
from natpass_wire.keepalive import SILENCE_V2
from natpass_wire.login import v2
from natpass_wire.login.keys import LinkKey, RootKey, check_secret
from natpass_wire.login.legacy import Dialect
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program import config, enrolment, logs, secret
from natpass_wire.program.state import StateDir
from natpass_wire.text import printable
from natpass_wire.version import __version__

DEFAULT_PORT = 6154  # WIRE.md §1
#: Options that make no sense in a config file.
_NOT_IN_CONFIG = frozenset({"config", "version", "help", "invite"})  # an invite is good once
#: Options of which one is enough, and those of the command line outrank all others.
_SECRETS = (
    ("secret", "secret_file", "verifier", "verifier_file"),
    ("legacy_secret", "legacy_secret_file"),
)
#: Variables with secrets. What we start must not inherit them.
_SECRET_VARIABLES = ("NATPASS_SECRET", "NATPASS_LEGACY_SECRET", "NATPASS_VERIFIER", "NATPASS_INVITE")
_GIVEN = frozenset({ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.PROMPT})

Command = TypeVar("Command", bound=Callable[..., Any])


class HostPort(click.ParamType[Any]):
    """`HOST:PORT`, `HOST` with the default port, or `[IPV6]:PORT`."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> RelayAddress:
        """Return the address."""
        if isinstance(value, RelayAddress):
            return value
        text = str(value)
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]") or _is_ipv6(text):
            host, port = text, str(DEFAULT_PORT)
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
            self.fail(f"{text!r} is not HOST:PORT, such as relay.example.org:{DEFAULT_PORT}", param, ctx)
        return RelayAddress(host, int(port))


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


_FILE = click.Path(path_type=Path, dir_okay=False)
_CONFIG = click.option("--config", type=_FILE, help="Config file (TOML; keys are the names of these options).")
_STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to keep what is made once. Default: the platform's place for state.",
)


def state_options(command: Command) -> Command:
    """Add the options of commands that look at the state directory, and speak to nobody."""
    return _CONFIG(_STATE_DIR(command))


def state_dir(ctx: click.Context, *, config_keys: Mapping[str, type] | None = None) -> StateDir:
    """Return the state directory that a command was given; arguments as for `gather`.

    Raises:
        UserError: the config file is of no use.
    """
    return StateDir.at(gather(ctx, config_keys=config_keys)["state_dir"])


def common_options(command: Command) -> Command:
    """Add the options that every program has."""
    for option in reversed(
        [
            click.option(
                "--secret",
                metavar="SECRET",
                envvar="NATPASS_SECRET",
                help="The shared secret. In the arguments it is visible to other users of this machine: prefer "
                "--secret-file or the environment variable NATPASS_SECRET.",
            ),
            click.option("--secret-file", type=_FILE, help="A file that holds the secret in one line (mode 0600)."),
            click.option(
                "--legacy-secret",
                metavar="SECRET",
                envvar="NATPASS_LEGACY_SECRET",
                help="The secret of existing natpass programs, for --legacy; never the same as the secret. Also in "
                "NATPASS_LEGACY_SECRET.",
            ),
            click.option("--legacy-secret-file", type=_FILE, help="A file that holds the legacy secret."),
            click.option(
                "--insecure",
                is_flag=True,
                help="Accept what is unsafe: --no-tls beyond loopback, unverified TLS with --legacy.",
            ),
            _CONFIG,
            _STATE_DIR,
            click.option(
                "--log-level", type=click.Choice(logs.LEVELS), default="info", show_default=True, help="What to log."
            ),
            click.option("--log-file", type=_FILE, help="Log to this file instead of the terminal."),
            click.option(
                "--dead-after",
                type=click.FloatRange(0.5, 120.0),
                metavar="SECONDS",
                default=SILENCE_V2,
                show_default=True,
                help="Give up a connection on which nothing was heard for so long; the least of both ends counts.",
            ),
            click.version_option(__version__, "--version", message="%(prog)s %(version)s"),
        ]
    ):
        command = option(command)
    return command


def connection_options(command: Command) -> Command:
    """Add the options of programs that dial a relay."""
    for option in reversed(
        [
            click.option(
                "--relay",
                type=HostPort(),
                metavar="HOST:PORT",
                envvar="NATPASS_RELAY",
                help=f"The relay's address (port {DEFAULT_PORT} if none is given). Also in NATPASS_RELAY.",
            ),
            click.option(
                "--invite",
                metavar="CODE",
                envvar="NATPASS_INVITE",
                help="A one-time code of 'natpass-relay invite' instead of the secret, which is then kept in the "
                "state directory; - asks for the code. Also in NATPASS_INVITE.",
            ),
            click.option("--no-tls", is_flag=True, help="Speak bare TCP; beyond loopback only with --insecure."),
            click.option(
                "--allow-unsealed",
                is_flag=True,
                help="Take existing natpass programs at the other end as well: their links end with the connection, "
                "and whoever runs the relay can read and change what they carry, and open some to an agent itself.",
            ),
            click.option(
                "--legacy",
                type=click.Choice([dialect.value for dialect in Dialect]),
                help="Log in to an existing np-svr with this handshake and the legacy secret.",
            ),
        ]
    ):
        command = option(command)
    return command


def gather(ctx: click.Context, *, config_keys: Mapping[str, type] | None = None) -> dict[str, Any]:
    """Return the value of every option of this command and the groups above it.

    Args:
        ctx: the command's context.
        config_keys: keys of the config file that are no options, and the types of their values.

    Raises:
        UserError: the config file is of no use.
    """
    contexts = [ctx]
    while contexts[-1].parent is not None:
        contexts.append(contexts[-1].parent)
    options: dict[str, tuple[str, click.Parameter, click.Context]] = {}  # by key of the config file
    given: dict[str, Any] = {}
    sources: dict[str, ParameterSource | None] = {}
    values: dict[str, Any] = {}
    for context in contexts:  # the innermost first
        for parameter in context.command.params:
            name = parameter.name
            if name is None or name not in context.params:
                continue
            options.setdefault(_key(parameter), (name, parameter, context))
            values.setdefault(name, context.params[name])
            if context.get_parameter_source(name) in _GIVEN:
                given.setdefault(name, context.params[name])
                sources.setdefault(name, context.get_parameter_source(name))
    extra = dict(config_keys or {})
    program = contexts[-1].command_path
    chosen = given.get("config")
    allowed = (_all_options(contexts[-1].command) - _NOT_IN_CONFIG) | set(extra)
    path: Path | None = chosen if chosen is not None else config.default_path(program)
    configured = config.load(path, allowed, must_exist=chosen is not None) if path is not None else {}
    for key, value in configured.items():
        assert path is not None
        if key in extra:
            if not isinstance(value, extra[key]):
                raise UserError(f"{path}: {key.replace('_', '-')} should be a {extra[key].__name__}")
            values[key] = value
        elif key in options:
            name, parameter, context = options[key]
            values[name] = _converted(path, key, value, parameter, context)
    for names in _SECRETS:  # the command line outranks every form in the config file
        if given.keys() & set(names):
            values |= {name: None for name in names if name in values}
        # What is named outranks the variable that happens to be in the environment.
        inherited = {name for name in names if sources.get(name) is ParameterSource.ENVIRONMENT}
        if given.keys() & (set(names) - inherited):
            given = {name: value for name, value in given.items() if name not in inherited}
    return values | given


def _key(parameter: click.Parameter) -> str:
    """Return the key of the config file that stands for an option: its long name, with underscores."""
    return max(parameter.opts, key=len).lstrip("-").replace("-", "_")


def _all_options(command: click.Command) -> set[str]:
    """Return the keys of all options of a command and of those below it."""
    names = {_key(parameter) for parameter in command.params if isinstance(parameter, click.Option)}
    if isinstance(command, click.Group):
        for child in command.commands.values():
            names |= _all_options(child)
    return names


def _converted(path: Path, name: str, value: Any, parameter: click.Parameter, ctx: click.Context) -> Any:
    """Return a config file's value as the option would have it."""
    flag = isinstance(parameter, click.Option) and parameter.is_flag
    whole = isinstance(parameter.type, click.types.IntParamType)
    number = isinstance(parameter.type, click.types.FloatParamType)
    if parameter.multiple and isinstance(value, str):
        value = [value]  # one is as good as a list of one
    wanted: Any = bool if flag else list if parameter.multiple else int if whole else (int, float) if number else str
    if not isinstance(value, wanted) or (isinstance(value, bool) and not flag):
        kinds = {bool: "true or false", list: "a list", int: "a whole number", str: "a string"}
        kind = kinds.get(wanted, "a number")
        raise UserError(f"{path}: {name.replace('_', '-')} should be {kind}")
    try:
        return parameter.type_cast_value(ctx, value if flag or parameter.multiple else str(value))
    except click.BadParameter as error:
        raise UserError(f"{path}: {name.replace('_', '-')}: {error.format_message()}") from error


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """What every program is told.

    Attributes:
        secret: the shared secret, None if none was given.
        legacy_secret: that of existing natpass programs.
        insecure: unsafe things are accepted.
        state_dir: where to keep what is made once.
        log_level: of `logs.LEVELS`.
        log_file: where logs go, None: the terminal.
        dead_after: seconds of silence that end a connection.
        secret_from: the file or the variable that the secret came from, empty for anything else.
    """

    secret: str | None = field(repr=False)
    legacy_secret: str | None = field(repr=False)
    insecure: bool
    state_dir: StateDir
    log_level: str
    log_file: Path | None
    dead_after: float = SILENCE_V2
    secret_from: str = ""

    @classmethod
    def from_values(cls, program: str, values: Mapping[str, Any]) -> "CommonSettings":
        """Return the settings that `gather` found; hide secrets that stand in the arguments.

        Raises:
            UserError: a secret is too short, given twice, or used for both purposes.
        """
        chosen = secret.choose_secret("secret", values["secret"], values["secret_file"])
        legacy = secret.choose_secret("legacy-secret", values["legacy_secret"], values["legacy_secret_file"])
        source = printable(str(values["secret_file"] or ""))
        if not source and chosen is not None and chosen == os.environ.get(_SECRET_VARIABLES[0]):
            source = _SECRET_VARIABLES[0]
        inherited = any(variable in os.environ for variable in _SECRET_VARIABLES)
        invite = values.get("invite")
        hidden = [chosen, legacy, values.get("verifier"), invite if invite != enrolment.ASK else None]
        secret.hide_arguments(program, sys.argv[1:], hidden, in_environment=inherited)
        for variable in _SECRET_VARIABLES:
            os.environ.pop(variable, None)
        if chosen is not None:
            check_secret(chosen)
        if chosen is not None and chosen == legacy:
            raise UserError(
                "the legacy secret equals the secret: existing natpass programs give theirs to whoever listens; "
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
        )


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """How a program reaches its relay.

    Attributes:
        common: what every program is told.
        relay: the address.
        tls: whether the relay speaks TLS.
        legacy: the dialect of an existing np-svr, None for our own relay.
        invite: the one-time code that brings the secret, None if none was given.
    """

    common: CommonSettings
    relay: RelayAddress
    tls: bool
    legacy: Dialect | None
    invite: str | None = field(default=None, repr=False)

    @classmethod
    def from_values(cls, program: str, values: Mapping[str, Any]) -> "ConnectionSettings":
        """Return the settings that `gather` found; nothing is asked for or written yet, see `with_secret`.

        Args:
            program: the program's name.
            values: what `gather` returned.

        Raises:
            UserError: something is missing, or unsafe.
        """
        common = CommonSettings.from_values(program, values)
        relay: RelayAddress | None = values["relay"]
        if relay is None:
            raise UserError(f"which relay? {program} --relay HOST:PORT (or NATPASS_RELAY, or relay in the config file)")
        if relay.port == 0:
            raise UserError("a relay's port is not 0")
        check_no_tls(relay.host, no_tls=values["no_tls"], insecure=common.insecure)
        legacy = Dialect(values["legacy"]) if values["legacy"] else None
        if values.get("invite") is not None:
            if legacy is not None:
                raise UserError("an invite brings the secret, not that of existing natpass programs (--legacy)")
            if common.secret is not None:
                raise UserError("give --invite or a secret, not both: an invite is for machines that have none")
        return cls(common, relay, not values["no_tls"], legacy, values.get("invite"))

    def with_secret(self, program: str, *, who: str = "") -> "ConnectionSettings":
        """Return the settings with the secret that the login needs: given, brought by an invite, or asked for.

        An invite is spent by this, and what it brings is kept: what can be wrong otherwise is looked at before.

        Args:
            program: the program's name.
            who: what an inviter is told that we are, such as `agent web1`.

        Raises:
            UserError: there is none, or the invite is of no use.
        """
        common = self.common
        if self.legacy is not None:
            secret = common.legacy_secret or ask_secret("legacy secret", "--legacy-secret-file")
            return replace(self, common=replace(common, legacy_secret=secret))
        if common.secret is None:
            common = _enrolled(program, common, self.relay, self.invite, tls=self.tls, who=who)
        if common.secret is None:
            asked = check_secret(ask_secret("secret", "--secret-file"))
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
            capabilities: what we understand beyond WIRE.md.
            program: the program's name, for the relay's log.
            seal: says how links are sealed, given the key that all who know the secret have.

        Raises:
            UserError: there is no secret.
        """
        claims = v2.Claims(client_id, role, capabilities, f"{program} {__version__}", b"")
        if self.legacy is not None:
            legacy_secret = self.common.legacy_secret or ask_secret("legacy secret", "--legacy-secret-file")
            login = LegacyLogin(self.legacy, legacy_secret)
            verify = self.tls and not self.common.insecure and not self.relay.is_loopback
            return RelayTarget(self.relay, self.tls, claims, login, verify=verify)  # nothing to seal with
        root = RootKey.from_secret(self.common.secret or check_secret(ask_secret("secret", "--secret-file")))
        key = root.login_key()
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
        )


def _enrolled(
    program: str, common: CommonSettings, relay: RelayAddress, invite: str | None, *, tls: bool, who: str
) -> CommonSettings:
    """Return the settings with the secret that an invite brings or has brought, else none.

    Raises:
        UserError: the invite is of no use.
    """
    if invite is not None:
        found: str | None = enrolment.secret_by_invite(program, common.state_dir, relay, invite, tls=tls, who=who)
    else:
        found = enrolment.enrolled_secret(common.state_dir, relay)
    if found is None:
        return common
    kept = common.state_dir.path / enrolment.file_name(relay)
    return replace(common, secret=found, secret_from=printable(str(kept)))


def check_no_tls(host: str, *, no_tls: bool, insecure: bool) -> None:
    """Refuse bare TCP beyond this machine, unless it was asked for twice.

    Raises:
        UserError: it was asked for once.
    """
    if no_tls and not insecure and not is_loopback(host):
        raise UserError(
            f"--no-tls on {host}, which is not loopback: everybody on the way could read and change everything; "
            "say --insecure as well if you mean it"
        )


def ask_secret(what: str, option: str) -> str:
    """Ask for a secret on the terminal.

    Args:
        what: `secret` or `legacy secret`, for the question.
        option: the option that gives it in a file, for the error.

    Raises:
        UserError: there is no terminal.
    """
    if not sys.stdin.isatty():
        raise UserError(f"a {what} is needed: {option} FILE, or NATPASS_{what.upper().replace(' ', '_')}")
    answer: str = click.prompt(what.capitalize(), hide_input=True, err=True)
    return answer
