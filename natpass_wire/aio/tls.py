"""TLS contexts."""

# Why: docs/decisions/086-what-a-login-costs.md

import ssl
from pathlib import Path

from natpass_wire.errors import UserError


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the relay's TLS context.

    Raises:
        UserError: the files are not a certificate and its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0  # no client resumes a TLS session: tickets would cost 50 µs and a write at each login
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"cannot use the certificate {certificate} with the key {key}: {why}") from error
    return context


def client_context(*, verify: bool) -> ssl.SSLContext:
    """Return a client's TLS context.

    Args:
        verify: check the relay's certificate against the system's authorities and the name. Handshake v2 does not need
            it, since both sides prove which certificate they see; the older dialects prove nothing.
    """
    if verify:
        context = ssl.create_default_context()
    else:  # without the system's authorities, which take 20 ms to load
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
