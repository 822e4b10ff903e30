"""The file `known_agents`: the key of each agent that a console has connected to. Pure.

One agent a line, fields with one space between them, the agent's id last since it may have spaces itself:

    RELAY x25519:KEY 2026-01-31T12:00:00Z AGENT

Empty lines and lines that begin with `#` are kept as they are. Any other line makes the whole file unusable: the agent
of a skipped line would be taken for a new one.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from natpass_wire.identity.keys import PublicKey
from natpass_wire.ids import stored_id_fault

#: More than 10 000 agents with the longest names fit in; we never write a longer file.
MAX_BYTES = 4 * 1024 * 1024
HEAD = "# The keys of agents, as natpass-tui first met them: natpass-tui known lists them, and forgets them.\n"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class MalformedError(ValueError):
    """A file of trusted keys that is invalid; the text begins with the line's number, and is safe to print."""


@dataclass(frozen=True, slots=True)
class Pin:
    """The key that an agent is known by.

    Attributes:
        relay: the relay's address, `HOST:PORT`, in lower case.
        agent_id: the agent's id there.
        key: its key.
        since: when it was first met, UTC, in whole seconds.
    """

    relay: str
    agent_id: str
    key: PublicKey
    since: datetime

    def line(self) -> str:
        """Return the pin's line."""
        since = self.since.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
        return f"{self.relay} {self.key} {since}Z {self.agent_id}"


class KeyStatus(enum.Enum):
    """Whether the key that an agent shows is the one that we know."""

    NEW = "new"
    KNOWN = "known"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of checking a key that an agent showed.

    Attributes:
        trust: whether it is known. With `CHANGED`, send nothing to the peer that shows it.
        key: the key that was shown.
        pin: the agent's known key; a new pin if the agent is new.
    """

    trust: KeyStatus
    key: PublicKey
    pin: Pin


def check(pins: "KnownAgents", relay: str, agent_id: str, key: PublicKey, now: datetime) -> Checked:
    """Check a key that an agent shows; with `NEW`, the result has the pin to keep.

    Args:
        pins: the known agents.
        relay: the relay's address.
        agent_id: the agent's id.
        key: the key that it shows.
        now: the time, for a new pin.
    """
    pin = pins.find(relay, agent_id)
    if pin is None:
        return Checked(KeyStatus.NEW, key, Pin(normalised(relay), agent_id, key, now.replace(microsecond=0)))
    return Checked(KeyStatus.KNOWN if pin.key == key else KeyStatus.CHANGED, key, pin)


def normalised(relay: str) -> str:
    """Return a relay's address as it is written in the file: host names are case-insensitive."""
    return relay.lower()


@dataclass(frozen=True, slots=True)
class KnownAgents:
    """The file's content.

    Attributes:
        lines: its lines, with the pins parsed.
    """

    lines: tuple[str | Pin, ...] = ()
    _found: dict[tuple[str, str], Pin] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_found", {(pin.relay, pin.agent_id): pin for pin in self.pins})

    @classmethod
    def parse(cls, content: bytes) -> "KnownAgents":
        """Parse the file.

        Raises:
            MalformedError: it is too long, has an invalid line, or has two lines for one agent.
        """
        if len(content) > MAX_BYTES:
            raise MalformedError(f"line 1 and following: more than {MAX_BYTES} bytes")
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            number = content.count(b"\n", 0, error.start) + 1
            raise MalformedError(f"line {number}: not UTF-8") from None
        lines: list[str | Pin] = []
        seen: set[tuple[str, str]] = set()
        text = text.replace("\r\n", "\n")  # an editor's on Windows
        for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
            if not line.strip() or line.startswith("#"):
                lines.append(line)
                continue
            pin = _pin(number, line)
            if (pin.relay, pin.agent_id) in seen:
                raise MalformedError(f"line {number}: the same agent as in a line above")
            seen.add((pin.relay, pin.agent_id))
            lines.append(pin)
        return cls(tuple(lines))

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return "".join(f"{line.line() if isinstance(line, Pin) else line}\n" for line in self.lines).encode()

    @property
    def pins(self) -> tuple[Pin, ...]:
        """All pins, in the file's order."""
        return tuple(line for line in self.lines if isinstance(line, Pin))

    def find(self, relay: str, agent_id: str) -> Pin | None:
        """Return an agent's pin, None if it is not known."""
        return self._found.get((normalised(relay), agent_id))

    def with_pin(self, pin: Pin) -> "KnownAgents":
        """Return the file's content with this pin added.

        Raises:
            MalformedError: the pin can't be written as a line.
        """
        if pin.line().startswith("#") or _pin(len(self.lines) + 1, pin.line()) != pin:
            raise MalformedError(f"line {len(self.lines) + 1}: invalid relay address")
        return KnownAgents((*(self.lines or (HEAD.rstrip("\n"),)), pin))

    def without(self, pins: Iterable[Pin]) -> "KnownAgents":
        """Return the file's content without these pins."""
        gone = set(pins)
        return KnownAgents(tuple(line for line in self.lines if line not in gone))


def _pin(number: int, line: str) -> Pin:
    fields = line.split(" ", 3)
    if len(fields) != 4:
        raise MalformedError(f"line {number}: not RELAY KEY DATE AGENT")
    relay, word, date, agent_id = fields
    if not relay or relay != normalised(relay) or not relay.isprintable():
        raise MalformedError(f"line {number}: invalid relay address")
    try:
        key = PublicKey.parse(word)
    except ValueError as error:
        raise MalformedError(f"line {number}: {error}") from None
    try:
        if not _TIME.fullmatch(date):
            raise ValueError
        since = datetime.fromisoformat(date)
    except ValueError:
        raise MalformedError(f"line {number}: invalid date, not like 2026-01-31T12:00:00Z") from None
    if fault := stored_id_fault(agent_id):
        raise MalformedError(f"line {number}: invalid agent: {fault}")
    return Pin(relay, agent_id, key, since)
