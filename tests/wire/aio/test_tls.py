"""What a relay's TLS says."""

import contextlib
import ssl
from pathlib import Path

from natpass_wire.aio.tls import client_context, server_context
from tests.support.relay import tls_files


def test_a_relay_sends_nothing_after_its_handshake(tmp_path: Path) -> None:
    """Tickets for a session that nobody resumes would be another write, and a tenth of a handshake."""
    files = tls_files(tmp_path)
    to_client, to_relay = ssl.MemoryBIO(), ssl.MemoryBIO()
    relay = server_context(files.certificate, files.key).wrap_bio(to_relay, to_client, server_side=True)
    client = client_context(verify=False).wrap_bio(to_client, to_relay)
    for end in (client, relay):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    client.do_handshake()
    relay.do_handshake()
    assert client.version() == "TLSv1.3"
    assert to_client.pending == 0
