"""The files that a relay makes for itself, once: its secret and its certificate.

Checking them and making them are separate steps: the relay writes nothing before it can start.
"""

# Why: docs/decisions/019-the-relays-certificate.md

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from natpass_relay.addresses import ANY_IPV4, ANY_IPV6
from natpass_relay.certificate import Certificate, certificate_name, make_self_signed
from natpass_relay.local import host_names, local_addresses
from natpass_relay.server import TlsFiles
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.tls import server_context
from natpass_wire.login.keys import check_secret
from natpass_wire.program.secret import read_secret_file
from natpass_wire.program.state import StateDir

#: Files in the state directory. Certificate and key are one file, so that they always match.
SECRET_FILE, CERTIFICATE_FILE = "secret", "relay.pem"
_SECRET_BYTES = 16


def own_secret(state: StateDir) -> str | None:
    """Return the secret that a relay has made in this state directory, None if there is none.

    Raises:
        UserError: it is invalid.
    """
    if not state.read(SECRET_FILE):
        return None
    return check_secret(read_secret_file(state.path / SECRET_FILE))


def make_secret(state: StateDir) -> tuple[str, bool]:
    """Return the secret of this state directory, and whether this call made it.

    Raises:
        UserError: it can't be read or written.
    """
    fresh = f"{secrets.token_hex(_SECRET_BYTES)}\n".encode()
    is_new = state.make_once(SECRET_FILE, lambda: fresh) == fresh  # of several relays that start at once, one makes it
    return check_secret(read_secret_file(state.path / SECRET_FILE)), is_new


def certificate_files(state: StateDir) -> TlsFiles:
    """Return where the certificate of this state directory is, or will be."""
    path: Path = state.path / CERTIFICATE_FILE
    return TlsFiles(path, path)


def has_certificate(state: StateDir, names: Iterable[str]) -> bool:
    """Tell whether there is a certificate for all of these names in this state directory.

    Raises:
        UserError: it is invalid.
    """
    if not state.read(CERTIFICATE_FILE):
        return False
    files = certificate_files(state)
    server_context(files.certificate, files.key)
    return set(names) <= Certificate.from_pem_file(files.certificate).names


def not_named(files: TlsFiles, reachable: Iterable[RelayAddress]) -> list[str]:
    """Return the names and addresses that a certificate does not name, since they are newer.

    Raises:
        UserError: it can't be read.
    """
    names = Certificate.from_pem_file(files.certificate).names
    return [address.host for address in reachable if certificate_name(address.host) not in names]


def make_certificate(state: StateDir, names: Sequence[str], listen: Iterable[RelayAddress]) -> None:
    """Make the certificate, or replace it by one with other names.

    No client has pinned the old one: each login binds the certificate that it sees.

    Args:
        state: the state directory.
        names: the relay's names and addresses, as the user gave them.
        listen: the addresses that it listens on.

    Raises:
        UserError: it can't be written.
    """
    listened = [address.host for address in listen if address.host not in {str(ANY_IPV4), str(ANY_IPV6)}]
    loopback = ["localhost", "127.0.0.1", "::1"]
    local = [str(ip) for ip in local_addresses() if not ip.is_link_local]
    every = [*names, *listened, *loopback, *host_names(), *local]
    if state.read(CERTIFICATE_FILE):
        state.replace(CERTIFICATE_FILE, b"".join(make_self_signed(every)))
    else:  # of several relays that start at once, one makes it
        state.make_once(CERTIFICATE_FILE, lambda: b"".join(make_self_signed(every)))
