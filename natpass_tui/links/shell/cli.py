"""The command `natpass-tui shell`."""

import os
import sys
from dataclasses import replace
from functools import partial

import click

from natpass_tui.command_line import CommandWithWords
from natpass_tui.hints import shell_hint, without_terminal
from natpass_tui.links.shell.settings import ShellSettings
from natpass_tui.login import CONFIG_KEYS, HELP
from natpass_tui.screen_command import Opening, open_screen, screen_options
from natpass_tui.tty.request import ShellRequest
from natpass_wire.errors import UserError
from natpass_wire.program.options import common_options, connection_options, gather


@click.command("shell", cls=CommandWithWords, context_settings=HELP)
@click.argument("agent")
@click.argument("argv", metavar="[-- COMMAND [ARGUMENT]...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--exec", "program", metavar="PROGRAM", default="", help="Run this program instead of the agent's shell.")
@connection_options
@screen_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, agent: str, argv: tuple[str, ...], program: str, **_: object) -> int:
    """Open a shell on AGENT at once, or COMMAND on a terminal there.

    As with ssh, when that ends and no other tab is open, the console ends with its exit status (255 if an existing
    natpass agent tells none, or relay or agent can't be reached), and leaves its last screen as text. No shell
    interprets COMMAND: for one, sh -c 'line'.
    """
    if argv and program:
        raise UserError("give a command after --, or --exec PROGRAM, not both")
    if argv and not argv[0]:
        raise UserError("which command? natpass-tui shell AGENT -- COMMAND ARGUMENT…")
    request = ShellRequest(program, argv=tuple(os.fsencode(word) for word in argv)).checked()
    sys.argv[1:] = [word.encode(errors="replace").decode() for word in sys.argv[1:]]  # as in exec: the process' title
    values = gather(ctx, config_keys=CONFIG_KEYS)
    own = replace(ShellSettings.from_values(values), request=request)
    instead = without_terminal(agent, argv or ((program,) if program else ()))
    opening = Opening(agent, "shell", own, instead, partial(shell_hint, request.argv))
    return open_screen(values, opening)
