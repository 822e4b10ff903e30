"""What agents remember of their files of authorized consoles over restarts: which file they obeyed, and until when.

A file that has gone missing must not open the agent to everybody who has the secret, and a clock that has gone back
must not bring expired keys back.
"""

# Why: docs/decisions/074-doubt-grants-nothing.md

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from natpass_wire.errors import UserError
from natpass_wire.ids import as_file_name
from natpass_wire.program.state import StateDir

_BEGINNING, _END = "agent-", ".consoles"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The memory of one agent.

    Attributes:
        file: the file that it obeyed last.
        seen: when that was, UTC, in whole seconds.
    """

    file: Path
    seen: datetime

    def to_bytes(self) -> bytes:
        """Return it as a file's content."""
        return json.dumps({"file": str(self.file), "seen": int(self.seen.timestamp())}).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> "Remembered":
        """Return what is in a file.

        Raises:
            ValueError: it is invalid.
        """
        match json.loads(content):
            case {"file": str(file), "seen": int(seen)} if file:
                return cls(Path(file), _time(seen))
        raise ValueError("not a file and a time")


class Memory:
    """The memories of all agents of a state directory, and our own among them.

    Args:
        state: the state directory.
        client_id: our agent's id.
    """

    def __init__(self, state: StateDir, client_id: str) -> None:
        self._state = state
        self._name = f"{_BEGINNING}{as_file_name(client_id)}{_END}"

    @property
    def path(self) -> Path:
        """Our own memory's file.

        Raises:
            UserError: there is no state directory.
        """
        return self._state.path / self._name

    def own(self) -> Remembered | None:
        """Return our own memory, None if we never obeyed a file.

        Raises:
            UserError: it can't be read.
        """
        return self._read(self._name)

    def all(self) -> dict[Path, Remembered]:
        """Return all memories, by their files.

        Raises:
            UserError: one can't be read.
        """
        if self._state.place is None:
            return {}
        found = {name: self._read(name) for name in self._state.names(_BEGINNING, _END)}
        return {self._state.path / name: memory for name, memory in found.items() if memory is not None}

    def keep(self, memory: Remembered) -> None:
        """Replace our own memory.

        Raises:
            UserError: it can't be written.
        """
        self._state.replace(self._name, memory.to_bytes())

    def _read(self, name: str) -> Remembered | None:
        content = self._state.read(name)
        if content is None:
            return None
        try:
            return Remembered.from_bytes(content)
        except ValueError as error:
            path = self._state.path / name
            raise UserError(
                f"{path} is damaged: it says which authorized_consoles an agent obeyed; if yours is in its place, "
                f"remove {path}"
            ) from error


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("not a time") from error
