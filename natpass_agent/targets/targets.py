"""What consoles reach through this machine: the agent's own rules, and how many connections there may be."""

# Why: docs/decisions/088-rules-hold-for-addresses.md

from collections.abc import Hashable, Mapping, Sequence
from itertools import chain

from natpass_agent.targets.lookups import Lookups
from natpass_agent.targets.resolve import Resolver, text_of
from natpass_wire.aio.link import Link
from natpass_wire.channels.events import Endpoint
from natpass_wire.identity.authorized import Rights
from natpass_wire.identity.patterns import LOOPBACK, Patterns, Reach, parse
from natpass_wire.repeats import Repeats
from natpass_wire.stream.receiver import Room
from natpass_wire.text import printable

#: Options of `natpass-agent` with patterns.
ALLOW_FORWARD, ALLOW_LISTEN = "allow-forward", "allow-listen"
#: Open files that are left for all else: 256 programs have three pipes each. Half of them, if there are few.
_RESERVED = 1024
#: Connections at most, however many files there may be: each may have bytes that wait, some 64 KiB.
MOST_CONNECTIONS = 8192


class Rules:
    """The agent's rules, without I/O.

    Args:
        forward: what consoles may reach; None: everything that the machine does.
        listen: where they may listen; None: on loopback, or where a console's own rights say.
    """

    def __init__(self, forward: Patterns | None = None, listen: Patterns | None = None) -> None:
        self._forward = forward
        self._listen = listen

    @classmethod
    def of(cls, options: Mapping[str, Sequence[str]]) -> "Rules":
        """Return the rules of an agent's options; without a pattern an option was not given. Raises ValueError."""
        given = (options.get(name) for name in (ALLOW_FORWARD, ALLOW_LISTEN))
        return cls(*(tuple(chain.from_iterable(map(parse, words))) if words else None for words in given))

    def forward(self, rights: Rights) -> Reach:
        """Return what a console with these rights may reach."""
        return Reach(tuple(each for each in (self._forward, rights.forward) if each is not None))

    def listen(self, rights: Rights) -> Reach:
        """Return where it may listen."""
        given = tuple(each for each in (self._listen, rights.listen) if each is not None)
        return Reach(given or (LOOPBACK,))

    def listen_advice(self, rights: Rights, address: Endpoint) -> str:
        """Return what would let a console with these rights listen at an address that is not allowed, for people."""
        if address.path:
            pattern = f"unix:{text_of(address)}"
        else:
            host = address.host or "localhost"
            pattern = f"{f'[{host}]' if ':' in host else printable(host)}:{address.port or '*'}"
        option, line = f"--{ALLOW_LISTEN} '{pattern}'", f'listen="{pattern}" in its authorized_consoles'
        if self._listen is None and rights.listen is None:  # short: a refusal is cut at 200 characters
            return f"{option}, or listen= in its authorized_consoles, would allow it"
        needed = [option] if self._listen is not None else []
        needed += [line] if rights.listen is not None else []
        return f"{' and '.join(needed)} would allow it"

    def extent(self, rights: Rights) -> str:
        """Return what a console may reach, and where it may listen, for people; empty if nothing was said of it."""
        said = []
        if (forward := self.forward(rights)).lists:
            said.append(f"to {forward.text}")
        if self._listen is not None or rights.listen is not None:
            said.append(f"listening at {self.listen(rights).text}")
        return "; ".join(said)


class Targets:
    """What the links of all kinds share that reach targets.

    Args:
        rules: the agent's rules.
        files: how many files the process may have open.
    """

    def __init__(self, rules: Rules | None = None, files: int = 1024) -> None:
        self.rules = Rules() if rules is None else rules
        #: Descriptors for connections. An owner has at most half of what others leave.
        self.descriptors = Room(min(files - min(_RESERVED, files // 2), MOST_CONNECTIONS))
        #: The windows of channels.
        self.windows = Room()
        #: What is logged of refused targets: a console may ask as often as it likes.
        self.repeats = Repeats()
        self._lookups = Lookups()

    @staticmethod
    def owner_of(link: Link) -> Hashable:
        """Return to whom a link's connections are counted."""
        return link.peer if link.peer_key is None else link.peer_key

    def resolver(self, link: Link) -> Resolver:
        """Return what looks names and paths up for a link."""
        return Resolver(lookups=self._lookups, owner=self.owner_of(link))
