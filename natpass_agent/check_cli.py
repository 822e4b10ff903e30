"""The command `natpass-agent check`."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from natpass_agent import check, instance
from natpass_agent.authorized import AuthorizedConsolesFile
from natpass_agent.links import KINDS
from natpass_agent.links.options import kind_values
from natpass_wire.errors import UserError
from natpass_wire.program.control import client
from natpass_wire.program.control.client import NobodyThereError
from natpass_wire.program.control.place import socket_path
from natpass_wire.program.main import complain
from natpass_wire.program.options import FILE, gather, state_options
from natpass_wire.program.state import StateDir

#: Doubts that are printed after the lines; the lines have all of them.
_MOST_DOUBTS = 3

AUTHORIZED_CONSOLES = click.option(
    "--authorized-consoles",
    type=FILE,
    metavar="FILE",
    help="Serve only the consoles whose keys are in this file (mode 0600; natpass-tui fingerprint says more). "
    "Default: authorized_consoles in the state directory; without that file, all consoles that have the secret.",
)


@click.command("check", context_settings={"help_option_names": ["-h", "--help"]})
@AUTHORIZED_CONSOLES
@click.option("--id", metavar="NAME", help="Which agent, where several run with one state directory.")
@state_options
@click.pass_context
def command(ctx: click.Context, /, **_: object) -> int:
    """Print who may do what at this agent, line by line of authorized_consoles.

    The exit status is 2 if anything is in doubt: a line that grants nothing, a file that is missing or that others can
    write, a clock that can't be right. Run this as the agent's user, with its --config, or its --state-dir and
    --authorized-consoles.
    """
    values = gather(ctx)
    report = _report(values)
    for line in report.lines:
        click.echo(line)
    if not report.doubts:
        return 0
    more = len(report.doubts) - _MOST_DOUBTS
    text = "; ".join(report.doubts[:_MOST_DOUBTS]) + (f"; and {more} more" if more > 0 else "")
    return complain("natpass-agent", text)


def _report(values: dict[str, Any]) -> check.Report:
    """Return the report on the file that the options name.

    Raises:
        UserError: it is missing, or can't be read.
    """
    state = StateDir.at(values["state_dir"])
    file = AuthorizedConsolesFile.at(values["authorized_consoles"], state, instance.own_id(values["id"]))
    consoles = file.read()
    _, repeated = kind_values(values)
    unsealed, notes = values["allow_unsealed"], tuple[str, ...]()
    if (running := _running(state, instance.own_id(values["id"]))) is None:
        notes = ("no agent answers here: options that it gets on its command line are not counted",)
    else:
        repeated, unsealed = running
    if consoles is None:
        report = check.without_file(str(file.path), KINDS, options=repeated, allow_unsealed=unsealed)
    else:
        report = check.of_file(str(file.path), consoles, datetime.now(UTC), file.doubt(), KINDS, options=repeated)
    return replace(report, lines=(*report.lines, *notes))


def _running(state: StateDir, name: str) -> tuple[dict[str, tuple[str, ...]], bool] | None:
    """Return the running agent's repeatable options, and whether it serves unsealed links; None if none answers."""
    try:
        client.check_platform()
        found = client.ask(socket_path(state, "agent", name), "options", {})
    except (NobodyThereError, PermissionError, UserError):  # an older agent does not know this
        return None
    given = found.get("repeated")
    if not isinstance(given, dict):
        return None
    return {str(key): tuple(map(str, values)) for key, values in given.items() if isinstance(values, list)}, bool(
        found.get("allow_unsealed")
    )
