"""The status of an agent and its links, without I/O: values, their JSON, and lines for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from natpass_wire.durations import duration
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.text import printable

#: Characters of a command line that a person is shown: the line fits into 80 columns.
_MOST_PROGRAM = 40


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One link. All texts are safe to print.

    Attributes:
        id: its local name, for `natpass-agent end`.
        kind: its kind's name on the wire.
        console: the opener's client id.
        key: the fingerprint of the opener's key, None if the link is not sealed.
        program: what runs for it, None if nothing does (yet, or any more).
        pid: the program's process id.
        since: the time of its request, ISO 8601 in UTC.
        open_seconds: seconds since then.
        detached_seconds: seconds for which its console has been out of reach, None if it is not.
        detached_reason: why, empty if it is not detached.
        kept_seconds: seconds until it is ended, None if it is not detached.
    """

    id: str
    kind: str
    console: str
    key: str | None
    program: str | None
    pid: int | None
    since: str
    open_seconds: int
    detached_seconds: int | None = None
    detached_reason: str = ""
    kept_seconds: int | None = None

    @property
    def name(self) -> str:
        """The link in one line."""
        what = "" if self.program is None else f" ({with_pid(self.program, self.pid)})"
        return f"{self.id}: {self.kind} of {self.console}{what}"

    @property
    def state(self) -> str:
        """Whether its console can be reached, in words."""
        if self.detached_seconds is None:
            return "attached"
        kept = f", kept for another {duration(self.kept_seconds)}" if self.kept_seconds is not None else ""
        why = f" ({self.detached_reason})" if self.detached_reason else ""
        return f"detached since {duration(self.detached_seconds)}{kept}{why}"


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """An agent and its connection to the relay. All texts are safe to print.

    Attributes:
        agent: its client id.
        version: natpass' version.
        pid: its process id.
        since: when it started, ISO 8601 in UTC.
        up_seconds: seconds since then.
        relay: the relay's address.
        is_connected: whether it is logged in there.
        relay_seconds: seconds for which that has been so.
        relay_reason: why it is not connected, if known.
        round_trip_ms: to the relay and back, None until measured.
        links: the links, oldest first.
    """

    agent: str
    version: str
    pid: int
    since: str
    up_seconds: int
    relay: str
    is_connected: bool
    relay_seconds: int
    relay_reason: str
    round_trip_ms: float | int | None
    links: Sequence[LinkStatus] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """Return the status as it is sent, and as `--json` prints it."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "AgentStatus":
        """Return the status that an agent has sent; unknown names are left out.

        Raises:
            RemoteProtocolError: it is invalid.
        """
        links = fields.get("links")
        if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
            raise RemoteProtocolError("links is missing or invalid")
        return cls(**_known(cls, {**fields, "links": tuple(link_from_json(link) for link in links)}))

    def lines(self) -> list[str]:
        """Return the status for a person."""
        connected = "connected" if self.is_connected else "not connected"
        relay = f"relay {self.relay}: {connected} for {duration(self.relay_seconds)}"
        if self.is_connected and self.round_trip_ms is not None:
            relay += f", round trip {self.round_trip_ms:.3g} ms"
        elif not self.is_connected and self.relay_reason:
            relay += f" ({self.relay_reason})"
        agent = f"agent {self.agent} (natpass {self.version}, pid {self.pid}): up for {duration(self.up_seconds)}"
        lines = [agent, relay]
        if not self.links:
            return [*lines, "no links"]
        count = "1 link:" if len(self.links) == 1 else f"{len(self.links)} links:"
        return [*lines, count, *(line for link in self.links for line in _block(link))]


def link_from_json(fields: Mapping[str, Any]) -> LinkStatus:
    """Return the link that an agent has sent.

    Raises:
        RemoteProtocolError: it is invalid.
    """
    return LinkStatus(**_known(LinkStatus, fields))


def iso(unix_seconds: float) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def with_pid(program: str, pid: int | None) -> str:
    """Return what runs, with its process id if it is a process."""
    return program if pid is None else f"{program}, pid {pid}"


def _block(link: LinkStatus) -> list[str]:
    """Return the lines of a link."""
    program = "nothing runs" if link.program is None else printable(link.program, _MOST_PROGRAM)
    pid = "" if link.pid is None else f" (pid {link.pid})"
    key = "not sealed" if link.key is None else f"key {link.key}"
    below = " " * (len(link.id) + 2)
    first = f"{link.id}  {link.kind} for {duration(link.open_seconds)}: {program}{pid}"
    return [first, *(f"{below}{line}" for line in (f"console {link.console}", key, link.state))]


def _known(cls: type[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a class, each with a value of its type and safe to print."""
    found: dict[str, Any] = {}
    for name, field_ in cls.__dataclass_fields__.items():
        value = fields.get(name)
        wanted = tuple if name == "links" else field_.type
        if name not in fields or not isinstance(value, wanted):
            raise RemoteProtocolError(f"{name} is missing or invalid")
        found[name] = printable(value, 2000) if isinstance(value, str) else value
    return found
