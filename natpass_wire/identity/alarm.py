"""What is said when an agent shows another key than it did: loud, and with the way out."""

import shlex

from natpass_wire.identity import fingerprint
from natpass_wire.identity.known import Checked, Pin
from natpass_wire.text import printable


def sentence(checked: Checked) -> str:
    """Return the alarm for a changed key in one line, of whatever length, for a terminal or a log."""
    agent_id = checked.pin.agent_id
    return (
        f"THE KEY OF {printable(agent_id)} HAS CHANGED: somebody may be in the middle. "
        f"It was {fingerprint.short(checked.pin.key)} since {checked.pin.since:%Y-%m-%d}, "
        f"and is {fingerprint.short(checked.key)} now. Only if the agent was reinstalled: compare that with "
        f"'natpass-agent fingerprint' there, then say: {forget_command(checked.pin)}"
    )


def forget_command(pin: Pin) -> str:
    """Return the command that forgets an agent, as a shell takes it; one of the same name elsewhere stays known."""
    dashes = "-- " if pin.agent_id.startswith("-") else ""
    relay, agent_id = (shlex.quote(printable(text)) for text in (pin.relay, pin.agent_id))
    return f"natpass-tui known forget --relay {relay} {dashes}{agent_id}"
