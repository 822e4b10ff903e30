"""The rules of a forward: their text, and what they mean. Pure.

    local      [BIND:]PORT:HOST:PORT   [BIND:]PORT:/PATH   /PATH:HOST:PORT   /PATH:/PATH
    remote     the same
    dynamic    [BIND:]PORT
    datagrams  [BIND:]PORT:HOST:PORT

This is OpenSSH's grammar: IPv6 addresses stand in brackets, a word that begins with `/` is the path of a Unix socket,
`*` or an empty BIND means all addresses, and `\\` takes a meaning from the next character. Port 0 of a listener is any.
"""

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from natpass_wire.channels.events import Endpoint
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.text import printable

#: The host of a listener on all addresses; an empty host means loopback.
ANY_HOST = "*"
#: The longest host name (RFC 1035 §2.3.4), and the longest path of a Unix socket that Linux takes.
_MOST_HOST, _MOST_PATH = 253, 107
#: The largest port.
_MOST_PORT = 0xFFFF
#: Rules of one command line or config file.
MOST_RULES = 256


class Direction(Enum):
    """What a rule does. The values are the names of options, and the keys of the config file."""

    LOCAL = "local"  # listen here, connect there
    REMOTE = "remote"  # listen there, connect here
    DYNAMIC = "dynamic"  # a proxy here; its clients say where to connect to there
    DATAGRAMS = "udp"  # UDP: take datagrams here, send them on there

    @property
    def letter(self) -> str:
        """The letter of the option."""
        return self.value[0].upper()


_GRAMMAR = {
    Direction.LOCAL: "[BIND:]PORT:HOST:PORT, [BIND:]PORT:/PATH, /PATH:HOST:PORT or /PATH:/PATH",
    Direction.REMOTE: "[BIND:]PORT:HOST:PORT, [BIND:]PORT:/PATH, /PATH:HOST:PORT or /PATH:/PATH",
    Direction.DYNAMIC: "[BIND:]PORT",
    Direction.DATAGRAMS: "[BIND:]PORT:HOST:PORT",
}


@dataclass(frozen=True, slots=True)
class ForwardRule:
    """One rule.

    Attributes:
        direction: what it does.
        listen: where it listens. The host is empty for loopback and `ANY_HOST` for all addresses.
        target: where its connections go to; None: their clients say.
    """

    direction: Direction
    listen: Endpoint
    target: Endpoint | None = None

    def __str__(self) -> str:
        """Return the rule's text, which `parse` reads. It is not safe to print."""
        words = [_listen_text(self.listen)]
        if self.target is not None:
            words.append(endpoint_text(self.target))
        return ":".join(words)

    @property
    def option(self) -> str:
        """The rule as an option, safe to print."""
        return printable(f"-{self.direction.letter} {self}")


def parse(direction: Direction, text: str) -> ForwardRule:
    """Return the rule of a text.

    Raises:
        UserError: it is no rule; the text names it.
    """

    def fail(why: str) -> UserError:
        shown = f"-{direction.letter} {printable(text) or repr(text)}"
        return UserError(f"{shown}: {why} ({_GRAMMAR[direction]} is expected)")

    try:
        words = _words(text)
        listen, rest = _take_listen(words, alone=direction is Direction.DYNAMIC)
        target = None if direction is Direction.DYNAMIC else _take_target(rest)
    except ValueError as error:
        raise fail(str(error)) from None
    if direction is Direction.DATAGRAMS:
        assert target is not None
        if listen.path or target.path:
            raise fail("datagrams go to no Unix socket")
        listen, target = (Endpoint(end.host, end.port, datagrams=True) for end in (listen, target))
    return ForwardRule(direction, listen, target)


def parse_target(text: str) -> Endpoint:
    """Return the address of `HOST:PORT` or `/PATH`. Raises UserError: it is none."""
    try:
        return _take_target(_words(text))
    except ValueError as error:
        raise UserError(f"{printable(text) or repr(text)}: {error} (HOST:PORT or /PATH is expected)") from None


def parse_options(values: Mapping[str, Any]) -> list[ForwardRule]:
    """Return the rules of options or of a config file's table: a text or a list of them for each direction.

    Raises:
        UserError: one is no rule, there are too many, or two listen at the same place.
    """
    rules: list[ForwardRule] = []
    for direction in Direction:
        given = values.get(direction.value) or ()
        for text in given if isinstance(given, Sequence) and not isinstance(given, str) else [given]:
            if isinstance(text, bool) or not isinstance(text, str | int):
                raise UserError(f"{direction.value} should be a rule in quotes, or a list of them")
            rules.append(parse(direction, str(text)))
    if len(rules) > MOST_RULES:
        raise UserError(f"{len(rules)} rules: at most {MOST_RULES} are possible")
    for at, rule in enumerate(rules):
        if any(is_same_place(rule, other) for other in rules[:at]):
            raise UserError(f"{rule.option}: another rule listens there already")
    return rules


def is_same_place(one: ForwardRule, other: ForwardRule) -> bool:
    """Tell whether two rules listen at the same place of the same side."""
    sides = {rule.direction is Direction.REMOTE for rule in (one, other)}
    return one == other or (len(sides) == 1 and one.listen == other.listen and _is_certain(one))


def _is_certain(rule: ForwardRule) -> bool:
    """Tell whether a rule says at which port or path it listens."""
    return bool(rule.listen.port or rule.listen.path)


def parse_tables(tables: Sequence[Any], file: str = "") -> dict[str, list[ForwardRule]]:
    """Return the rules of a config file's `[[forward]]` tables, by agent, in their order.

    Args:
        tables: the tables.
        file: the config file's path, for errors; safe to print.

    Raises:
        UserError: a table is invalid: it names the file and the table, by its number.
    """
    rules: dict[str, list[ForwardRule]] = {}
    for number, table in enumerate(tables, 1):
        try:
            agent, found = _parse_table(table)
            _check_places(agent, found, rules)
        except UserError as error:
            which = f"[[forward]] table {number}" if len(tables) > 1 else "[[forward]]"
            raise UserError(f"{file}{': ' * bool(file)}{which}: {error}") from error
        rules.setdefault(agent, []).extend(found)
    return rules


def _parse_table(table: Any) -> tuple[str, list[ForwardRule]]:
    """Return the agent of a table, and its rules. Raises UserError."""
    known = {"agent", *(direction.value for direction in Direction)}
    if not isinstance(table, Mapping):
        raise UserError("forward should be tables: [[forward]]")
    if unknown := sorted(set(table) - known):
        names = ", ".join(printable(key) for key in unknown)
        raise UserError(f"unknown key {names} (known: {', '.join(sorted(known))})")
    agent = table.get("agent")
    if not isinstance(agent, str) or (fault := client_id_fault(agent)):
        raise UserError(f"agent: {fault if isinstance(agent, str) else 'it names no agent'}")
    found = parse_options(table)
    if not found:
        raise UserError(f"it has no rule for {agent}: local, remote, dynamic or udp is expected")
    return agent, found


def _check_places(agent: str, found: Sequence[ForwardRule], rules: Mapping[str, Sequence[ForwardRule]]) -> None:
    """Raise UserError if a rule for an agent listens where one of another table does."""
    for rule in found:
        for other_agent, others in rules.items():
            # Other agents' listeners are elsewhere; ours at port 0 get different ports.
            is_elsewhere = other_agent != agent and (rule.direction is Direction.REMOTE or not _is_certain(rule))
            if not is_elsewhere and any(is_same_place(rule, other) for other in others):
                raise UserError(f"{rule.option}: another rule listens there already")


def endpoint_text(end: Endpoint) -> str:
    """Return an address as `HOST:PORT`, `[IPV6]:PORT` or a path. It is not safe to print."""
    return _escaped(os.fsdecode(end.path)) if end.path else f"{_host_text(end.host)}:{end.port}"


def _listen_text(end: Endpoint) -> str:
    return str(end.port) if not end.path and not end.host else endpoint_text(end)


def _host_text(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:")


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of a rule: what is between colons.

    Attributes:
        text: without brackets and escapes.
        is_path: whether it is the path of a Unix socket.
        in_brackets: whether it was.
    """

    text: str
    is_path: bool = False
    in_brackets: bool = False


def _words(text: str) -> list[_Word]:
    """Split a rule at its colons. Raises ValueError."""
    words: list[_Word] = []
    at = 0
    while True:
        if text.startswith("[", at):
            end = text.find("]", at)
            if end < 0:
                raise ValueError("a bracket is not closed")
            words.append(_Word(text[at + 1 : end], in_brackets=True))
            at = end + 1
        else:
            is_path = text.startswith("/", at)
            letters: list[str] = []
            while at < len(text) and text[at] != ":":
                if text[at] == "\\":
                    at += 1
                    if at == len(text):
                        raise ValueError("nothing follows \\")
                letters.append(text[at])
                at += 1
            words.append(_Word("".join(letters), is_path))
        if at == len(text):
            return words
        if text[at] != ":":
            raise ValueError("a colon is missing after ]")
        at += 1


def _take_listen(words: list[_Word], *, alone: bool) -> tuple[Endpoint, list[_Word]]:
    """Return where to listen, and the words that follow. Raises ValueError."""
    first = words[0]
    if first.is_path:
        if alone:
            raise ValueError("a proxy listens at no Unix socket")
        return Endpoint(path=_path(first)), words[1:]
    # The target has one word (a path) or two: what is before it are a port, and perhaps an address.
    count = len(words) if alone else len(words) - (1 if words[-1].is_path else 2)
    match count:
        case 1:
            return Endpoint(port=_port(first, least=0)), words[1:]
        case 2:
            host = ANY_HOST if first.text in {"", ANY_HOST} else _host(first)
            return Endpoint(host, _port(words[1], least=0)), words[2:]
        case _ if count > 2:
            raise ValueError("too many colons: IPv6 addresses need brackets, as in [::1]:80")
    raise ValueError("something is missing")


def _take_target(words: list[_Word]) -> Endpoint:
    """Return the address to connect to. Raises ValueError."""
    if words and words[0].is_path:
        if len(words) > 1:
            raise ValueError("something follows the path (write \\: for a colon in it)")
        return Endpoint(path=_path(words[0]))
    if len(words) > 2:
        raise ValueError("too many colons: IPv6 addresses need brackets, as in [::1]:80")
    if len(words) < 2:
        raise ValueError("a port is missing")
    return Endpoint(_host(words[0]), _port(words[1], least=1))


def _host(word: _Word) -> str:
    return checked_host(word.text)


def checked_host(host: str) -> str:
    """Return a name or an address that can be one. Raises ValueError, with a text that is safe to print."""
    if not host:
        raise ValueError("a host is missing")
    if len(host) > _MOST_HOST:
        raise ValueError("the host's name is too long")
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError(f"[{printable(host, 60)}] is no IPv6 address") from None
    if any(letter in "/\\[]*" or letter.isspace() or not letter.isprintable() for letter in host):
        raise ValueError(f"{printable(host, 60)!r} is no host")
    return host


def _port(word: _Word, *, least: int) -> int:
    text = word.text
    if word.is_path or word.in_brackets or not text.isascii() or not text.isdigit() or len(text) > 5:
        raise ValueError(f"{printable(text, 60)!r} is no port")
    if not least <= int(text) <= _MOST_PORT:
        raise ValueError(f"port {text}: {least} to {_MOST_PORT} are possible")
    return int(text)


def _path(word: _Word) -> bytes:
    path = os.fsencode(word.text)
    if b"\0" in path or len(path) > _MOST_PATH:
        raise ValueError(f"the path of a Unix socket has at most {_MOST_PATH} bytes")
    return path
