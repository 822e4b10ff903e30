"""What a relay makes for itself, once: its secret and its certificate.

To look whether they are there and good is one step, to make them another: before the relay can start, nothing is
written.
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

#: Files in the state directory. Certificate and key are one file: two could be of different origin.
SECRET_FILE, CERTIFICATE_FILE = "secret", "relay.pem"
_SECRET_BYTES = 16


def own_secret(state: StateDir) -> str | None:
    """Return the secret that a relay has made in this state directory, None if none has.

    Raises:
        UserError: it is of no use.
    """
    if not state.read(SECRET_FILE):
        return None
    return check_secret(read_secret_file(state.path / SECRET_FILE))


def make_secret(state: StateDir) -> tuple[str, bool]:
    """Return the secret of this state directory, made if there is none, and whether it was made just now.

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
    """Tell whether there is a certificate in this state directory, made out to all of these names.

    Raises:
        UserError: there is one that is of no use.
    """
    if not state.read(CERTIFICATE_FILE):
        return False
    files = certificate_files(state)
    server_context(files.certificate, files.key)
    return set(names) <= Certificate.from_pem_file(files.certificate).names


def not_named(files: TlsFiles, reachable: Iterable[RelayAddress]) -> list[str]:
    """Return at which of these names and addresses a certificate does not verify: they are newer than it.

    Raises:
        UserError: it can't be read.
    """
    names = Certificate.from_pem_file(files.certificate).names
    return [address.host for address in reachable if certificate_name(address.host) not in names]


def make_certificate(state: StateDir, names: Sequence[str], listen: Iterable[RelayAddress]) -> None:
    """Make the certificate, or make it anew with other names.

    Nobody has pinned the old one: each login binds the certificate that it sees.

    Args:
        state: the state directory.
        names: the names and addresses that the relay is reached by, as told.
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
