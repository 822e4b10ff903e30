"""The file `known_agents` of the state directory, shared by several consoles."""

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
#: Held for milliseconds while the file is rewritten; a console that hangs there must not block all others.
LOCK = ".known_agents.lock"
LOCK_SECONDS = 1.0
_POLL_SECONDS = 0.01


def _now() -> datetime:
    return datetime.now(UTC)


class KnownFile:
    """The pins of all relays. The next call sees what another console has pinned or forgotten.

    Args:
        state: the state directory.
    """

    def __init__(self, state: StateDir) -> None:
        self._state = state
        self._stamp: Stamp | None = None
        self._agents = known.KnownAgents()

    def read(self) -> known.KnownAgents:
        """Return the file's content, empty without a file; one system call while it does not change.

        Raises:
            UserError: it can't be trusted: malformed, or others can write it.
        """
        stamp = self._state.stamp(FILE)
        if stamp != self._stamp:
            self._agents = self._read(stamp)  # later changes have another stamp
            self._stamp = stamp
        return self._agents

    def check(self, relay: str, agent_id: str, key: PublicKey, now: Callable[[], datetime] = _now) -> Checked:
        """Check the `key` that an agent shows; a new one is pinned, and on the disk when this returns.

        If consoles pin different keys at once, the first succeeds, and the others get `KeyStatus.CHANGED`.

        Raises:
            UserError: the file can't be trusted, or the key can't be pinned: do not speak to the agent.
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
        """Check that a key could be pinned now.

        Raises:
            UserError: it could not: do not speak to a new agent.
        """
        with self._locked():
            self._state.make()

    def forget(self, agent_id: str, relay: str | None = None) -> tuple[Pin, ...]:
        """Forget an agent, at one relay or at all of them; return the forgotten pins.

        Raises:
            UserError: the file can't be trusted, or not be written.
        """
        if not self._found(self.read(), agent_id, relay):
            return ()  # nothing to write: the file may be read-only
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
        """Lock the file against other consoles.

        Raises:
            UserError: one of them keeps the lock, or locking fails.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - needed only for a new agent

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
        ) as error:  # the latter: an old filelock, on a file system without locks
            why = getattr(error, "strerror", None) or "its file system has no locks"
            raise UserError(f"cannot lock {path}: {why}; see --state-dir") from error
        try:
            yield
        finally:
            lock.release()


class KnownAgentsStore:
    """The pins of one relay's agents.

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
        """Check the `key` that an agent has proved to have; see `KnownFile.check`.

        Raises:
            UserError: do not speak to the agent; the text says why.
        """
        return self._file.check(self._relay, agent_id, PublicKey(key), self._now)

    def look(self, agent_id: str, key: bytes) -> Checked:
        """Check `key` without pinning it: the agent has not proved yet that it knows the secret.

        By the time it has, our request has gone out. So this checks already that the key could be pinned.

        Raises:
            UserError: the file can't be trusted, or a new key could not be pinned: do not speak to the agent.
        """
        checked = known.check(self._file.read(), self._relay, agent_id, PublicKey(key), self._now())
        if checked.trust is KeyStatus.NEW:
            self._file.prepare()
        return checked

    def is_pinned(self, agent_id: str) -> bool:
        """Tell whether an agent has ever spoken sealed to us: then only sealed links to it are allowed.

        Raises:
            UserError: unknown: do not speak to the agent.
        """
        return self._file.read().find(self._relay, agent_id) is not None

    def list(self) -> tuple[Pin, ...]:
        """Return all pins of this relay, oldest first.

        Raises:
            UserError: the file can't be trusted.
        """
        relay = known.normalised(self._relay)
        return tuple(pin for pin in self._file.read().pins if pin.relay == relay)
