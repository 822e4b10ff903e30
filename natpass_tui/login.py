"""A logged-in console for all commands: the relay, the agents, and progress messages."""

import asyncio
import contextlib
import secrets
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_tui.known_agents import KnownAgentsStore
from natpass_tui.links import kinds
from natpass_tui.model.agents import Presence, similar
from natpass_tui.model.console import ROSTER, Console
from natpass_tui.model.trust import PinnedAgents
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.aio.sealing import Sealing, TrustAll, TrustPolicy
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program import logs
from natpass_wire.program.identity import known_identity, load_identity
from natpass_wire.program.settings import ConnectionSettings
from natpass_wire.text import printable

PROGRAM = "natpass-tui"
HELP = {"help_option_names": ["-h", "--help"]}
#: Keys of the config file that are not options.
# Why: docs/decisions/090-tables-in-config-files.md
CONFIG_KEYS: dict[str, type] = {"agents": list, **{table: list for kind in kinds() for table in kind.tables}}
#: Seconds after which we say what takes so long.
_PATIENCE_SECONDS = 0.7


class NotReachedError(UserError):
    """Login failed, no such agent, or it refuses: exit status 255 of commands for one agent, as with ssh."""


def listed_agents(values: Mapping[str, Any]) -> list[str]:
    """Return the ids of the config file.

    Raises:
        UserError: one is invalid.
    """
    ids = values.get("agents") or []
    for agent_id in ids:
        if not isinstance(agent_id, str):
            raise UserError("agents in the config file should be a list of strings")
        if fault := client_id_fault(agent_id):
            raise UserError(f"agents in the config file: {printable(agent_id)!r}: {fault}")
    return list(ids)


def relay_target(
    values: Mapping[str, Any], *, remembers: bool = True, knows: bool = True, says_relay: bool = True
) -> RelayTarget:
    """Return the relay and our login: a console has a new id each time.

    Args:
        values: the options.
        remembers: use our stored key, by which agents know us; False: a temporary one.
        knows: check the keys of known agents; False: accept any agent.
        says_relay: print the relay's address if it comes from an invite.

    Raises:
        UserError: something is missing, or unsafe.
    """
    listed_agents(values)
    settings = ConnectionSettings.from_values(PROGRAM, values, says_relay=says_relay)
    logs.set_up(settings.common.log_level, settings.common.log_file, None)  # the terminal is for the screen
    state = settings.common.state_dir
    if remembers:
        known_identity(state, "console")
    settings = settings.with_secret(PROGRAM, who="a console")  # from here on, files are written
    host = socket.gethostname().partition(".")[0]
    client_id = f"tui-{host[:40]}-{secrets.token_hex(4)}"
    if client_id_fault(client_id):
        client_id = f"tui-{secrets.token_hex(4)}"
    private = load_identity(state, "console").private if remembers else X25519PrivateKey.generate()
    trust: TrustPolicy = PinnedAgents(KnownAgentsStore(state, str(settings.relay))) if knows else TrustAll()
    seal = partial(Sealing, private, trust=trust, clock=time.monotonic)
    return settings.target(client_id, Role.ROLE_CONSOLE, secrets.token_bytes(16), (ROSTER,), PROGRAM, seal=seal)


@contextlib.asynccontextmanager
async def logged_in(relay: RelayTarget, ids: Sequence[str], *, allow_unsealed: bool = False) -> AsyncIterator[Console]:
    """Yield a logged-in console.

    Args:
        relay: the relay, and our login.
        ids: agents to list, see `listed_agents`.
        allow_unsealed: allow existing natpass agents too, whose links end with the connection.

    Raises:
        NotReachedError: login failed, with the reason.
    """
    console = Console(relay, listed=ids, allow_unsealed=allow_unsealed)
    tasks = Tasks()
    running = tasks.start(console.run(), "console")
    try:
        with says(lambda: _connecting(console, relay)):
            try:
                await console.first_login()
            except UserError as error:
                raise NotReachedError(str(error)) from error
        yield console
    finally:
        await console.close()
        running.cancel()
        await tasks.close()


@contextlib.contextmanager
def says(text: Callable[[], str], after: float = _PATIENCE_SECONDS) -> Iterator[None]:
    """Show on a terminal what takes so long, until it is done; calls `text` for each update."""
    if not sys.stderr.isatty():
        yield
        return
    shown = False
    loop = asyncio.get_running_loop()
    width = shutil.get_terminal_size().columns

    timers: list[asyncio.TimerHandle] = []

    def show() -> None:
        nonlocal shown
        shown = True
        click.echo(f"\r\x1b[K{text()[: width - 1]}", err=True, nl=False)
        timers[:] = [loop.call_later(_PATIENCE_SECONDS, show)]

    timers.append(loop.call_later(after, show))
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def _connecting(console: Console, target: RelayTarget) -> str:
    """Return what to show before the login, with the reason for the delay if known."""
    reason = console.status.reason
    return f"connecting to {target.address} …" + (f" ({printable(reason)}; ctrl+c gives up)" if reason else "")


def check_agent(console: Console, agent: str) -> None:
    """Raise NotReachedError for an agent that is not connected, if the relay has a roster.

    Only an unknown name gets suggestions: it may be misspelt.
    """
    if not console.has_roster:
        return
    if agent not in console.fleet:
        console.list_known()
    found = console.fleet.get(agent)
    match found.presence if found is not None else None:
        case Presence.ONLINE | Presence.CONSOLE:
            return
        case Presence.AWAY if found is not None:
            raise NotReachedError(found.away_text(console.clock()))
        case None:
            near = similar(agent, console.fleet.ids)
            hint = f"did you mean {', '.join(near)}?" if near else f"{PROGRAM} agents lists who is"
        case _:
            hint = "it is listed in the config file, and this relay has not seen it"
    raise NotReachedError(f"agent {agent} is not connected ({hint})")
