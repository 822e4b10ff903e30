"""What is said when an agent shows another key than it did: loud, and with the way out."""

import shlex

from natpass_wire.identity import fingerprint
from natpass_wire.identity.known import Checked
from natpass_wire.text import printable


def sentence(checked: Checked) -> str:
    """Return the alarm for a changed key in one line, of whatever length, for a terminal or a log."""
    agent_id = checked.pin.agent_id
    return (
        f"THE KEY OF {printable(agent_id)} HAS CHANGED: somebody may be in the middle, nothing was sent. "
        f"It was {fingerprint.short(checked.pin.key)} since {checked.pin.since:%Y-%m-%d}, "
        f"and is {fingerprint.short(checked.key)} now. Only if the agent was reinstalled: compare that with "
        f"'natpass-agent fingerprint' there, then say: {forget_command(agent_id)}"
    )


def forget_command(agent_id: str) -> str:
    """Return the command that forgets an agent, as a shell takes it."""
    dashes = "-- " if agent_id.startswith("-") else ""
    return f"natpass-tui known forget {dashes}{shlex.quote(printable(agent_id))}"
