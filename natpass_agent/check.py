"""Who may do what at an agent, line by line, without I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from natpass_agent.links.kind import Kind, names_of
from natpass_wire.identity import fingerprint
from natpass_wire.identity.authorized import ALL, AuthorizedConsoles, Grant, Rights
from natpass_wire.text import printable

#: Characters of a comment that are shown: a line then has room for the rest.
_MOST_COMMENT = 40
Repeated = Mapping[str, Sequence[str]]
_NO_OPTIONS: Repeated = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say. All texts are safe to print.

    Attributes:
        lines: who may do what.
        doubts: what is wrong with the file or the clock, each in a few words; empty if nothing is.
    """

    lines: tuple[str, ...]
    doubts: tuple[str, ...] = ()


def without_file(path: str, kinds: Sequence[Kind], options: Repeated = _NO_OPTIONS, *, allow_unsealed: bool) -> Report:
    """Return the report of an agent without a file.

    Args:
        path: where the file would be.
        kinds: the link kinds that the agent serves.
        options: the values of their repeatable options, by name.
        allow_unsealed: it serves links that are not sealed, too.
    """
    lines = [f"there is no {printable(path, 1000)}", f"every console that has the secret: {_what(ALL, kinds, options)}"]
    if allow_unsealed:
        names = names_of(kind for kind in kinds if kind.allows_unsealed) or "nothing"
        lines.append(f"every client of the relay, and its operator (--allow-unsealed): {names}")
    return Report(tuple(lines))


def of_file(
    path: str,
    consoles: AuthorizedConsoles,
    now: datetime,
    clock_doubt: str,
    kinds: Sequence[Kind],
    *,
    options: Repeated = _NO_OPTIONS,
) -> Report:
    """Return the report of an agent with a file.

    Args:
        path: the file.
        consoles: its content.
        now: the time, UTC.
        clock_doubt: why the clock can't be right, empty if it can.
        kinds: the link kinds that the agent serves.
        options: the values of their repeatable options, by name.
    """
    said: dict[int, str] = {fault.number: f"grants nothing: {fault.reason}" for fault in consoles.faults}
    doubts = [f"line {number} {text}" for number, text in said.items()]
    for line in consoles.lines:
        grant = consoles.grants[line.key]
        what = _what(grant.rights, kinds, options)
        if not what:
            doubts.append(f"line {line.number} has no effect")
            what = "nothing, since it is read-only and its kinds can't be shown read-only"
        who = fingerprint.short(line.key) + (f" ({printable(line.comment, _MOST_COMMENT)})" if line.comment else "")
        said[line.number] = f"{who}: {what}{_until(grant, now, clock_doubt)}"
    if clock_doubt and consoles.expires:
        doubts.append(clock_doubt)
    head = f"{printable(path, 1000)}: " + ("these consoles, and no others" if consoles.lines else "no console")
    return Report((head, *(f"line {number}: {said[number]}" for number in sorted(said))), tuple(doubts))


def _what(rights: Rights, kinds: Sequence[Kind], options: Repeated) -> str:
    """Return what these rights allow, empty if nothing."""
    allowed = [kind for kind in kinds if rights.kinds is None or kind.name in rights.kinds]
    if rights.read_only:
        shown = names_of(kind for kind in allowed if kind.read_only is None)
        return f"{shown}, only to look" if shown else ""
    extents: dict[str, str] = {}
    for kind in allowed:
        extents.setdefault(kind.name, kind.extent(rights, options))
    names = ", ".join(f"{name} {extent}" if extent else name for name, extent in extents.items())
    return f"everything ({names})" if rights.kinds is None else names


def _until(grant: Grant, now: datetime, clock_doubt: str) -> str:
    if grant.until is None:
        return ""
    until = f"{grant.until:%Y-%m-%d %H:%M} UTC"
    if clock_doubt:
        return f", until {until}; not now, since the clock is wrong"
    return f", until {until}" if now < grant.until else f"; not any more, it expired on {until}"
