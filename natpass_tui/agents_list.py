"""`natpass-tui agents`: the fleet as text or JSON."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.cells import cell_len

from natpass_tui.model.agents import FleetAgent, Presence
from natpass_tui.model.times import met
from natpass_wire.durations import age

_HEAD = ("ID", "STATE", "HOST", "SYSTEM", "USER", "VERSION", "UP", "AWAY")


def as_table(agents: Sequence[FleetAgent], now: float) -> str:
    """Return a table with a header and one line for each agent; every text is safe to print."""
    rows = [_HEAD, *(_row(agent, now) for agent in agents)]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def as_json(agents: Sequence[FleetAgent]) -> str:
    """Return a JSON array, see `_object`; times are ISO 8601 in UTC, or null."""
    return json.dumps([_object(agent) for agent in agents], ensure_ascii=False, indent=2)


def _row(agent: FleetAgent, now: float) -> tuple[str, ...]:
    up = age(now - agent.since) if agent.is_connected else ""
    away = age(now - agent.since) if agent.presence is Presence.AWAY and agent.since else ""
    if agent.first_met:
        away = met(agent.first_met, now)
    texts = (agent.host, agent.os, agent.user, agent.version, up, away)
    return (agent.id, agent.presence.name.lower(), *(text or "-" for text in texts))


def _object(agent: FleetAgent) -> dict[str, object]:
    """Return an agent's JSON object.

    `state` is online, away, console (an existing program that seems to only open links), absent (in the config file,
    never seen) or untold (this relay has no roster). An agent is away since `away_since`; if that is null, the time is
    unknown, and `first_met` says when the agent was first met.
    """
    connected = agent.is_connected
    away = agent.presence is Presence.AWAY
    return {
        "id": agent.id,
        "state": agent.presence.name.lower(),
        "connected": connected,
        "host": agent.host,
        "os": agent.os,
        "user": agent.user,
        "version": agent.version,
        "connected_since": _iso(agent.since) if connected else None,
        "away_since": _iso(agent.since) if away else None,
        "first_met": _iso(agent.first_met),
        "serves": list(agent.serves),
    }


def _iso(unix_seconds: float) -> str | None:
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if unix_seconds else None
