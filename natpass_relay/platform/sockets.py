"""Options of listening sockets, for each platform."""

import socket
import sys

if sys.platform == "win32":

    def take_address(listener: socket.socket) -> None:
        """Claim the address exclusively: Windows would let others take it as well."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)

else:

    def take_address(listener: socket.socket) -> None:
        """Allow the address while connections of an earlier relay linger; it is exclusive all the same."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
