"""Which proxy leads to the relay: the one that the user named, else the environment's, read as curl reads it."""

# Why: docs/decisions/012-proxies.md

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import SplitResult, unquote, urlsplit

from natpass_wire.errors import UserError
from natpass_wire.text import printable

#: The value that switches proxies off.
NONE = "none"
#: curl's default, for every scheme.
_DEFAULT_PORT = 1080
#: The variables that name a proxy for encrypted traffic, in curl's order: the first one that is set wins.
_NAMING = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_EXCEPTING = ("no_proxy", "NO_PROXY")
#: All variables that may hold a proxy's password.
VARIABLES = (*_NAMING, "http_proxy", "HTTP_PROXY")


class ProxyKind(Enum):
    """The protocol of a proxy; the value is its URL's scheme."""

    HTTP = "http"
    SOCKS5 = "socks5"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. As text it shows no credentials.

    Attributes:
        kind: its protocol.
        host: its name or address.
        port: its port.
        user: the user's name, None if it asks for none.
        password: the user's password.
    """

    kind: ProxyKind
    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return printable(f"{self.kind.value}://{host}:{self.port}")


@dataclass(frozen=True, slots=True)
class Proxying:
    """The settings for proxies.

    Attributes:
        given: the option's or the config file's value, None if not set.
        environment: the variables that concern proxies.
    """

    given: str | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def among(cls, given: str | None, environment: Mapping[str, str]) -> "Proxying":
        """Return the settings in the option's value and in a process's environment."""
        return cls(given, {name: environment[name] for name in (*_NAMING, *_EXCEPTING) if name in environment})

    def towards(self, host: str, *, is_loopback: bool) -> Proxy | None:
        """Return the proxy that leads to a relay, None to connect directly.

        A proxy that the user named outranks NO_PROXY, which only concerns the environment's proxies. Loopback addresses
        are never reached through a proxy.

        Raises:
            UserError: a setting is invalid.
        """
        if is_loopback or self.given == NONE:
            return None
        if self.given is not None:
            return parse(self.given, "--proxy")
        for variable in _NAMING:
            if value := self.environment.get(variable):
                excepted = next((self.environment[name] for name in _EXCEPTING if self.environment.get(name)), "")
                return None if is_excepted(host, excepted) else parse(value, variable)
        return None


def parse(text: str, source: str) -> Proxy:
    """Return the proxy that a URL names; without a scheme it is an HTTP proxy.

    Args:
        text: the URL, `http://`, `socks5://` or `socks5h://` (which is the same here: the proxy resolves names).
        source: the option or variable that it came from, for errors; the URL may hold a password and is not shown.

    Raises:
        UserError: the URL is invalid.
    """
    hint = f"{source} should be http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ if need be, or '{NONE}'"
    found = _split(text)
    if found is None or not found.hostname or found.path not in {"", "/"} or found.query or found.fragment:
        raise UserError(hint)
    kinds = {"http": ProxyKind.HTTP, "socks5": ProxyKind.SOCKS5, "socks5h": ProxyKind.SOCKS5}
    if found.scheme not in kinds:
        raise UserError(f"{hint}; {printable(found.scheme, 20)}:// is not supported")
    try:
        port = found.port or _DEFAULT_PORT
    except ValueError as error:
        raise UserError(hint) from error
    user = unquote(found.username) if found.username else None
    password = unquote(found.password or "") if user else None
    if kinds[found.scheme] is ProxyKind.SOCKS5 and any(
        not text.isascii() or len(text) > 255 for text in (user or "", password or "")
    ):
        raise UserError(f"{source}: user and password of a SOCKS proxy are at most 255 ASCII characters")
    if user is not None and ":" in user:
        raise UserError(f"{source}: a user's name has no colon")
    return Proxy(kinds[found.scheme], found.hostname, port, user, password)


def credentials(text: str | None) -> str | None:
    """Return the credentials in a proxy's URL, as they are written there; None if there are none."""
    if not text:
        return None
    found, at, _ = (text.partition("://")[2] or text).rpartition("@")
    return found if at else None


def is_excepted(host: str, exceptions: str) -> bool:
    """Tell whether NO_PROXY's value covers this host: `*`, names with all below them, addresses and networks."""
    host = host.lower().removesuffix(".")
    address = _address(host)
    for entry in re.split(r"[,\s]+", exceptions.lower()):
        if entry == "*":
            return True
        if address is not None:
            if _has(entry, address):
                return True
            continue
        name = entry.removeprefix(".").removesuffix(".")
        if name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _split(text: str) -> SplitResult | None:
    if not text.isprintable() or " " in text:
        return None
    try:
        return urlsplit(text if "://" in text else f"http://{text}")
    except ValueError:
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _has(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry.removeprefix("[").removesuffix("]"), strict=False)
    except ValueError:
        return False
