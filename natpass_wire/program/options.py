"""Command-line options that several programs share, and their values; `settings` checks these.

A value comes from the command line (of the command or of a group above it), else the environment, else the config
file, else the default.
"""

# Why: docs/decisions/044-config-files-are-flat.md

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from natpass_wire.aio.dial import RelayAddress
from natpass_wire.errors import UserError
from natpass_wire.keepalive import SILENCE_V2
from natpass_wire.login.legacy import Dialect
from natpass_wire.program import config, logs
from natpass_wire.program.state import StateDir
from natpass_wire.text import printable
from natpass_wire.version import __version__

DEFAULT_PORT = 6154  # docs/wire.md §1
#: Options that make no sense in a config file.
_NOT_IN_CONFIG = frozenset({"config", "version", "help", "invite"})  # an invite is valid once
#: Groups of options of which one is enough; those on the command line outrank all others.
_SECRETS = (
    ("secret", "secret_file", "verifier", "verifier_file"),
    ("legacy_secret", "legacy_secret_file"),
)
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


#: The units of sizes.
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_SIZE = re.compile(r"\s*(\d{1,15})\s*(?:([kmgt]?)(?:i?b)?)\s*", re.IGNORECASE)


class ByteSize(click.ParamType[Any]):
    """A number of bytes: `536870912`, `512M`, `512MiB` or `512 MiB`; the units are powers of 1024.

    Args:
        least: the smallest size that makes sense.
    """

    name = "size"

    def __init__(self, least: int) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the size in bytes."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not a size, such as 512MiB", param, ctx)
        size = int(found[1]) * _UNITS[found[2].lower()]
        if size < self._least:
            self.fail(f"{value} is too little: give at least {self._least // _UNITS['m']}MiB", param, ctx)
        return size


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


class LocalPath(click.ParamType[Any]):
    """A path of this machine; `~` and `~user` at its beginning are a home, also where no shell has expanded them.

    Args:
        is_folder: whether it is a folder's; a file's otherwise.
    """

    def __init__(self, *, is_folder: bool = False) -> None:
        self._path = click.Path(path_type=Path, dir_okay=is_folder, file_okay=not is_folder)
        self.name = self._path.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(value)
        try:
            if str(value).startswith("~"):  # "./~" is a folder of that name
                path = path.expanduser()
        except RuntimeError:
            self.fail(f"there is no home directory for {printable(path.parts[0])}: give the whole path", param, ctx)
        converted: Path = self._path.convert(path, param, ctx)
        return converted


#: A file's path.
FILE = LocalPath()
_CONFIG = click.option("--config", type=FILE, help="Config file (TOML; keys are the names of these options).")
_STATE_DIR = click.option(
    "--state-dir",
    type=LocalPath(is_folder=True),
    help="Folder for keys and other state. Default: the platform's place for state.",
)


def state_options(command: Command) -> Command:
    """Add the options of commands that read the state directory and connect to nothing."""
    return _CONFIG(_STATE_DIR(command))


def state_dir(ctx: click.Context, *, config_keys: Mapping[str, type] | None = None) -> StateDir:
    """Return the state directory of a command; arguments as for `gather`.

    Raises:
        UserError: the config file is invalid.
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
            click.option("--secret-file", type=FILE, help="A file that holds the secret in one line (mode 0600)."),
            click.option(
                "--legacy-secret",
                metavar="SECRET",
                envvar="NATPASS_LEGACY_SECRET",
                help="The secret of existing natpass programs, for --legacy; never the same as the secret. Also in "
                "NATPASS_LEGACY_SECRET.",
            ),
            click.option("--legacy-secret-file", type=FILE, help="A file that holds the legacy secret."),
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
            click.option("--log-file", type=FILE, help="Log to this file instead of the terminal."),
            click.option(
                "--dead-after",
                type=click.FloatRange(0.5, 120.0),
                metavar="SECONDS",
                default=SILENCE_V2,
                show_default=True,
                help="Give up a connection that is silent for so long; the smaller value of both ends counts.",
            ),
            click.version_option(__version__, "--version", message="%(prog)s %(version)s"),
        ]
    ):
        command = option(command)
    return command


PROXY = click.option(
    "--proxy",
    metavar="URL",
    help="The proxy that leads to the relay: http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ if it asks "
    "for them; it resolves the relay's name. 'none': no proxy. Default: HTTPS_PROXY or ALL_PROXY, except for the hosts "
    "in NO_PROXY. Never used for this machine itself.",
)


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
            PROXY,
            click.option("--no-tls", is_flag=True, help="Speak bare TCP; beyond loopback only with --insecure."),
            click.option(
                "--allow-unsealed",
                is_flag=True,
                help="Also accept existing natpass programs at the other end: their links end with the connection, and "
                "the relay's operator can read and change their content, and open such links to an agent.",
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
        config_keys: keys of the config file that are not options, and the types of their values.

    Raises:
        UserError: the config file is invalid.
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
    if configured:
        values["config"] = path
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
        # An explicit option outranks a variable that happens to be in the environment.
        inherited = {name for name in names if sources.get(name) is ParameterSource.ENVIRONMENT}
        if given.keys() & (set(names) - inherited):
            given = {name: value for name, value in given.items() if name not in inherited}
    return values | given


def _key(parameter: click.Parameter) -> str:
    """Return an option's key in the config file: its long name, with underscores."""
    return max(parameter.opts, key=len).lstrip("-").replace("-", "_")


def _all_options(command: click.Command) -> set[str]:
    """Return the keys of all options of a command and of those below it."""
    names = {_key(parameter) for parameter in command.params if isinstance(parameter, click.Option)}
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):  # some are only loaded on demand
            if (child := command.get_command(ctx, name)) is not None:
                names |= _all_options(child)
    return names


def _converted(path: Path, name: str, value: Any, parameter: click.Parameter, ctx: click.Context) -> Any:
    """Return a config file's value, converted to the option's type."""
    flag = isinstance(parameter, click.Option) and parameter.is_flag
    whole = isinstance(parameter.type, click.types.IntParamType)
    number = isinstance(parameter.type, click.types.FloatParamType)
    if parameter.multiple and isinstance(value, str):
        value = [value]  # a single value counts as a list of one
    wanted: Any = bool if flag else list if parameter.multiple else int if whole else (int, float) if number else str
    if not isinstance(value, wanted) or (isinstance(value, bool) and not flag):
        kinds = {bool: "true or false", list: "a list", int: "a whole number", str: "a string"}
        kind = kinds.get(wanted, "a number")
        raise UserError(f"{path}: {name.replace('_', '-')} should be {kind}")
    try:
        return parameter.type_cast_value(ctx, value if flag or parameter.multiple else str(value))
    except click.BadParameter as error:
        raise UserError(f"{path}: {name.replace('_', '-')}: {error.format_message()}") from error
