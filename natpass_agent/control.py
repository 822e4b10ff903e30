"""The agent's side of `natpass-agent status` and `end`: handlers for commands on its own machine."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from natpass_agent.agent import Agent
from natpass_agent.served import Served
from natpass_wire.errors import UserError
from natpass_wire.pb.link_pb2 import LinkEnd
from natpass_wire.program.control.server import Handler
from natpass_wire.text import printable

log = logging.getLogger(__name__)

STATUS, END, OPTIONS = "status", "end", "options"
#: The reason that consoles are given.
ENDED = "ended on the agent's machine (natpass-agent end)"
#: A program that ignores HUP is killed after 2 s; one that hangs in the kernel is not waited for.
END_SECONDS = 10.0


def handlers(
    agent: Agent, repeated: Mapping[str, Sequence[str]] | None = None, *, allow_unsealed: bool = False
) -> dict[str, Handler]:
    """Return the handler of each command.

    Args:
        agent: the agent.
        repeated: the values of the kinds' repeatable options with which it runs, by name.
        allow_unsealed: whether it serves links that are not sealed, too.
    """

    async def status(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return agent.status().to_json()

    async def end(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        names = arguments.get("ids", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UserError("ids must be a list of link ids")
        chosen = {name: _named(agent, name) for name in names}  # if one is wrong, none is ended
        if arguments.get("detached") is True:
            chosen |= {served.id: served for served in agent.links.detached}
        return {"ended": await _end(agent, list(chosen.values()))}

    async def options(_: Mapping[str, Any]) -> Mapping[str, Any]:
        given = {name: list(values) for name, values in (repeated or {}).items()}
        return {"repeated": given, "allow_unsealed": allow_unsealed}

    return {STATUS: status, END: end, OPTIONS: options}


def _named(agent: Agent, name: str) -> Served:
    served = agent.links.named(name)
    if served is None:
        raise UserError(f"no link {printable(name, 40)!r} (natpass-agent status lists them)")
    return served


async def _end(agent: Agent, chosen: Sequence[Served]) -> list[dict[str, Any]]:
    """End links; return their statuses, and whether their programs are gone."""
    before = [asdict(agent.links.status(served)) for served in chosen]
    for served in chosen:
        log.info("ending %s, as natpass-agent end asks for", served.name)
        agent.end(served.link, ENDED, LinkEnd.CLOSED)
    if chosen:
        await asyncio.wait([served.task for served in chosen], timeout=END_SECONDS)
    return [{**link, "gone": served.task.done()} for link, served in zip(before, chosen, strict=True)]
