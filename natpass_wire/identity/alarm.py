"""What is said when an agent shows another key than it did: loud, and with the way out."""

import shlex
import unicodedata

from natpass_wire.identity import fingerprint
from natpass_wire.identity.known import Checked
from natpass_wire.text import printable

#: A tab's banner has room for so much.
BANNER_LINES, BANNER_COLUMNS = 4, 80


def banner(checked: Checked) -> tuple[str, ...]:
    """Return the alarm for a changed key in four lines of at most 80 columns; a long id is cut, or not repeated."""
    agent_id = checked.pin.agent_id
    command = forget_command(agent_id)
    way_out = "natpass-agent fingerprint there, then: "
    if _columns(way_out + command) > BANNER_COLUMNS:
        command = forget_command("AGENT")
    head, tail = "THE KEY OF ", " HAS CHANGED: SOMEBODY MAY BE IN THE MIDDLE"
    return (
        head + _cut(printable(agent_id), BANNER_COLUMNS - len(head + tail)) + tail,
        f"was {fingerprint.short(checked.pin.key)} since {checked.pin.since:%Y-%m-%d}",
        f"now {fingerprint.short(checked.key)}; reinstalled? Compare",
        way_out + command,
    )


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


def _columns(text: str) -> int:
    """Return how many columns a terminal gives to `text`; never fewer than it does."""
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in text)


def _cut(text: str, columns: int) -> str:
    if _columns(text) <= columns:
        return text
    while _columns(text) > columns - 2:  # an ellipsis is wide in some places
        text = text[:-1]
    return text + "…"
