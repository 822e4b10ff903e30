"""The file `known_agents` of the state directory: several consoles read and write it at once."""

# Why: docs/decisions/028-who-is-trusted.md

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from natpass_wire.errors import UserError
from natpass_wire.identity import known
from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import Checked, KeyStatus, Pin
from natpass_wire.program.state import Stamp, StateDir
from natpass_wire.text import printable

FILE = "known_agents"
#: Held while the file is written anew, for milliseconds; a console that hangs there must not hang all others.
LOCK = ".known_agents.lock"
LOCK_SECONDS = 1.0
_POLL_SECONDS = 0.01


def _now() -> datetime:
    return datetime.now(UTC)


class KnownFile:
    """The pins of all relays. What another console pins or forgets is seen at the next call.

    Args:
        state: the state directory.
    """

    def __init__(self, state: StateDir) -> None:
        self._state = state
        self._stamp: Stamp | None = None
        self._agents = known.KnownAgents()

    def read(self) -> known.KnownAgents:
        """Return the file's content, nothing where there is none; one call of the system while it does not change.

        Raises:
            UserError: it can't be relied on: malformed, or others can write it.
        """
        stamp = self._state.stamp(FILE)
        if stamp != self._stamp:
            self._agents = self._read(stamp)  # what changes from here on has another stamp
            self._stamp = stamp
        return self._agents

    def check(self, relay: str, agent_id: str, key: PublicKey, now: Callable[[], datetime] = _now) -> Checked:
        """Return what `key` means, which an agent shows; one that is new is pinned, on the disk when this returns.

        Of consoles that pin different keys at once, the first does and the others get `KeyStatus.CHANGED`.

        Raises:
            UserError: the file can't be relied on, or the key can't be pinned: the agent must not be spoken to.
        """
        checked = known.check(self.read(), relay, agent_id, key, now())
        if checked.trust is not KeyStatus.NEW:
            return checked
        with self._locked():
            agents = self._read(self._state.stamp(FILE))
            checked = known.check(agents, relay, agent_id, key, now())
            if checked.trust is KeyStatus.NEW:
                try:
                    self._write(agents.with_pin(checked.pin))
                except known.MalformedError as error:
                    raise UserError(f"cannot pin {printable(agent_id)!r} of {printable(relay)!r}: {error}") from None
        return checked

    def prepare(self) -> None:
        """See whether a key could be pinned now.

        Raises:
            UserError: it could not: an agent that is new must not be asked for anything.
        """
        with self._locked():
            self._state.make()

    def forget(self, agent_id: str, relay: str | None = None) -> tuple[Pin, ...]:
        """Forget an agent, at one relay or at all of them; return what was known of it.

        Raises:
            UserError: the file can't be relied on, or not be written.
        """
        if not self._found(self.read(), agent_id, relay):
            return ()  # with nothing to write, nothing need be writable
        with self._locked():
            agents = self._read(self._state.stamp(FILE))
            gone = self._found(agents, agent_id, relay)
            if gone:
                self._write(agents.without(gone))
        return gone

    @staticmethod
    def _found(agents: known.KnownAgents, agent_id: str, relay: str | None) -> tuple[Pin, ...]:
        relay = None if relay is None else known.normalised(relay)
        return tuple(pin for pin in agents.pins if pin.agent_id == agent_id and relay in {None, pin.relay})

    def _read(self, stamp: Stamp | None) -> known.KnownAgents:
        if stamp is None:
            return known.KnownAgents()
        path = self._state.path / FILE
        if stamp.size > known.MAX_BYTES:
            raise UserError(f"{path} is longer than {known.MAX_BYTES} bytes")
        try:
            return known.KnownAgents.parse(self._state.read(FILE) or b"")
        except known.MalformedError as error:
            raise UserError(f"{path}, {error}: mend or remove that line; until then no agent is trusted") from None

    def _write(self, agents: known.KnownAgents) -> None:
        content = agents.to_bytes()
        if len(content) > known.MAX_BYTES:
            raise UserError(f"{self._state.path / FILE} is full: natpass-tui known forget makes room")
        self._state.replace(FILE, content)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other consoles from writing.

        Raises:
            UserError: one of them does not stop, or there can be no lock.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - only who meets a new agent needs it

        path = self._state.path / LOCK
        try:
            self._state.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(path, timeout=LOCK_SECONDS, mode=0o600, poll_interval=_POLL_SECONDS)
            lock.acquire()
        except Timeout:
            raise UserError(f"another console holds {path}: the agent's key could not be pinned") from None
        except (
            OSError,
            NotImplementedError,
        ) as error:  # the latter where a file system has no locks, and filelock is old
            why = getattr(error, "strerror", None) or "its file system has no locks"
            raise UserError(f"cannot lock {path}: {why}; see --state-dir") from error
        try:
            yield
        finally:
            lock.release()


class KnownAgentsStore:
    """What is known of the agents of one relay.

    Args:
        state: the state directory.
        relay: the relay's address, `HOST:PORT`. The same relay under another name is another relay.
        now: the time, UTC.
    """

    def __init__(self, state: StateDir, relay: str, now: Callable[[], datetime] = _now) -> None:
        self._file = KnownFile(state)
        self._relay = relay
        self._now = now

    def check(self, agent_id: str, key: bytes) -> Checked:
        """Return what `key` means, which an agent has proved to have; see `KnownFile.check`.

        Raises:
            UserError: the agent must not be spoken to, for the reason given.
        """
        return self._file.check(self._relay, agent_id, PublicKey(key), self._now)

    def look(self, agent_id: str, key: bytes) -> Checked:
        """Return what `key` means, and pin nothing: whoever shows it has not proved yet to know the secret.

        When it has, it has been asked for something as well. So what can't be pinned then is found out now.

        Raises:
            UserError: the file can't be relied on, or a new key not be pinned: the agent must not be spoken to.
        """
        checked = known.check(self._file.read(), self._relay, agent_id, PublicKey(key), self._now())
        if checked.trust is KeyStatus.NEW:
            self._file.prepare()
        return checked

    def is_pinned(self, agent_id: str) -> bool:
        """Tell whether an agent has ever spoken sealed to us: then it is not spoken to otherwise.

        Raises:
            UserError: nobody can tell: it must not be spoken to.
        """
        return self._file.read().find(self._relay, agent_id) is not None

    def list(self) -> tuple[Pin, ...]:
        """Return all pins of this relay, in the order of their making.

        Raises:
            UserError: the file can't be relied on.
        """
        relay = known.normalised(self._relay)
        return tuple(pin for pin in self._file.read().pins if pin.relay == relay)
