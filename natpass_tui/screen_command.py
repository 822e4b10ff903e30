"""Common parts of the commands that open the screen: options, checks, and running the screen."""

import importlib
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from natpass_tui.links import kinds, kinds_with_tabs
from natpass_tui.links.outcome import FAILED
from natpass_tui.login import PROGRAM, NotReachedError, check_agent, listed_agents, logged_in, relay_target
from natpass_tui.settings import DEFAULT_PREFIX
from natpass_wire.aio import runtime
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.program.main import complain
from natpass_wire.text import printable


def _no_hint(_: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Opening:
    """The tab that a command opens at once, and whose end ends the command.

    Attributes:
        agent: the agent's id.
        kind: the name of the tab's kind.
        settings: the kind's own settings, if the command has any.
        without_terminal: the command to suggest if there is no terminal; empty: none.
        hint: returns a hint to append to an agent's reason for refusing.
    """

    agent: str
    kind: str
    settings: object = None
    without_terminal: str = ""
    hint: Callable[[str], str] = _no_hint


def screen_options(command: Any) -> Any:
    """Add the options of commands that open a screen: the console's and the kinds'."""
    own = (
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
    )
    of_kinds = (option for kind in kinds() if kind.settings is not None for option in kind.settings().options())
    for option in (*own, *of_kinds):
        command = option(command)
    return command


def open_screen(values: Mapping[str, Any], opening: Opening | None = None) -> int:
    """Open the screen; return the exit status.

    Args:
        values: the options.
        opening: the tab to open at once; None: the fleet.

    Raises:
        UserError: the screen can't be opened, or login failed.
    """
    need_terminal(opening.without_terminal if opening is not None else "agents --json")
    _check_screen(values)
    if opening is not None and (fault := client_id_fault(opening.agent)):
        raise UserError(f"{printable(opening.agent)!r} is not an agent's id: {fault}")
    load_screen()
    target = relay_target(values)
    try:
        return runtime.run(show_screen(target, values, opening))
    except NotReachedError as error:
        if opening is None:
            raise
        return complain(PROGRAM, str(error), FAILED)


def load_screen() -> None:
    """Load Textual and the panes in the background: a third of a second, while we derive the key and log in."""
    os.environ.setdefault("ESCDELAY", "25")  # read when textual is loaded; its default of 100 ms is noticeable in vim
    threading.Thread(target=_load_all, daemon=True).start()


def _load_all() -> None:
    importlib.import_module("natpass_tui.app")
    for _, tabs in kinds_with_tabs():  # so that the first tab opens at once
        tabs.opener()


def need_terminal(instead: str = "agents --json") -> None:
    """Raise UserError if no screen can be shown: it names the streams that are no terminal, and the command to use."""
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    others = [name for name, stream in streams.items() if stream is None or not stream.isatty()]
    if others:
        what = f"{others[0]} is not one" if len(others) == 1 else f"{', '.join(others[:-1])} and {others[-1]} are not"
        raise UserError(f"this needs a terminal, but {what}{f' (without one: {PROGRAM} {instead})' if instead else ''}")
    if os.environ.get("TERM") == "dumb":
        raise UserError("this needs a terminal that can move its cursor (TERM is dumb)")


def _check_screen(values: Mapping[str, Any]) -> None:
    """Raise UserError for an invalid prefix key or list of agents."""
    from natpass_tui.terminal import keys  # noqa: PLC0415 - not needed to list agents

    key = keys.parse(values["prefix"] or DEFAULT_PREFIX)
    if not key.base or not (
        key.modified or key.base in keys.FUNCTIONAL - {"enter", "tab", "backspace", "escape", "space"}
    ):
        raise UserError(f"prefix {printable(values['prefix'])!r} cannot be the prefix: try ctrl+], ctrl+b or f12")
    listed_agents(values)


async def show_screen(target: RelayTarget, values: Mapping[str, Any], opening: Opening | None = None) -> int:
    """Log in and show the screen until it ends; return the exit status, see `open_screen`."""
    unsealed = bool(values.get("allow_unsealed"))
    async with logged_in(target, listed_agents(values), allow_unsealed=unsealed) as console:
        if opening is not None:
            check_agent(console, opening.agent)
        console.list_known()
        from natpass_tui.app import ConsoleApp  # noqa: PLC0415 - see load_screen
        from natpass_tui.driver.ending import TERMINATED, ended_by_signals  # noqa: PLC0415 - see load_screen
        from natpass_tui.settings import Settings  # noqa: PLC0415 - see load_screen

        given = (opening.settings,) if opening is not None and opening.settings is not None else ()
        settings = Settings(
            prefix=values["prefix"] or DEFAULT_PREFIX,
            clipboard=values["clipboard"],
            notice=values.get("notice"),
            agent=opening.agent if opening is not None else "",
            opens=opening.kind if opening is not None else "",
            # The command's settings of its own kind take precedence over the options.
            kinds=(*given, *(kind.settings().from_values(values) for kind in kinds() if kind.settings is not None)),
        )
        app = ConsoleApp(console, settings)
        with ended_by_signals(app.exit):
            outcome = await app.run_async()
    if app.return_code:  # Textual has shown the error: a bug of ours
        return app.return_code
    if outcome is None:
        return TERMINATED
    if outcome.last_screen:
        click.echo("\n".join(printable(line, 1000) for line in outcome.last_screen.splitlines()))
    if outcome.text:
        hint = opening.hint(outcome.reason) if opening is not None else ""
        return complain(PROGRAM, outcome.text + hint, outcome.status)
    return outcome.status
