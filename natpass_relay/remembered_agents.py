"""The agents that a relay keeps over a restart, as text. Pure.

Whoever logs in has the secret, and the file has mode 0600; its content is checked all the same, as what a client says
about itself is.
"""

# Why: docs/decisions/082-away-over-a-restart.md

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from natpass_wire.ids import client_id_fault
from natpass_wire.pb.roster_pb2 import About

#: How long an agent that is away is remembered over restarts, in days.
DAYS = 30
#: Bytes of the file that are read at most.
MOST_BYTES = 4 * 1024 * 1024

_DAY_MS = 24 * 60 * 60 * 1000
_MOST_NETWORK = 64
_HEADER = "natpass-agents 1"


@dataclass(frozen=True, slots=True)
class KeptAgent:
    """An agent that the relay knows.

    Attributes:
        client_id: its id.
        away_since_unix_ms: when it left; 0 if it was connected when the file was written.
        network: where it was.
        about: what it said about itself, None if nothing.
    """

    client_id: str
    away_since_unix_ms: int
    network: str
    about: About | None


def to_text(agents: Iterable[KeptAgent]) -> str:
    """Return what to keep in a file: a line for each agent."""
    return "\n".join([_HEADER, *map(_line, agents), ""])


def _line(agent: KeptAgent) -> str:
    values: dict[str, Any] = {"id": agent.client_id, "since": agent.away_since_unix_ms, "network": agent.network}
    if (about := agent.about) is not None:
        texts = {"host": about.host, "os": about.os, "user": about.user, "version": about.version}
        values["about"] = texts | {"serves": list(about.serves), "streams": about.streams}
    return json.dumps(values)


def read(text: str, now_unix_ms: int) -> list[KeptAgent]:
    """Return the agents in a file; lines that are invalid or too old are left out.

    An agent that was connected when the file was written counts as away since now.
    """
    header, *lines = text.split("\n")
    if header != _HEADER:
        return []
    agents = {}
    for line in lines:
        try:
            agent = _agent(json.loads(line), now_unix_ms)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
        if not client_id_fault(agent.client_id) and now_unix_ms - agent.away_since_unix_ms <= DAYS * _DAY_MS:
            agents[agent.client_id] = agent
    return list(agents.values())


def _agent(values: Any, now_unix_ms: int) -> KeptAgent:
    since = values["since"]
    if not (isinstance(since, int) and isinstance(values["id"], str) and isinstance(values["network"], str)):
        raise TypeError("an invalid line")
    about = About(**values["about"]) if "about" in values else None
    since = min(since, now_unix_ms) if since > 0 else now_unix_ms
    return KeptAgent(values["id"], since, values["network"][:_MOST_NETWORK], about)
