"""The agent's `authorized_consoles` file, read again when it changes."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from natpass_agent.links import KINDS
from natpass_wire.errors import UserError
from natpass_wire.identity import authorized
from natpass_wire.identity.authorized import ALL, Fault, Rights
from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import MalformedError
from natpass_wire.program.state import Stamp, StateDir

log = logging.getLogger(__name__)

FILE = "authorized_consoles"
#: The refusal of consoles while the file is invalid; the log has the details for the operator.
DAMAGED = "this agent can't tell which consoles it may serve: its log says why"
UNSEALED = "this agent serves consoles by their keys, and this link is not sealed"
#: Invalid lines that are logged one by one: a wrong file may have half a million.
MOST_FAULTS = 50


def _now() -> datetime:
    return datetime.now(UTC)


class AuthorizedConsolesFile:
    """The rights of consoles, from the file.

    Without a file every console may do everything. But if the file was there once, or is required, and is missing, no
    console is served. The same holds while it can't be read, is too long, or its mode is unsafe. An invalid line
    grants nothing and is logged once for each version of the file; the other lines hold.

    Args:
        path: the file; mode 0600.
        is_required: whether it has to exist.
        now: returns the time, UTC.
    """

    def __init__(self, path: Path, *, is_required: bool, now: Callable[[], datetime] = _now) -> None:
        self._path = path
        self._state = StateDir(path.parent)
        self._is_required = is_required
        self._now = now
        self._stamp: Stamp | None = None
        self._consoles: authorized.AuthorizedConsoles | None = None
        self._fault = ""

    @classmethod
    def at(cls, path: Path | None, state: StateDir) -> "AuthorizedConsolesFile":
        """Return the file at `path`; if that is None, the one in the state directory, if there is one.

        Reads it now: from here on a file that exists is required, and the log names its faults before the first console
        is refused.

        Raises:
            UserError: there is no file at `path`. An invalid file does not stop the agent: the user can mend it.
        """
        if path is not None and not path.exists():
            raise UserError(f"there is no {path} (--authorized-consoles); an empty file lets nobody in")
        found = cls(state.path / FILE if path is None else path, is_required=path is not None)
        if found.rights_of(None) == UNSEALED:
            log.info("serving the consoles in %s, and no others", found._path)
        return found

    def rights_of(self, key: bytes | None) -> Rights | str:
        """Return the rights of the console with this key; a text for it with the reason, if it has none.

        Args:
            key: the static key that it has proved to have; None if its link is not sealed.
        """
        try:
            consoles = self._read()
        except UserError as error:
            self._complain(str(error))
            return DAMAGED
        self._complain("")
        if consoles is None:
            return ALL
        if key is None:
            return UNSEALED
        return consoles.rights_of(PublicKey(key), self._now())

    def lists(self, key: bytes) -> bool:
        """Tell whether the file names a key; False while it can't be read."""
        try:
            consoles = self._read()
        except UserError:
            return False  # `rights_of` complains
        return consoles is not None and PublicKey(key) in consoles.grants

    def _read(self) -> authorized.AuthorizedConsoles | None:
        """Return the file's contents, None if there is no file and none is required.

        Raises:
            UserError: it is missing or invalid.
        """
        stamp = self._state.stamp(self._path.name)
        if stamp is None:
            self._stamp = None
            if self._is_required:
                raise UserError(f"{self._path} is gone")
            return None
        self._is_required = True
        if stamp != self._stamp or self._consoles is None:
            self._consoles, self._stamp = self._parsed(stamp), stamp
            self._name_faults(self._consoles.faults)
        return self._consoles

    def _parsed(self, stamp: Stamp) -> authorized.AuthorizedConsoles:
        if stamp.size > authorized.MAX_BYTES:
            raise UserError(f"{self._path} is longer than {authorized.MAX_BYTES} bytes")
        content = self._state.read(self._path.name)
        if content is None:
            raise UserError(f"{self._path} is gone")
        try:
            return authorized.AuthorizedConsoles.parse(content, [kind.name for kind in KINDS])
        except MalformedError as error:
            raise UserError(f"{self._path}, {error}") from None

    def _name_faults(self, faults: tuple[Fault, ...]) -> None:
        for fault in faults[:MOST_FAULTS]:
            log.error("%s, line %d grants nothing: %s", self._path, fault.number, fault.reason)
        if len(faults) > MOST_FAULTS:
            log.error("%s has %d more lines that grant nothing", self._path, len(faults) - MOST_FAULTS)

    def _complain(self, fault: str) -> None:
        """Log what is wrong with the file, once."""
        if fault != self._fault:
            self._fault = fault
            if fault:
                log.error("no console is served: %s", fault)
            else:
                log.info("consoles are served again, as %s says", self._path)
