"""The command `natpass-tui`."""

import contextlib
import importlib
import os
import secrets
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from natpass_tui import agents_list, fingerprint_cli, known_cli
from natpass_tui.command_line import CommandWithWords
from natpass_tui.hints import shell_hint
from natpass_tui.links.desktop.request import DEFAULT_FPS, DEFAULT_QUALITY, DesktopRequest
from natpass_tui.links.exec import cli as exec_cli
from natpass_tui.links.outcome import FAILED
from natpass_tui.login import (
    CONFIG_KEYS,
    HELP,
    PROGRAM,
    NotReachedError,
    check_agent,
    listed_agents,
    logged_in,
    relay_target,
    says,
)
from natpass_tui.session.agents import Presence
from natpass_tui.session.prefix import DEFAULT_PREFIX
from natpass_tui.tty.request import ShellRequest
from natpass_wire.aio import runtime
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.program.main import complain, run
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.text import printable


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


@click.group(invoke_without_command=True, context_settings=HELP)
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
    return 0 if ctx.invoked_subcommand is not None else _screen(gather(ctx, config_keys=CONFIG_KEYS))


@command.command(cls=CommandWithWords, context_settings=HELP)
@click.argument("agent")
@click.argument("argv", metavar="[-- COMMAND [ARGUMENT]...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--exec", "program", metavar="PROGRAM", default="", help="Run this program instead of the agent's shell.")
@connection_options
@screen_options
@common_options
@click.pass_context
def shell(ctx: click.Context, /, agent: str, argv: tuple[str, ...], program: str, **_: object) -> int:
    """Open a shell on AGENT at once, or COMMAND on a terminal there.

    As with ssh, when that ends and no other tab is open, the console ends with its exit status (255 where an existing
    natpass agent tells none, or relay or agent can't be reached), and leaves its last screen as text. No shell comes
    between you and COMMAND: for one, sh -c 'line'.
    """
    if argv and program:
        raise UserError("give a command behind --, or --exec PROGRAM, not both")
    if argv and not argv[0]:
        raise UserError("which command? natpass-tui shell AGENT -- COMMAND ARGUMENT…")
    request = ShellRequest(program, argv=tuple(os.fsencode(word) for word in argv)).checked()
    sys.argv[1:] = [word.encode(errors="replace").decode() for word in sys.argv[1:]]  # as for exec: it becomes a title
    return _screen(gather(ctx, config_keys=CONFIG_KEYS), agent, request)


@command.command(context_settings=HELP)
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
    return _screen(gather(ctx, config_keys=CONFIG_KEYS), agent, desktop=DesktopRequest(fps, quality, cursor))


@command.command(context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@click.option("--online", is_flag=True, help="Only those that are connected.")
@connection_options
@common_options
@click.pass_context
def agents(ctx: click.Context, /, as_json: bool, online: bool, **_: object) -> int:
    """List the agents, those too that are away, and exit."""
    values = gather(ctx, config_keys=CONFIG_KEYS)
    target = relay_target(values, remembers=False)
    return runtime.run(_list(target, listed_agents(values), as_json=as_json, online=online))


@command.command(context_settings=HELP)
@screen_options
@common_options
@click.pass_context
def demo(ctx: click.Context, /, **_: object) -> int:
    """Try it: a relay and an agent on this machine.

    They live for as long as the console is open, listen on loopback only, and have a secret that is thrown away.
    """
    _need_terminal()
    values = gather(ctx, config_keys=CONFIG_KEYS)
    values |= {"no_tls": False, "legacy": None, "secret_file": None, "invite": None, "secret": secrets.token_hex(16)}
    return runtime.run(_demo(values))


def _screen(
    values: Mapping[str, Any],
    agent: str = "",
    request: ShellRequest | None = None,
    desktop: DesktopRequest | None = None,
) -> int:
    """Open the screen; return the exit status."""
    _need_terminal("exec AGENT -- COMMAND" if request is not None else "agents --json")
    _check_screen(values)
    if agent and (fault := client_id_fault(agent)):
        raise UserError(f"{printable(agent)!r} is no agent: {fault}")
    load_screen()
    target = relay_target(values)
    try:
        return runtime.run(_show(target, values, agent, request, desktop))
    except NotReachedError as error:
        if not agent:
            raise
        return complain(PROGRAM, str(error), FAILED)


def load_screen() -> None:
    """Load Textual in the background: it takes a third of a second, and so do deriving the key and logging in."""
    os.environ.setdefault("ESCDELAY", "25")  # read when textual is loaded; its own 100 ms are felt in vim
    threading.Thread(target=importlib.import_module, args=("natpass_tui.app",), daemon=True).start()


def _need_terminal(instead: str = "agents --json") -> None:
    """Raise UserError where no screen can be shown, with the command to use instead."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UserError(f"this needs a terminal (without one: {PROGRAM} {instead})")
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
    listed_agents(values)


async def _list(target: RelayTarget, listed: Sequence[str], *, as_json: bool, online: bool) -> int:
    async with logged_in(target, listed) as console:
        console.list_known()
        found = console.fleet.window(0, console.fleet.shown)
    if online and console.has_roster:
        found = [agent for agent in found if agent.presence is Presence.ONLINE]
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
    request: ShellRequest | None = None,
    desktop: DesktopRequest | None = None,
) -> int:
    unsealed = bool(values.get("allow_unsealed"))
    async with logged_in(target, listed_agents(values), allow_unsealed=unsealed) as console:
        if agent:
            check_agent(console, agent)
        console.list_known()
        from natpass_tui.app import ConsoleApp  # noqa: PLC0415 - see load_screen
        from natpass_tui.driver.ending import TERMINATED, ended_by_signals  # noqa: PLC0415 - see load_screen
        from natpass_tui.settings import Settings  # noqa: PLC0415 - see load_screen

        settings = Settings(
            prefix=values["prefix"] or DEFAULT_PREFIX,
            clipboard=values["clipboard"],
            agent=agent,
            request=request or ShellRequest(),
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
    if outcome.last_screen:
        click.echo("\n".join(printable(line, 1000) for line in outcome.last_screen.splitlines()))
    if outcome.message:
        hint = shell_hint(request.argv, outcome.reason) if request is not None else ""
        return complain(PROGRAM, outcome.message + hint, outcome.status)
    return outcome.status


async def _demo(values: dict[str, Any]) -> int:
    from natpass_tui.demo.keeping import kept  # noqa: PLC0415 - only here

    async with contextlib.AsyncExitStack() as stack:
        with says(lambda: "starting a relay and an agent on this machine …", after=0.0):
            address = await stack.enter_async_context(kept(values["secret"]))
        host, _, port = address.rpartition(":")
        target = relay_target(values | {"relay": RelayAddress(host, int(port))}, remembers=False, knows=False)
        return await _show(target, values)


command.add_command(exec_cli.command)
command.add_command(known_cli.command)
command.add_command(fingerprint_cli.command)


def main() -> None:
    """Run the command."""
    run(command, PROGRAM)
