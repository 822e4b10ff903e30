"""The file `authorized_consoles`: which consoles an agent serves, and what each may do. Pure.

One console a line, as in sshd's authorized_keys: options (commas between them, no spaces outside quotes), the key, and
a comment that says whose key it is.

    x25519:KEY anna's laptop
    kinds="shell,exec",expiry-time="2026-12-31" x25519:KEY a contractor
    read-only x25519:KEY the screen in the hall

    kinds="..."         the link kinds that the console may use; default: all that the agent serves
    read-only           the console may look, and change nothing. Each kind decides what that means: a desktop is
                        shown without input and clipboard; shells and commands are refused, since no program can be
                        kept from changing something
    forward="..."       what its forwards may reach: patterns with commas between them, or `none` (see `patterns`);
                        default: all that the agent's machine reaches
    listen="..."        where its forwards may listen at the agent; default: loopback
    expiry-time="..."   until when: YYYY-MM-DD (the beginning of that day), YYYY-MM-DDTHH:MM or YYYY-MM-DDTHH:MM:SS,
                        with or without a Z. Always UTC, whatever the agent's time zone

Empty lines and lines that begin with `#` are ignored. A bad line grants nothing, as with sshd, and the other lines
stay valid: lines only ever grant, so one line less never grants too much. If the key of a bad line can be read, it is
refused with the line's number. A bad line must never count in part. So no comment may begin with an option (behind the
key it would have no effect), and two lines with one key both grant nothing, since nobody knows which was meant.

A bad line without a key may be the first part of a line that was wrapped: the next key may have been meant to have
these options, so it is refused, too. If it begins with an option and does not go on (with a comma, or a backslash), it
may also be the last part of the line just above, and that line's key is refused as well. So a line end in the wrong
place never grants more.

A grant that expires needs a clock that can be right: see `clock`.
"""

# Why: docs/decisions/074-doubt-grants-nothing.md

import codecs
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from natpass_wire.identity import fingerprint, patterns
from natpass_wire.identity.keys import PREFIX, PublicKey
from natpass_wire.identity.known import MalformedError
from natpass_wire.identity.patterns import Patterns
from natpass_wire.text import printable

#: Thousands of lines; a longer file is not ours.
MAX_BYTES = 1024 * 1024

_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?(,|[ \t]+|$)')
_VALUED = ("kinds", "forward", "listen", "expiry-time")
_NAMES = "kinds, read-only, forward, listen, expiry-time"
#: What begins with an option. A comment may begin with the word "forward" or "listen", as it always could.
_BEGINS = r"(?:(kinds|read-only|expiry-time)(?:[=,\s]|$)|(forward|listen)[ \t]*=)"
_OPTION_NAME = re.compile(_BEGINS)
_APART = re.compile(r"[ \t]+,?[ \t]*" + _BEGINS)
_KEY = re.compile(re.escape(PREFIX) + "[A-Za-z0-9+/]+=*")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?)Z?")


@dataclass(frozen=True, slots=True)
class Rights:
    """What a console may do.

    Attributes:
        kinds: the names of the link kinds that it may open, None for all that the agent serves.
        read_only: it may look, and change nothing.
        forward: what its forwards may reach, None for all that the agent allows.
        listen: where they may listen at the agent, None for what the agent allows without more words.
    """

    kinds: frozenset[str] | None = None
    read_only: bool = False
    forward: Patterns | None = None
    listen: Patterns | None = None


#: Everything: the rights of each client with the secret if there is no file.
ALL = Rights()


@dataclass(frozen=True, slots=True)
class Grant:
    """The grant of one line.

    Attributes:
        rights: what the console may do.
        until: when the grant ends, None if never.
    """

    rights: Rights
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that grants nothing.

    Attributes:
        number: which one, from 1.
        reason: what is wrong with it; safe to print.
    """

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line with a key.

    Attributes:
        number: which one, from 1.
        key: its key.
        comment: what is behind the key, as it is in the file.
    """

    number: int
    key: PublicKey
    comment: str


@dataclass(frozen=True, slots=True)
class AuthorizedConsoles:
    """The file's content.

    Attributes:
        grants: the grants, by key.
        faults: the lines that grant nothing, in their order.
        refused: the readable keys of these lines, with the first line of each. None of them is in `grants`.
        lines: the lines that grant something, in their order.
    """

    grants: dict[PublicKey, Grant]
    faults: tuple[Fault, ...] = ()
    refused: dict[PublicKey, int] = field(default_factory=dict)
    lines: tuple[Line, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, content: bytes, kinds: Collection[str]) -> "AuthorizedConsoles":
        """Parse the file.

        Args:
            content: the file.
            kinds: the names of all link kinds.

        Raises:
            MalformedError: it is too long to be such a file.
        """
        if len(content) > MAX_BYTES:
            raise MalformedError(f"line 1 and following: more than {MAX_BYTES} bytes")
        grants: dict[int, Grant] = {}  # by line
        faults: dict[int, str] = {}
        keys: dict[int, PublicKey] = {}  # of all lines with one, good and bad
        comments: dict[int, str] = {}
        wrapped = _Wrapped()
        content = content.removeprefix(codecs.BOM_UTF8)  # an editor's on Windows
        for number, raw in enumerate(content.split(b"\n"), 1):
            line = raw.decode(errors="replace").strip(" \t\r")
            if not line or line.startswith("#"):
                continue
            key = None
            try:
                raw.decode()
                key, grants[number], comments[number] = _grant(line, kinds)
            except UnicodeDecodeError:
                faults[number] = "not UTF-8"
            except ValueError as error:
                faults[number] = str(error)
            if key is None:
                key = _key_in(line)
            if key is not None:
                keys[number] = key
            for doubted, reason in wrapped.take(number, line, has_key=key is not None):
                faults.setdefault(doubted, reason)
        lines: dict[PublicKey, list[int]] = {}
        for number, key in keys.items():
            lines.setdefault(key, []).append(number)
        for numbers in lines.values():
            for number in numbers if len(numbers) > 1 else ():
                other = numbers[1] if number == numbers[0] else numbers[0]
                faults.setdefault(number, f"the same key as in line {other}")
        return cls(
            {key: grants[numbers[0]] for key, numbers in lines.items() if numbers[0] not in faults},
            tuple(Fault(number, faults[number]) for number in sorted(faults)),
            {key: numbers[0] for key, numbers in lines.items() if numbers[0] in faults},
            tuple(Line(number, key, comments[number]) for number, key in keys.items() if number not in faults),
        )

    @property
    def expires(self) -> bool:
        """Whether a line expires, so that the time matters."""
        return any(grant.until is not None for grant in self.grants.values())

    def rights_of(self, key: PublicKey, now: datetime | None) -> Rights | str:
        """Return what the console with this key may do, or a text that says why it may do nothing.

        Args:
            key: the console's key.
            now: the time; None if it is not known, since the clock can't be right.
        """
        if key in self.refused:
            return (
                f"line {self.refused[key]} of this agent's authorized_consoles, with your console's key, is invalid: "
                "its log says why"
            )
        grant = self.grants.get(key)
        if grant is None:
            return (
                f"this agent does not know your console's key {fingerprint.short(key)} "
                "(natpass-tui fingerprint prints the line for its authorized_consoles)"
            )
        if grant.until is not None and now is None:
            return "your console's key expires here, and this agent's clock is wrong: its log says why"
        if grant.until is not None and now is not None and now >= grant.until:
            return f"your console's key was welcome here until {grant.until:%Y-%m-%d %H:%M} UTC"
        return grant.rights


class _Wrapped:
    """Finds the lines that may be parts of one line that was wrapped."""

    def __init__(self) -> None:
        self._above = 0  # the last line with a key, if only options that go on are between it and
        self._last = 0  # the last line
        self._bad = 0  # the first of the bad lines without a key since the last key

    def take(self, number: int, line: str, *, has_key: bool) -> Iterator[tuple[int, str]]:
        """Take the next line that is not ignored; yield the lines that are in doubt now, and why."""
        if has_key:
            if self._bad:
                yield number, f"line {self._bad} above has no key: the two may be one line that was wrapped"
            self._above, self._last, self._bad = number, number, 0
            return
        self._bad = self._bad or number
        if number != self._last + 1 or not _OPTION_NAME.match(line):
            self._above = 0
        elif self._above and not line.endswith((",", "\\")):
            yield self._above, f"line {number} below has options and no key: the two may be one line that was wrapped"
            self._above = 0
        self._last = number


def _grant(line: str, known: Collection[str]) -> tuple[PublicKey, Grant, str]:
    """Return the key, the grant and the comment of a line.

    Raises:
        ValueError: the line is invalid; the text is safe to print.
    """
    options: dict[str, str | None] = {}
    at = 0
    while not line.startswith(PREFIX, at):
        option = _OPTION.match(line, at)
        if option is None or (option[3] != "," and not line.startswith(PREFIX, option.end())):
            if _APART.match(line, at if option is None else option.start(3)):
                raise ValueError("put only a comma between options, no blanks")
            raise ValueError("not OPTIONS x25519:KEY COMMENT")
        name, value, separator = option.groups()
        if name in options:
            raise ValueError(f"the option {name} twice")
        options[name] = value
        at = option.end()
        if separator == "," and line.startswith(PREFIX, at):
            raise ValueError("a comma before the key")
    word, *comment = re.split("[ \t]+", line[at:], maxsplit=1)
    key = PublicKey.parse(word)
    if comment and (option := _OPTION_NAME.match(comment[0])):
        raise ValueError(f"{option[1] or option[2]} comes after the key, where it has no effect: options come first")
    for name, value in options.items():
        if name not in {*_VALUED, "read-only"}:
            raise ValueError(f"there is no option {name[:32]} ({_NAMES})")
        if (value is None) == (name in _VALUED):
            raise ValueError(f"the option {name} " + ('needs ="..."' if value is None else "has no value"))
    kinds, forward, listen, until = (options.get(name) for name in _VALUED)
    rights = Rights(
        None if kinds is None else _kinds(kinds, known),
        "read-only" in options,
        None if forward is None else _patterns("forward", forward),
        None if listen is None else _patterns("listen", listen),
    )
    return key, Grant(rights, None if until is None else _time(until)), comment[0] if comment else ""


def _patterns(name: str, value: str) -> Patterns:
    try:
        return patterns.parse(value)
    except ValueError as error:
        raise ValueError(f"{name}: {printable(str(error))}") from None


def _kinds(value: str, known: Collection[str]) -> frozenset[str]:
    names = frozenset(name.strip() for name in value.split(","))
    if not names <= set(known):
        raise ValueError(f"kinds are some of {', '.join(known)}, with commas between them")
    return names


def _time(value: str) -> datetime:
    try:
        if (time := _TIME.fullmatch(value)) is None:
            raise ValueError
        return datetime.fromisoformat(time[1]).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("expiry-time is YYYY-MM-DD, YYYY-MM-DDTHH:MM or YYYY-MM-DDTHH:MM:SS, in UTC") from None


def _key_in(line: str) -> PublicKey | None:
    """Return the key in an invalid line: the first word that looks like a key, None if it is not valid either."""
    found = _KEY.search(line)
    try:
        return None if found is None else PublicKey.parse(found[0])
    except ValueError:
        return None
