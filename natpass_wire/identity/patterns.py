"""PATTERNs of what may be reached, or listened at: in `authorized_consoles`, and in options of an agent. Pure.

    10.0.0.7:80  10.0.0.0/8:22  [fd00::7]:443  [fd00::/8]:8000-8999  localhost:*  db.example.org:5432  *:443
    unix:/run/app.sock  unix:/run/*/app.sock  unix:*

A host is an address, a network, `localhost` (127.0.0.0/8 and ::1), a name or `*`; a port is a number, a range or `*`.
Patterns are held against the address that is dialled or bound, never against the name that somebody asked for. A name
in a pattern stands for the addresses that it has at that moment. In a path `*` and `?` do not stand for `/`.
"""

# Why: docs/decisions/088-rules-hold-for-addresses.md

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

IpAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
#: Addresses that names have now.
Named = Mapping[str, Collection[IpAddress]]

NONE = "none"
_UNIX = "unix:"
_ALL_PORTS = (0, 0xFFFF)
_EVERYWHERE: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?")
#: What the name service would take for an address: 127.1, 2130706433, 0x7f000001.
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class TargetPattern:
    """One pattern.

    Attributes:
        text: as it was given.
        networks: the addresses that it allows.
        name: a name that stands for more of them, empty if there is none.
        ports: the lowest and the highest port; port 0 (any that is free) is only in `*`.
        path: of Unix sockets, instead of all others; `*` for all.
    """

    text: str
    networks: tuple[Network, ...] = ()
    name: str = ""
    ports: tuple[int, int] = _ALL_PORTS
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "TargetPattern":
        """Return the pattern. Raises ValueError: it is invalid; the text is safe to print."""
        if not text.isprintable() or '"' in text:
            raise ValueError("a pattern has a character that it can't have")
        if text.startswith(_UNIX):
            path = text.removeprefix(_UNIX)
            if path != "*" and (not path.startswith("/") or {".", ".."} & set(path.split("/"))):
                raise ValueError(f"{text}: a Unix socket's path begins with / and has no . or ..")
            return cls(text, path=path)
        host, colon, port = text.rpartition(":")
        is_bracketed = host.startswith("[") and host.endswith("]")
        if not colon or not host or (":" in host and not is_bracketed):
            raise ValueError(f"{text} is not HOST:PORT, [IPV6]:PORT or unix:/PATH")
        networks, name = _host(host[1:-1] if is_bracketed else host, text)
        return cls(text, networks, name, _ports(port, text))

    def allows(self, address: IpAddress, port: int, named: Named) -> bool:
        """Tell whether it allows an address and port; `named` has the addresses of its name."""
        if self.path or not self.ports[0] <= port <= self.ports[1]:
            return False
        address = plain(address)
        return any(address in network for network in self.networks) or (
            bool(self.name) and any(address == plain(found) for found in named.get(self.name, ()))
        )

    def allows_path(self, path: str) -> bool:
        """Tell whether it allows a path, which has no links and no `..` any more."""
        if self.path in {"", "*"}:
            return self.path == "*"
        patterns, parts = self.path.split("/"), path.split("/")
        return len(patterns) == len(parts) and all(map(fnmatchcase, parts, patterns))


Patterns = tuple[TargetPattern, ...]

#: Where an agent listens if nothing else is said.
LOOPBACK: Patterns = (TargetPattern("localhost:*", _LOOPBACK),)


def parse(text: str) -> Patterns:
    """Return the patterns of a list with commas; `none` has none.

    Raises:
        ValueError: it is invalid; the text is safe to print.
    """
    if text.strip() == NONE:
        return ()
    return tuple(TargetPattern.parse(word.strip()) for word in text.split(","))


def plain(address: IpAddress) -> IpAddress:
    """Return the address that is meant: an IPv4 address may be written as IPv6 (::ffff:a.b.c.d), or have a zone."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def dialled(address: IpAddress) -> IpAddress:
    """Return the address that a connection to `address` gets to: 0.0.0.0 and :: lead to this machine."""
    address = plain(address)
    if address.is_unspecified:
        return IPv4Address("127.0.0.1") if address.version == 4 else IPv6Address("::1")
    return address


@dataclass(frozen=True, slots=True)
class Reach:
    """What each of several lists allows: only what all of them do. No list allows everything.

    Attributes:
        lists: the lists.
    """

    lists: tuple[Patterns, ...] = ()

    def allows(self, address: IpAddress, port: int, named: Named) -> bool:
        """Tell whether an address and port are allowed; `named` has the addresses of `names`."""
        return all(any(each.allows(address, port, named) for each in patterns) for patterns in self.lists)

    def allows_path(self, path: str) -> bool:
        """Tell whether the path of a Unix socket is allowed; it has no links any more."""
        return all(any(each.allows_path(path) for each in patterns) for patterns in self.lists)

    def names(self, port: int | None = None) -> set[str]:
        """Return the names whose addresses matter: for this port, by default for any."""
        return {
            each.name
            for patterns in self.lists
            for each in patterns
            if each.name and (port is None or each.ports[0] <= port <= each.ports[1])
        }

    @property
    def text(self) -> str:
        """The lists, for people."""
        return ", and of these only ".join(texts(patterns) for patterns in self.lists) or "everything"


def texts(patterns: Sequence[TargetPattern]) -> str:
    """Return patterns for people."""
    return ", ".join(each.text for each in patterns) or "nothing"


def _host(host: str, text: str) -> tuple[tuple[Network, ...], str]:
    """Return the networks and the name that a host stands for. Raises ValueError: it is none."""
    if host == "*":
        return _EVERYWHERE, ""
    host = host.lower().removesuffix(".")
    if host == "localhost":
        return _LOOPBACK, ""
    try:
        return (_network(host),), ""
    except ValueError:
        if _NAME.fullmatch(host) and not _NUMBER.fullmatch(host):
            return (), host
    raise ValueError(f"{text}: its host is no address, network (as 10.0.0.0/8), name or *")


def _network(host: str) -> Network:
    if "%" in host:
        raise ValueError(host)
    if "/" not in host:
        return ip_network(plain(ip_address(host)))
    network = ip_network(host)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        return ip_network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def _ports(port: str, text: str) -> tuple[int, int]:
    if port == "*":
        return _ALL_PORTS
    found = _PORTS.fullmatch(port)
    low, high = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= low <= high <= 0xFFFF:
        raise ValueError(f"{text}: its port is no number, range (as 8000-8999) or *")
    return low, high
