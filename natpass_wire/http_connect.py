"""An HTTP proxy's CONNECT (RFC 9110 §9.3.6), as bytes. Sans-IO.

python-socks reads an answer with one read: it would take the rest of an answer in two parts for the relay's TLS.
"""

# Why: docs/decisions/012-proxies.md

import base64
import re

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.text import printable

#: The longest header of an answer that we accept.
_MOST_HEADER_BYTES = 16 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\r\n]*))?\r?\n")
_END = re.compile(rb"\r?\n\r?\n")


def request(host: str, port: int, user: str | None, password: str | None) -> bytes:
    """Return the request for a connection to `host`.

    Raises:
        ValueError: `host` is not a host name.
    """
    name = host if ":" in host else host.encode("idna").decode()  # UnicodeError is a ValueError
    if not name or any(character <= " " or character == "\x7f" for character in name):
        raise ValueError("a host name without blanks is needed")
    authority = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if user is not None:
        shown = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {shown}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


class ProxyResponse:
    """The proxy's answer, as it comes."""

    def __init__(self) -> None:
        self._received = b""

    def receive(self, data: bytes) -> str | None:
        """Take bytes; return None while the answer is incomplete, "" once accepted, else the refusal, safe to print.

        Raises:
            RemoteProtocolError: this is not an answer to CONNECT.
        """
        self._received += data
        end = _END.search(self._received)
        if end is None:
            if len(self._received) > _MOST_HEADER_BYTES:
                raise RemoteProtocolError("does not speak HTTP: its answer has no end")
            return None
        status = _STATUS_LINE.match(self._received)
        if status is None:
            raise RemoteProtocolError("does not speak HTTP")
        code = status[1].decode()
        if not code.startswith("2"):
            return printable(f"{code} {(status[2] or b'').decode('utf-8', 'replace')}".strip(), 100)
        if end.end() != len(self._received):
            raise RemoteProtocolError("sends data before the relay could")  # a relay waits for us to speak
        return ""
