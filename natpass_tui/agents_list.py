"""`natpass-tui agents`: the fleet as text or JSON."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.cells import cell_len

from natpass_tui.session.agents import Agent, Presence
from natpass_tui.session.durations import age

_HEAD = ("ID", "STATE", "HOST", "SYSTEM", "USER", "VERSION", "UP")


def as_table(agents: Sequence[Agent], now: float) -> str:
    """Return one line an agent below a head, in columns; every text is safe to print."""
    rows = [_HEAD, *(_row(agent, now) for agent in agents)]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def as_json(agents: Sequence[Agent]) -> str:
    """Return a JSON array; `connected_since` is ISO 8601 in UTC, null for agents that are not connected."""
    return json.dumps([_object(agent) for agent in agents], ensure_ascii=False, indent=2)


def _row(agent: Agent, now: float) -> tuple[str, ...]:
    online = agent.presence is Presence.ONLINE
    up = age(now - agent.since) if online else ""
    texts = (agent.host, agent.os, agent.user, agent.version, up)
    return (agent.id, agent.presence.name.lower(), *(text or "-" for text in texts))


def _object(agent: Agent) -> dict[str, object]:
    online = agent.presence is Presence.ONLINE
    return {
        "id": agent.id,
        "state": agent.presence.name.lower(),
        "host": agent.host,
        "os": agent.os,
        "user": agent.user,
        "version": agent.version,
        "connected_since": f"{datetime.fromtimestamp(agent.since, UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if online else None,
        "serves": list(agent.serves),
    }
