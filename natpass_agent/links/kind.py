"""The descriptor of a link kind, which each kind's folder exports as `KIND`.

All shared code asks it: rights, limits, the roster, `natpass-agent --help` and `status`. It is cheap to import: the
code that serves links is loaded when a server is made, and a worker's when the worker runs.
"""

# Why: docs/decisions/064-kinds-describe-themselves.md

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.arriving import Arriving
    from natpass_agent.links.lines import LinkLines
    from natpass_agent.links.running import Running
    from natpass_agent.platform.programs import Programs
    from natpass_agent.targets.targets import Targets
    from natpass_wire.aio.link import IncomingLink, Link
    from natpass_wire.identity.authorized import Rights

#: Seconds to answer a link: existing programs wait 1 s (docs/wire.md §5), and the network needs some of it.
ANSWER_SECONDS = 0.8
#: The refusal of a read-only console by a kind that has nothing to look at.
ONLY_LOOK = "your console's key may only look at the desktop here (read-only)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a kind's links.

    Attributes:
        holds_process: whether each link holds a process. Links that do share the agent's places, whatever their kind.
        places: how many links of this kind may exist at once, including those that are closing. None for as many as the
            agent's places for processes.
        places_of_key: how many of them one key may have at once (one client, if its key is not listed); None for as
            many as there are. The agent shares its places fairly in any case.
        answer_seconds: time limit for the answer to a link.
        keep_seconds: how long to keep a link while its opener is away, never longer than `--keep-links`; None for
            `--keep-links`.

    Raises:
        ValueError: nothing limits the links.
    """

    holds_process: bool = True
    places: int | None = None
    places_of_key: int | None = None
    answer_seconds: float = ANSWER_SECONDS
    keep_seconds: float | None = None

    def __post_init__(self) -> None:
        if not self.holds_process and self.places is None:
            raise ValueError("a kind without processes needs a number of places")


@dataclass(frozen=True, slots=True)
class Option:
    """An option of `natpass-agent` for one kind; its value is a text.

    Attributes:
        name: without the leading dashes; also the key in the config file.
        metavar: the name of its value in `--help`.
        help: its text in `--help`.
        is_repeatable: whether it may be given several times.
        check: raises ValueError for an invalid value; its text is for people, and safe to print.
    """

    name: str
    metavar: str
    help: str
    is_repeatable: bool = False
    check: Callable[[str], None] | None = None

    @property
    def key(self) -> str:
        """Its name among a command's values."""
        return self.name.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that a kind starts from our own command.

    Attributes:
        name: the first argument of the command; hidden from `--help`.
        main: runs it with the remaining arguments, and returns its exit status.
    """

    name: str
    main: Callable[[Sequence[str]], int]


@dataclass(frozen=True, slots=True)
class Services:
    """What a kind's server is made from, besides the platform's services that it gets for itself.

    Attributes:
        programs: finds programs and their environment.
        targets: what this machine reaches for consoles.
        arriving: the requests that come in pieces.
        options: the values of the kinds' own options, by name; an option that was not given is None or absent.
        repeated: the same of those that may be given several times.
    """

    programs: "Programs"
    targets: "Targets"
    arriving: "Arriving"
    options: Mapping[str, str | None] = field(default_factory=dict)
    repeated: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _all_of_it(rights: "Rights", repeated: Mapping[str, Sequence[str]]) -> str:
    return ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Kind:
    """A link kind.

    Attributes:
        number: its number on the wire.
        wire_name: its name on the wire: in the roster, and so in logs and in `natpass-agent status`.
        name: its name for people, as in `kinds="..."` of `authorized_consoles`. Kinds that allow the same share one.
        make_server: makes its server.
        read_only: why a read-only console is refused; None if it is served, and the server prevents changes.
        allows_unsealed: whether `--allow-unsealed` is enough for links that are not sealed.
        limits: the limits of its links.
        serves: its word in `natpass-agent --help`, such as `shells`; empty if another kind's word covers it.
        keeps: its word in the help of `--keep-links`, such as `shell`; empty if it keeps nothing of value to people.
        options: its own options of `natpass-agent`.
        worker: the process that it starts from our own command, if there is one.
        extent: returns what rights allow within the kind, given the options of `Services.repeated`; for
            `natpass-agent check`, empty if there is nothing to say.
    """

    number: ConnectRequest.Kind
    wire_name: str
    name: str
    make_server: Callable[[Services], "KindServer"]
    read_only: str | None = ONLY_LOOK
    allows_unsealed: bool = True
    limits: Limits = Limits()
    serves: str = ""
    keeps: str = ""
    options: tuple[Option, ...] = ()
    worker: Worker | None = None
    extent: Callable[["Rights", Mapping[str, Sequence[str]]], str] = _all_of_it


def names_of(kinds: Iterable[Kind]) -> str:
    """Return the names of kinds for people, each once, with commas between them."""
    return ", ".join(dict.fromkeys(kind.name for kind in kinds))


class KindServer(Protocol):
    """Serves the links of one kind."""

    @property
    def kind(self) -> Kind:
        """The kind's descriptor."""

    def running(self, link: "Link") -> "Running | None":
        """Return the program that runs for a link of this kind, None if there is none (yet, or any more)."""

    async def serve(self, link: "IncomingLink", request: ConnectRequest, rights: "Rights" = ...) -> None:
        """Accept or refuse the link within a second, and serve it until it has ended.

        The opener's rights (default: all) allow the kind; the kind itself has to enforce read-only rights.

        The agent cancels it when it stops: clean up then, and end everything that was started for the link. An
        exception ends the link, never the agent.
        """


@runtime_checkable
class Reviewing(Protocol):
    """A server whose links may lose a part of what they have, and go on."""

    def review(self, link: "IncomingLink", rights: "Rights") -> None:
        """Take the present rights of a link's opener, once a second, and end what they no longer allow."""


@runtime_checkable
class Logging(Protocol):
    """A server whose lines in the log are counted."""

    lines: "LinkLines"
