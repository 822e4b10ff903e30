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
    expiry-time="..."   until when: YYYY-MM-DD (the beginning of that day), YYYY-MM-DDTHH:MM or YYYY-MM-DDTHH:MM:SS,
                        with or without a Z. Always UTC, whatever the agent's time zone

Empty lines and lines that begin with `#` are ignored. A bad line grants nothing, as with sshd, and the other lines
stay valid: lines only ever grant, so one line less never grants too much. If the key of a bad line can be read, it is
refused with the line's number. A bad line must never count in part. So no comment may begin with an option (behind the
key it would have no effect), and two lines with one key both grant nothing, since nobody knows which was meant.
"""

import codecs
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from natpass_wire.identity import fingerprint
from natpass_wire.identity.keys import PREFIX, PublicKey
from natpass_wire.identity.known import MalformedError

#: Thousands of lines; a longer file is not ours.
MAX_BYTES = 1024 * 1024

_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?(,|[ \t]+|$)')
_MISPLACED = re.compile(r"(kinds|read-only|expiry-time)([=,\s]|$)")
_APART = re.compile(r"[ \t]+,?[ \t]*(kinds|read-only|expiry-time)([=,\s]|$)")
_KEY = re.compile(re.escape(PREFIX) + "[A-Za-z0-9+/]+=*")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?)Z?")


@dataclass(frozen=True, slots=True)
class Rights:
    """What a console may do.

    Attributes:
        kinds: the names of the link kinds that it may open, None for all that the agent serves.
        read_only: it may look, and change nothing.
    """

    kinds: frozenset[str] | None = None
    read_only: bool = False


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
class AuthorizedConsoles:
    """The file's content.

    Attributes:
        grants: the grants, by key.
        faults: the lines that grant nothing, in their order.
        refused: the readable keys of these lines, with the first line of each. None of them is in `grants`.
    """

    grants: dict[PublicKey, Grant]
    faults: tuple[Fault, ...] = ()
    refused: dict[PublicKey, int] = field(default_factory=dict)

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
        lines: dict[PublicKey, list[int]] = {}  # those with a key, good and bad
        content = content.removeprefix(codecs.BOM_UTF8)  # an editor's on Windows
        for number, raw in enumerate(content.split(b"\n"), 1):
            line = raw.decode(errors="replace").strip(" \t\r")
            if not line or line.startswith("#"):
                continue
            key = None
            try:
                raw.decode()
                key, grants[number] = _grant(line, kinds)
            except UnicodeDecodeError:
                faults[number] = "not UTF-8"
            except ValueError as error:
                faults[number] = str(error)
            if key is None:
                key = _key_in(line)
            if key is not None:
                lines.setdefault(key, []).append(number)
        for numbers in lines.values():
            for number in numbers if len(numbers) > 1 else ():
                other = numbers[1] if number == numbers[0] else numbers[0]
                faults.setdefault(number, f"the same key as in line {other}")
        return cls(
            {key: grants[numbers[0]] for key, numbers in lines.items() if numbers[0] not in faults},
            tuple(Fault(number, faults[number]) for number in sorted(faults)),
            {key: numbers[0] for key, numbers in lines.items() if numbers[0] in faults},
        )

    def rights_of(self, key: PublicKey, now: datetime) -> Rights | str:
        """Return what the console with this key may do at the time `now`, or a text that says why it may do nothing."""
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
        if grant.until is not None and now >= grant.until:
            return f"your console's key was welcome here until {grant.until:%Y-%m-%d %H:%M} UTC"
        return grant.rights


def _grant(line: str, known: Collection[str]) -> tuple[PublicKey, Grant]:
    """Return the key and the grant of a line.

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
    if comment and (option := _MISPLACED.match(comment[0])):
        raise ValueError(f"{option[1]} comes after the key, where it has no effect: options come first")
    kinds, until, read_only = None, None, False
    for name, value in options.items():
        if name == "kinds" and value is not None:
            kinds = _kinds(value, known)
        elif name == "expiry-time" and value is not None:
            until = _time(value)
        elif name == "read-only" and value is None:
            read_only = True
        elif name in {"kinds", "expiry-time", "read-only"}:
            raise ValueError(f"the option {name} " + ('needs ="..."' if value is None else "has no value"))
        else:
            raise ValueError(f"there is no option {name[:32]} (kinds, read-only, expiry-time)")
    return key, Grant(Rights(kinds, read_only), until)


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
