"""The file of the networks that clients have logged in from, in the state directory."""

import asyncio
import logging
import time

from natpass_relay.remembered import MOST_BYTES, RememberedNetworks, day_of
from natpass_wire.errors import UserError
from natpass_wire.program.state import StateDir

log = logging.getLogger(__name__)

FILE = "networks"
#: Seconds between two looks for something new to keep; a relay that is killed loses no more.
SAVE_SECONDS = 30.0


class KnownNetworks:
    """Networks that are remembered over a restart. A file that can't be read or written is said, and no more: without
    it the relay only takes longer to take back all clients at once.

    Args:
        state: the state directory.
    """

    def __init__(self, state: StateDir) -> None:
        self._state = state
        self._saved = 0
        #: The networks.
        self.remembered = RememberedNetworks()
        try:
            content = state.read(FILE) or b""
        except UserError as error:
            log.warning("networks are not remembered: %s", error)
            return
        self.remembered.read(content[:MOST_BYTES].decode(errors="replace"), day_of(time.time()))

    async def keep(self) -> None:
        """Write the file now and then, in a thread: it waits for the disk."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if (text := self._news()) is not None:
                await asyncio.to_thread(self._write, text)

    def save(self) -> None:
        """Write the file if there is something new."""
        if (text := self._news()) is not None:
            self._write(text)

    def _news(self) -> str | None:
        if self.remembered.changes == self._saved:
            return None
        self._saved = self.remembered.changes
        return self.remembered.to_text()

    def _write(self, text: str) -> None:
        try:
            self._state.replace(FILE, text.encode())
        except UserError as error:
            log.warning("networks are not remembered: %s", error)
