"""The addresses and names of this machine."""

import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address

import ifaddr

from natpass_relay.addresses import IpAddress

#: Addresses of documentation networks (RFC 5737, RFC 3849): nothing is sent there, the system just says which of its
#: own addresses it would use.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
#: The full name is asked of the name service, which may not answer for half a minute.
_NAME_SECONDS = 2.0


def local_addresses() -> list[IpAddress]:
    """Return the addresses of this machine: those that it uses to reach others first, loopback last."""
    found: dict[IpAddress, None] = {}
    for family, elsewhere in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                found[ip_address(probe.getsockname()[0].partition("%")[0])] = None
        except OSError:  # no network, or none of this family
            continue
    try:
        adapters = list(ifaddr.get_adapters())
    except OSError:
        adapters = []
    for adapter in adapters:
        for address in adapter.ips:
            if isinstance(address.ip, str):
                found[IPv4Address(address.ip)] = None
            else:
                found[IPv6Address(address.ip[0].partition("%")[0])] = None
    return sorted(found, key=lambda ip: ip.is_loopback)


def host_names() -> list[str]:
    """Return what this machine calls itself: its name, and the full one if the name service says it in time."""
    name = socket.gethostname()
    full: list[str] = []
    asking = threading.Thread(target=lambda: full.append(socket.getfqdn(name)), name="full name", daemon=True)
    asking.start()
    asking.join(_NAME_SECONDS)
    return [name, *full]
