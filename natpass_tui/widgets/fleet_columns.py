"""The columns of the fleet's table: which ones fit, their widths and texts. Pure: no Textual."""

from dataclasses import dataclass

from natpass_tui.model import times
from natpass_tui.model.agents import FleetAgent, Presence
from natpass_tui.widgets import columns
from natpass_tui.widgets.columns import Column
from natpass_wire.durations import age, span

MARKS = {Presence.ONLINE: "●", Presence.AWAY: "○"}
_STATES = {Presence.ABSENT: "absent", Presence.UNTOLD: "listed"}


@dataclass(frozen=True, slots=True)
class Context:
    """What a row shows besides its agent."""

    now: float
    round_trip: float | None


def _state(agent: FleetAgent, context: Context) -> str:
    name = _STATES.get(agent.presence, agent.presence.name.lower())
    is_away = agent.presence is Presence.AWAY and agent.since
    return f"{name} {span(context.now - agent.since)}" if is_away else name


def _since(agent: FleetAgent, context: Context) -> str:
    if agent.first_met:
        return times.met(agent.first_met, context.now)
    return times.since(agent.since, context.now) if agent.since else ""


def _age(agent: FleetAgent, context: Context) -> str:
    return age(context.now - agent.since) if agent.is_connected else ""


def _round_trip(agent: FleetAgent, context: Context) -> str:
    return times.round_trip(context.round_trip) if agent.presence is Presence.ONLINE else ""


COLUMNS: tuple[Column[FleetAgent, Context], ...] = (
    Column("", lambda agent, _: MARKS.get(agent.presence, "·"), 1, 1),
    Column("STATE", _state, 12, 12, from_width=56),
    Column("ID", lambda agent, _: agent.id, 8, 40, weight=4),
    Column("HOST", lambda agent, _: agent.host, 8, 40, weight=3, from_width=64),
    Column("SYSTEM", lambda agent, _: agent.os, 16, 32, weight=1, from_width=76),
    Column("USER", lambda agent, _: agent.user, 8, 16, weight=1, from_width=112),
    Column("VERSION", lambda agent, _: agent.version, 7, 10, weight=1, from_width=132),
    Column("SINCE", _since, 12, 12, from_width=88),
    Column("UP", _age, 7, 7, from_width=44, right=True),
    Column("RTT", _round_trip, 7, 7, from_width=34, right=True),
)


def layout(width: int) -> list[tuple[Column[FleetAgent, Context], int]]:
    """Return the columns that fit into `width` cells, and their widths."""
    return columns.layout(COLUMNS, width)
