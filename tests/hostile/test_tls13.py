"""The attacker's TLS client: a real server takes its KeyUpdates."""

import socket
import ssl
import threading
from pathlib import Path

from tests.hostile.outside.tls13 import Tls13
from tests.support.relay import tls_files


def test_a_server_takes_key_updates_and_what_follows(tmp_path: Path) -> None:
    files = tls_files(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as bare, context.wrap_socket(bare, server_side=True) as connection:
                got.append(connection.recv(100))

        server = threading.Thread(target=serve)
        server.start()
        with socket.create_connection(listener.getsockname(), 10) as connected:
            tls = Tls13(connected)
            updates = tls.key_updates(20)
            assert len(updates) == 20 * 27
            connected.sendall(updates + tls.data(b"hello"))
            server.join(10)
    assert got == [b"hello"]
