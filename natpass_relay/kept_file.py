"""A file in the state directory with what a relay remembers over a restart."""

import asyncio
import logging
from collections.abc import Callable

from natpass_wire.errors import UserError
from natpass_wire.program.state import StateDir

log = logging.getLogger(__name__)

#: Seconds between two looks for something new to keep; a relay that is killed loses no more.
SAVE_SECONDS = 30.0


class KeptFile:
    """A file that is written anew now and then. One that can't be read or written is told, and no more.

    Args:
        state: the state directory.
        name: the file's name.
        noun: its content, for the log.
        most_bytes: bytes that are read at most.
    """

    def __init__(self, state: StateDir, name: str, noun: str, most_bytes: int) -> None:
        self._state = state
        self._name = name
        self._noun = noun
        self._most_bytes = most_bytes
        self._saved = 0

    def read(self) -> str:
        """Return the file's content, empty if there is none."""
        try:
            content = self._state.read(self._name) or b""
        except UserError as error:
            self._complain(error)
            return ""
        return content[: self._most_bytes].decode(errors="replace")

    async def keep(self, changes: Callable[[], int], to_text: Callable[[], str]) -> None:
        """Write the file now and then, in a thread: it waits for the disk.

        Args:
            changes: returns how often the content has changed.
            to_text: returns the content.
        """
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if (count := changes()) != self._saved:
                self._saved = count
                await asyncio.to_thread(self.write, to_text())

    def write(self, text: str) -> None:
        """Write the file."""
        try:
            self._state.replace(self._name, text.encode())
        except UserError as error:
            self._complain(error)

    def save(self, changes: int, text: Callable[[], str]) -> None:
        """Write the file if its content has changed since the last time."""
        if changes != self._saved:
            self._saved = changes
            self.write(text())

    def _complain(self, error: UserError) -> None:
        log.warning("%s are not remembered: %s", self._noun, error)
