"""Access to the worker's websocket, without I/O: only the worker that we started may connect, once.

Others can reach a loopback port too: processes of other users (they lack the token), pages in a browser (they send
an Origin header, and with DNS rebinding a foreign Host), and a second worker (only one is admitted).
"""

import hmac
from collections import Counter
from collections.abc import Sequence

from natpass_agent.links.desktop.protocol import PATH, TOKEN_PREFIX

#: The token has 256 bits.
TOKEN_BYTES = 32


class WorkerGate:
    """The admission check of one websocket server.

    Args:
        token: the worker's token, in hex.
        port: the server's port.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token
        self._host = f"127.0.0.1:{port}"
        self._admitted = False
        #: How many requests were refused, by reason.
        self.refused: Counter[str] = Counter()

    def admit(self, path: str, hosts: Sequence[str], origins: Sequence[str], tokens: Sequence[str]) -> str | None:
        """Return why a request is refused, None if it is admitted.

        Args:
            path: the requested path.
            hosts: the Host headers.
            origins: the Origin headers.
            tokens: the headers that carry the token.
        """
        fault = self._fault(path, hosts, origins, tokens)
        if fault is None:
            self._admitted = True
        else:
            self.refused[fault] += 1
        return fault

    def _fault(self, path: str, hosts: Sequence[str], origins: Sequence[str], tokens: Sequence[str]) -> str | None:
        if origins:
            return "origin"
        if list(hosts) != [self._host]:
            return "host"
        if path != PATH:
            return "path"
        if len(tokens) != 1 or not tokens[0].startswith(TOKEN_PREFIX):
            return "no token"
        if not hmac.compare_digest(tokens[0].removeprefix(TOKEN_PREFIX).encode(), self._token.encode()):
            return "wrong token"
        if self._admitted:
            return "second worker"
        return None
