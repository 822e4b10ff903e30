"""The file of the networks that clients have logged in from, in the state directory."""

import time

from natpass_relay.kept_file import KeptFile
from natpass_relay.remembered import MOST_BYTES, RememberedNetworks, day_of
from natpass_wire.program.state import StateDir

FILE = "networks"


class KnownNetworks:
    """Networks that are remembered over a restart; without them the relay only takes longer to take back all clients.

    Args:
        state: the state directory.
    """

    def __init__(self, state: StateDir) -> None:
        self._file = KeptFile(state, FILE, "networks", MOST_BYTES)
        #: The networks.
        self.remembered = RememberedNetworks()
        self.remembered.read(self._file.read(), day_of(time.time()))

    async def keep(self) -> None:
        """Write the file now and then."""
        await self._file.keep(lambda: self.remembered.changes, self.remembered.to_text)

    def save(self) -> None:
        """Write the file if there is something new."""
        self._file.save(self.remembered.changes, self.remembered.to_text)
