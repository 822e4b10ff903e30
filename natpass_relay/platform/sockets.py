"""What listening sockets are told, platform by platform."""

import socket
import sys

if sys.platform == "win32":

    def take_address(listener: socket.socket) -> None:
        """Have the address alone: on Windows, others may take it as well unless one forbids it."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)

else:

    def take_address(listener: socket.socket) -> None:
        """Have the address also while connections of a relay before us linger; nobody else has it meanwhile."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
