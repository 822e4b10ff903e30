"""The alarm for an agent whose key has changed, with what to do about it."""

import shlex

from natpass_wire.identity import fingerprint
from natpass_wire.identity.known import Checked, Pin
from natpass_wire.text import printable


def sentence(checked: Checked) -> str:
    """Return the alarm for a changed key as one line of any length, for a terminal or a log."""
    agent_id = checked.pin.agent_id
    return (
        f"THE KEY OF {printable(agent_id)} HAS CHANGED: there may be a man in the middle. "
        f"It was {fingerprint.short(checked.pin.key)} since {checked.pin.since:%Y-%m-%d}, "
        f"and is {fingerprint.short(checked.key)} now. Only if the agent was reinstalled: compare that with "
        f"'natpass-agent fingerprint' there, then run: {forget_command(checked.pin)}"
    )


def forget_command(pin: Pin) -> str:
    """Return the shell command that forgets an agent; agents of the same name at other relays stay known."""
    dashes = "-- " if pin.agent_id.startswith("-") else ""
    relay, agent_id = (shlex.quote(printable(text)) for text in (pin.relay, pin.agent_id))
    return f"natpass-tui known forget --relay {relay} {dashes}{agent_id}"
