"""The agent's `authorized_consoles` file, read again when it changes."""

# Why: docs/decisions/074-doubt-grants-nothing.md

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from natpass_agent.links import KINDS
from natpass_agent.remembered import Memory, Remembered
from natpass_wire.errors import UserError
from natpass_wire.identity import authorized, clock
from natpass_wire.identity.authorized import ALL, AuthorizedConsoles, Fault, Rights
from natpass_wire.identity.clock import Witness
from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import MalformedError
from natpass_wire.program.state import Stamp, StateDir
from natpass_wire.text import printable

log = logging.getLogger(__name__)

FILE = "authorized_consoles"
#: The refusal of consoles while the file is invalid; the log has the details for the operator.
DAMAGED = "this agent can't tell which consoles it may serve: its log says why"
UNSEALED = "this agent serves consoles by their keys, and this link is not sealed"
#: Invalid lines that are logged one by one: a wrong file may have half a million.
MOST_FAULTS = 50
#: How often the time is remembered while a line expires: often enough for dates, and seldom for a flash disk.
SEEN_EVERY = timedelta(minutes=10)
#: Returns the rights of the console with this key (None if its link is not sealed); a text for it with the reason, if
#: it has none.
RightsOf = Callable[[bytes | None], Rights | str]


def _now() -> datetime:
    return datetime.now(UTC)


class AuthorizedConsolesFile:
    """The rights of consoles, from the file.

    Without a file every console may do everything. But if the file was there once, even before a restart, or is
    required, and is missing, no console is served. The same holds while it can't be read, is too long, or its mode is
    unsafe. An invalid line grants nothing and is logged once for each version of the file; the other lines hold. A
    line that expires grants nothing while the clock can't be right.

    Args:
        path: the file; mode 0600.
        memory: what agents remember of earlier files.
        is_required: whether it has to exist.
        now: returns the time, UTC.
    """

    def __init__(self, path: Path, memory: Memory, *, is_required: bool, now: Callable[[], datetime] = _now) -> None:
        self.path = path.absolute()
        self._memory = memory
        self._state = StateDir(self.path.parent)
        self._is_required = is_required
        self._now = now
        self._remembers = False
        self._stamp: Stamp | None = None
        self._consoles: AuthorizedConsoles | None = None
        self._fault = ""
        self._doubt = ""
        memories = memory.all()
        #: The latest time that an agent of this state directory has seen, and the file that says so.
        self._seen = max(((kept.seen, file) for file, kept in memories.items()), default=None)
        own = memories.get(memory.path) if memories else None
        self._obeyed: tuple[Path, Path] | None = None  # the file that is missed, and the memory that says so
        for file, kept in memories.items():
            if kept.file == self.path or (kept is own and not is_required):
                self._obeyed = (kept.file, file)

    @classmethod
    def at(cls, path: Path | None, state: StateDir, client_id: str) -> "AuthorizedConsolesFile":
        """Return the file at `path`; if that is None, the one in the state directory, if there is one.

        Raises:
            UserError: there is no file at `path`, or a memory is damaged. An invalid file does not stop the agent: the
                user can mend it.
        """
        if path is not None and not path.exists():
            raise UserError(f"there is no {path} (--authorized-consoles); an empty file lets nobody in")
        place = state.path / FILE if path is None else path
        return cls(place, Memory(state, client_id), is_required=path is not None)

    def begin(self) -> None:
        """Read the file, and remember from now on that it is obeyed: the agent starts.

        From here on a file that exists is required, and the log names its faults before the first console is refused.
        """
        self._remembers = True
        if self.rights_of(None) == UNSEALED:
            log.info("serving the consoles in %s, and no others", self.path)

    def look(self) -> RightsOf:
        """Look whether the file or the time has changed; the log says what follows.

        Returns:
            What `rights_of` returns for a key, without another look: one for all keys, however many there are.
        """
        try:
            consoles, now = self._looked()
        except UserError as error:
            self._complain(str(error))
            return lambda _key: DAMAGED
        self._complain("")
        if consoles is None:
            return lambda _key: ALL
        return lambda key: UNSEALED if key is None else consoles.rights_of(PublicKey(key), now)

    def rights_of(self, key: bytes | None) -> Rights | str:
        """Return the rights of the console with this key; a text for it with the reason, if it has none.

        Args:
            key: the static key that it has proved to have; None if its link is not sealed.
        """
        return self.look()(key)

    def lists(self, key: bytes) -> bool:
        """Tell whether the file names a key; False while it can't be read."""
        try:
            consoles = self.read()
        except UserError:
            return False  # `rights_of` complains
        return consoles is not None and PublicKey(key) in consoles.grants

    def read(self) -> AuthorizedConsoles | None:
        """Return the file's contents, None if there is no file and none is required.

        Raises:
            UserError: it is missing or invalid.
        """
        return self._read(self._state.stamp(self.path.name))

    def doubt(self) -> str:
        """Return why the clock can't be right, safe to print; empty if it can, or if there is no file."""
        stamp = self._state.stamp(self.path.name)
        return "" if stamp is None else self._clock_doubt(stamp)

    def _looked(self) -> tuple[AuthorizedConsoles | None, datetime | None]:
        """Return the file's contents as `read` does, and the time as `_time` does, from one look at the file.

        Raises:
            UserError: the file is missing or invalid, or its status can't be read.
        """
        stamp = self._state.stamp(self.path.name)
        consoles = self._read(stamp)
        return consoles, None if consoles is None or stamp is None else self._time(consoles, stamp)

    def _read(self, stamp: Stamp | None) -> AuthorizedConsoles | None:
        if stamp is None:
            self._stamp = None
            if self._obeyed is not None:
                raise UserError(self._missed(*self._obeyed))
            if self._is_required:
                raise UserError(f"{self.path} is gone")
            return None
        self._is_required = True
        if stamp != self._stamp or self._consoles is None:
            self._consoles, self._stamp = self._parsed(stamp), stamp
            if self._remembers:
                self._name_faults(self._consoles.faults)
                self._remember(self._now() if self._seen is None else max(self._now(), self._seen[0]))
        return self._consoles

    def _clock_doubt(self, stamp: Stamp) -> str:
        witnesses = [_witness(max(stamp.written, stamp.changed) // 10**9, f"{self.path} was written")]
        if self._seen is not None:
            seen, file = self._seen
            witnesses.append(Witness(seen, f"the agent ran already (if that was wrong, remove {printable(str(file))})"))
        return clock.doubt(self._now(), witnesses)

    def _time(self, consoles: AuthorizedConsoles, stamp: Stamp) -> datetime | None:
        """Return the time, None if the clock can't be right; remember the time if it matters."""
        if not consoles.expires:
            return self._now()
        doubt = self._clock_doubt(stamp)
        if bool(doubt) != bool(self._doubt):
            if doubt:
                log.error("no console whose line expires is served: %s", doubt)
            else:
                log.info("consoles whose lines expire are served again: the clock can be right")
        self._doubt = doubt
        now = self._now()
        if not doubt and self._remembers and (self._seen is None or now >= self._seen[0] + SEEN_EVERY):
            self._remember(now)
        return None if doubt else now

    def _remember(self, seen: datetime) -> None:
        """Remember which file is obeyed, and the time."""
        memory = Remembered(self.path, seen.replace(microsecond=0))
        self._obeyed = (self.path, self._memory.path)
        self._seen = (memory.seen, self._memory.path)
        try:
            if self._memory.own() != memory:
                self._memory.keep(memory)
        except UserError as error:
            log.error("a restart would not know that %s was obeyed: %s", self.path, error)

    def _missed(self, file: Path, memory: Path) -> str:
        """Return what to do about a file that is missing, and was obeyed before."""
        back = f"to serve every console that has the secret, remove {memory} and restart the agent"
        if file == self.path:
            return f"{self.path} is gone; {back}"
        return f"this agent obeyed {file} before: say --authorized-consoles {file}; {back}"

    def _parsed(self, stamp: Stamp) -> AuthorizedConsoles:
        if stamp.size > authorized.MAX_BYTES:
            raise UserError(f"{self.path} is longer than {authorized.MAX_BYTES} bytes")
        content = self._state.read(self.path.name)
        if content is None:
            raise UserError(f"{self.path} is gone")
        try:
            return AuthorizedConsoles.parse(content, list(dict.fromkeys(kind.name for kind in KINDS)))
        except MalformedError as error:
            raise UserError(f"{self.path}, {error}") from None

    def _name_faults(self, faults: tuple[Fault, ...]) -> None:
        for fault in faults[:MOST_FAULTS]:
            log.error("%s, line %d grants nothing: %s", self.path, fault.number, fault.reason)
        if len(faults) > MOST_FAULTS:
            log.error("%s has %d more lines that grant nothing", self.path, len(faults) - MOST_FAULTS)

    def _complain(self, fault: str) -> None:
        """Log what is wrong with the file, once."""
        if fault != self._fault:
            self._fault = fault
            if fault:
                log.error("no console is served: %s", fault)
            else:
                log.info("consoles are served again, as %s says", self.path)


def _witness(seconds: int, what: str) -> Witness:
    try:
        return Witness(datetime.fromtimestamp(seconds, UTC), what)
    except (OverflowError, ValueError, OSError):  # a file system with times beyond the year 9999
        return Witness(datetime.max.replace(tzinfo=UTC), what)
