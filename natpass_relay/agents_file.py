"""The file of the agents that a relay knows, in the state directory."""

import time

from natpass_relay.kept_file import KeptFile
from natpass_relay.remembered_agents import MOST_BYTES, read, to_text
from natpass_relay.roster import Publisher
from natpass_wire.program.state import StateDir

FILE = "agents"


class AgentsFile:
    """Agents that are remembered over a restart: those that are away then are listed, since when.

    Args:
        state: the state directory.
        publisher: the roster; it gets the agents of the file.
    """

    def __init__(self, state: StateDir, publisher: Publisher) -> None:
        self._file = KeptFile(state, FILE, "agents", MOST_BYTES)
        self._publisher = publisher
        publisher.restore(read(self._file.read(), _now()))

    async def keep(self) -> None:
        """Write the file now and then."""
        await self._file.keep(lambda: self._publisher.changes, lambda: to_text(self._publisher.kept(0)))

    def at_stop(self) -> str:
        """Return the content for the end: call this before the relay parts with its clients."""
        return to_text(self._publisher.kept(_now()))

    def write(self, text: str) -> None:
        """Write the file."""
        self._file.write(text)


def _now() -> int:
    return time.time_ns() // 1_000_000
