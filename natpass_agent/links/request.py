"""What the requests of several kinds have in common: variables, and how a program's end is told; without I/O."""

from collections.abc import Iterable
from signal import Signals

from natpass_wire.errors import NatpassError
from natpass_wire.text import printable


class BadRequestError(NatpassError):
    """The opener asks for something that makes no sense; the text says what, safe to print."""


def additions(entries: Iterable[str]) -> dict[str, str]:
    """Return the variables in the `K=V` entries of a request; of several with one name, the last counts.

    Raises:
        BadRequestError: an entry has no name, no `=`, or a NUL character.
    """
    found: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not name or not equals or "\0" in entry:
            raise BadRequestError(f"malformed env entry {printable(entry, 40)!r}: NAME=VALUE is expected")
        found[name] = value
    return found


def end_text(status: int | None) -> str:
    """Return for a person how a program ended.

    Args:
        status: its exit status, or -n for signal n, or None if it is not known.
    """
    if status is None:
        return "ended"
    if status >= 0:
        return f"exited with status {status}"
    number = -status
    name = f" ({Signals(number).name})" if number in {signal.value for signal in Signals} else ""
    return f"ended by signal {number}{name}"
