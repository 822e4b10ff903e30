"""What comes for a channel before it is connected: no more than its first window, whatever its pieces. Pure."""

from collections import deque

from natpass_wire.channels.channel import FIRST_WINDOW, SEND_DATAGRAMS


class EarlyBytes:
    """The bytes of a connection: the window bounds them, and they are kept as one, since many may come one by one."""

    def __init__(self) -> None:
        self._bytes = b""
        self._more: bytearray | None = None

    def add(self, data: bytes) -> None:
        """Keep bytes."""
        if not self._bytes:
            self._bytes = data  # most connections begin with one message
        elif self._more is None:
            self._more = bytearray(data)
        else:
            self._more += data

    def pieces(self) -> list[bytes]:
        """Return what is kept."""
        return [piece for piece in (self._bytes, bytes(self._more or b"")) if piece]


class EarlyDatagrams:
    """The datagrams of a flow: the newest, as many as may wait, and no more bytes than a connection may have."""

    def __init__(self) -> None:
        self._datagrams: deque[bytes] = deque()
        self._size = 0

    def add(self, data: bytes) -> None:
        """Keep a datagram; older ones go if there is no room."""
        self._datagrams.append(data)
        self._size += len(data)
        while len(self._datagrams) > SEND_DATAGRAMS or self._size > FIRST_WINDOW:
            self._size -= len(self._datagrams.popleft())

    def pieces(self) -> list[bytes]:
        """Return what is kept."""
        return list(self._datagrams)
