"""The command `natpass-tui`."""

import asyncio
import contextlib
import importlib
import os
import secrets
import shutil
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from natpass_tui import agents_list
from natpass_tui.links.desktop.request import DEFAULT_FPS, DEFAULT_QUALITY, DesktopRequest
from natpass_tui.session.agents import Presence, similar
from natpass_tui.session.console import ROSTER, Console
from natpass_tui.session.prefix import DEFAULT_PREFIX
from natpass_wire.aio import runtime
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program import logs
from natpass_wire.program.main import run
from natpass_wire.program.options import ConnectionSettings, common_options, connection_options, gather
from natpass_wire.text import printable

PROGRAM = "natpass-tui"
_HELP = {"help_option_names": ["-h", "--help"]}
#: What takes longer than this needs a word, in seconds.
_PATIENCE_SECONDS = 0.7
_CONFIG_KEYS = {"agents": list}


def screen_options(command: Any) -> Any:
    """Add the options of commands that open a screen."""
    for option in (
        click.option(
            "--clipboard",
            is_flag=True,
            help="Let programs on remote machines write to your clipboard (OSC 52). Off by default: they could put a "
            "command there for you to paste elsewhere.",
        ),
        click.option(
            "--prefix",
            metavar="KEY",
            help=f"The one key that the console keeps for itself; twice sends it. Default: {DEFAULT_PREFIX}.",
        ),
        click.option(
            "--offline-input",
            type=click.Choice(["keep", "discard"]),
            default="keep",
            show_default=True,
            help="What becomes of what you type into a shell while there is no way to its agent.",
        ),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True, context_settings=_HELP)
@connection_options
@screen_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, **_: object) -> int:
    """Reach machines through a relay: without a command, the fleet of all agents.

    Keys: Enter opens a shell, / filters, ? helps. In a shell all keys go to the remote machine; the prefix (ctrl+])
    and then ? shows what the console does.

    Exit status: 2 after a mistake that you can mend, with one line that says what it was.
    """
    return 0 if ctx.invoked_subcommand is not None else _screen(gather(ctx, config_keys=_CONFIG_KEYS))


@command.command(context_settings=_HELP)
@click.argument("agent")
@click.option("--exec", "program", metavar="PROGRAM", default="", help="Run this program instead of the agent's shell.")
@connection_options
@screen_options
@common_options
@click.pass_context
def shell(ctx: click.Context, /, agent: str, program: str, **_: object) -> int:
    """Open a shell on AGENT at once.

    As with ssh, when that shell ends and no other tab is open, the console ends with the shell's exit status.
    """
    return _screen(gather(ctx, config_keys=_CONFIG_KEYS), agent, program)


@command.command(context_settings=_HELP)
@click.argument("agent")
@click.option(
    "--fps", type=click.IntRange(1, 50), default=DEFAULT_FPS, show_default=True, help="Pictures a second at most."
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=DEFAULT_QUALITY,
    show_default=True,
    help="Of the pictures, in percent; 100: not compressed.",
)
@click.option("--cursor", is_flag=True, help="Draw the remote pointer into the picture.")
@connection_options
@screen_options
@common_options
@click.pass_context
def desktop(ctx: click.Context, /, agent: str, fps: int, quality: int, cursor: bool, **_: object) -> int:
    """Show the screen of AGENT at once, and use it.

    Keys go to the remote desktop; the prefix and then k latches Ctrl, Alt, Shift or Super for the next key, and has
    Ctrl+Alt+Del and others that a terminal can't say. What you paste goes to the remote clipboard.
    """
    return _screen(gather(ctx, config_keys=_CONFIG_KEYS), agent, desktop=DesktopRequest(fps, quality, cursor))


@command.command(context_settings=_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@connection_options
@common_options
@click.pass_context
def agents(ctx: click.Context, /, as_json: bool, **_: object) -> int:
    """List the agents and exit."""
    values = gather(ctx, config_keys=_CONFIG_KEYS)
    return runtime.run(_list(_target(values), _listed(values), as_json=as_json))


@command.command(context_settings=_HELP)
@screen_options
@common_options
@click.pass_context
def demo(ctx: click.Context, /, **_: object) -> int:
    """Try it: a relay and an agent on this machine.

    They live for as long as the console is open, listen on loopback only, and have a secret that is thrown away.
    """
    _need_terminal()
    values = gather(ctx, config_keys=_CONFIG_KEYS)
    values |= {"no_tls": False, "legacy": None, "secret_file": None, "secret": secrets.token_hex(16)}
    return runtime.run(_demo(values))


def _screen(
    values: Mapping[str, Any], agent: str = "", program: str = "", desktop: DesktopRequest | None = None
) -> int:
    """Open the screen; return the exit status."""
    _need_terminal()
    _check_screen(values)
    if agent and (fault := client_id_fault(agent)):
        raise UserError(f"{printable(agent)!r} is no agent: {fault}")
    load_screen()
    return runtime.run(_show(_target(values), values, agent, program, desktop))


def load_screen() -> None:
    """Load Textual in the background: it takes a third of a second, and so do deriving the key and logging in."""
    os.environ.setdefault("ESCDELAY", "25")  # read when textual is loaded; its own 100 ms are felt in vim
    threading.Thread(target=importlib.import_module, args=("natpass_tui.app",), daemon=True).start()


def _need_terminal() -> None:
    """Raise UserError where no screen can be shown."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UserError("this needs a terminal (without one: natpass-tui agents --json)")
    if os.environ.get("TERM") == "dumb":
        raise UserError("this needs a terminal that can move its cursor (TERM is dumb)")


def _check_screen(values: Mapping[str, Any]) -> None:
    """Raise UserError for a prefix key or a list of agents that is of no use."""
    from natpass_tui.terminal import keys  # noqa: PLC0415 - not needed to list agents

    key = keys.parse(values["prefix"] or DEFAULT_PREFIX)
    if not key.base or not (
        key.modified or key.base in keys.FUNCTIONAL - {"enter", "tab", "backspace", "escape", "space"}
    ):
        raise UserError(f"prefix {printable(values['prefix'])!r} is no key to spare: try ctrl+], ctrl+b or f12")
    _listed(values)


def _listed(values: Mapping[str, Any]) -> list[str]:
    """Return the ids of the config file."""
    ids = values.get("agents") or []
    for agent_id in ids:
        if not isinstance(agent_id, str):
            raise UserError("agents in the config file should be a list of strings")
        if fault := client_id_fault(agent_id):
            raise UserError(f"agents in the config file: {printable(agent_id)!r}: {fault}")
    return list(ids)


def _target(values: Mapping[str, Any]) -> RelayTarget:
    """Return the relay, and who we are: a console has a new id each time."""
    settings = ConnectionSettings.from_values(PROGRAM, values)
    logs.set_up(settings.common.log_level, settings.common.log_file, None)  # the terminal is for the screen
    host = socket.gethostname().partition(".")[0]
    client_id = f"tui-{host[:40]}-{secrets.token_hex(4)}"
    if client_id_fault(client_id):
        client_id = f"tui-{secrets.token_hex(4)}"
    return settings.target(client_id, Role.ROLE_CONSOLE, secrets.token_bytes(16), (ROSTER,), PROGRAM)


@contextlib.asynccontextmanager
async def _logged_in(target: RelayTarget, listed: Sequence[str]) -> AsyncIterator[Console]:
    """Have a console that is logged in.

    Raises:
        UserError: it could not be, with the reason.
    """
    console = Console(target, listed=listed)
    tasks = Tasks()
    running = tasks.start(console.run(), "console")
    try:
        with _says(lambda: _connecting(console, target)):
            await console.first_login()
        yield console
    finally:
        await console.close()
        running.cancel()
        await tasks.close()


@contextlib.contextmanager
def _says(text: Callable[[], str], after: float = _PATIENCE_SECONDS) -> Iterator[None]:
    """Say on a terminal what takes so long, for as long as it takes; `text` is asked for it every now and then."""
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
    """Return what to say while there is no login yet: why not, if that is known."""
    reason = console.status.reason
    return f"connecting to {target.address} …" + (f" ({printable(reason)}; ctrl+c gives up)" if reason else "")


async def _list(target: RelayTarget, listed: Sequence[str], *, as_json: bool) -> int:
    async with _logged_in(target, listed) as console:
        found = console.fleet.window(0, console.fleet.shown)
    if as_json:
        click.echo(agents_list.as_json(found))
    elif found:
        click.echo(agents_list.as_table(found, time.time()))
    elif console.has_roster:
        click.echo("no agents are connected", err=True)
    else:
        raise UserError("this relay does not tell which agents there are, and the config file names none")
    return 0


async def _show(
    target: RelayTarget,
    values: Mapping[str, Any],
    agent: str = "",
    program: str = "",
    desktop: DesktopRequest | None = None,
) -> int:
    async with _logged_in(target, _listed(values)) as console:
        if agent:
            _check_agent(console, agent)
        from natpass_tui.app import ConsoleApp  # noqa: PLC0415 - see load_screen
        from natpass_tui.driver.ending import TERMINATED, ended_by_signals  # noqa: PLC0415
        from natpass_tui.links.shell.request import ShellRequest  # noqa: PLC0415
        from natpass_tui.settings import Settings  # noqa: PLC0415

        settings = Settings(
            prefix=values["prefix"] or DEFAULT_PREFIX,
            clipboard=values["clipboard"],
            agent=agent,
            request=ShellRequest(program),
            desktop=desktop or DesktopRequest(),
            opens_desktop=desktop is not None,
            keeps_offline_input=values["offline_input"] == "keep",
        )
        app = ConsoleApp(console, settings)
        with ended_by_signals(app.exit):
            outcome = await app.run_async()
    if app.return_code:  # Textual has shown what went wrong: a bug of ours
        return app.return_code
    if outcome is None:
        return TERMINATED
    if outcome.message:
        raise UserError(outcome.message)
    return outcome.status


def _check_agent(console: Console, agent: str) -> None:
    """Raise UserError for an agent that is not connected, if the relay tells."""
    found = console.fleet.get(agent)
    if console.has_roster and (found is None or found.presence is not Presence.ONLINE):
        near = similar(agent, [known for known in console.fleet.ids if known != agent])
        hint = f" (did you mean {', '.join(near)}?)" if near else f" ({PROGRAM} agents lists who is)"
        raise UserError(f"agent {agent} is not connected{hint}")


async def _demo(values: dict[str, Any]) -> int:
    from natpass_tui.demo.keeping import kept  # noqa: PLC0415 - only here

    async with contextlib.AsyncExitStack() as stack:
        with _says(lambda: "starting a relay and an agent on this machine …", after=0.0):
            address = await stack.enter_async_context(kept(values["secret"]))
        host, _, port = address.rpartition(":")
        return await _show(_target(values | {"relay": RelayAddress(host, int(port))}), values)


def main() -> None:
    """Run the command."""
    run(command, PROGRAM)
