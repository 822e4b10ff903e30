"""What a link kind is to the agent: the descriptor that each kind's folder exports as `KIND`.

All that is shared between kinds asks it: rights, limits, the roster, `natpass-agent --help` and `status`. It is cheap
to import: the code that serves links is loaded when a server is made, and a worker's when the worker runs.
"""

# Why: docs/decisions/064-kinds-describe-themselves.md

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.running import Running
    from natpass_agent.platform.programs import Programs
    from natpass_wire.aio.link import IncomingLink, Link
    from natpass_wire.identity.authorized import Rights

#: An opener of an existing program waits 1 s for its answer (docs/wire.md §5); this leaves some of it to the network.
ANSWER_SECONDS = 0.8
#: What a console that may only look is told by a kind that has nothing to look at.
ONLY_LOOK = "your console's key may only look at the desktop here (read-only)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the links of a kind may take.

    Attributes:
        holds_process: whether each link holds a process. Links that do share the agent's places, whatever their kind.
        places: how many links of this kind there may be at once, those that are being ended included; one opener gets
            half of them. None: as many as the agent's places for processes.
        answer_seconds: within this time every link is answered.
        keep_seconds: how long a link is kept while its opener is away; None: as `--keep-links` says, which no kind
            exceeds.

    Raises:
        ValueError: nothing limits the links.
    """

    holds_process: bool = True
    places: int | None = None
    answer_seconds: float = ANSWER_SECONDS
    keep_seconds: float | None = None

    def __post_init__(self) -> None:
        if not self.holds_process and self.places is None:
            raise ValueError("a kind without processes needs a number of places")


@dataclass(frozen=True, slots=True)
class Option:
    """An option of `natpass-agent` that only one kind has a use for; its value is a text.

    Attributes:
        name: without the dashes in front; also the key in the config file.
        metavar: what its value is called in `--help`.
        help: what `--help` says of it.
    """

    name: str
    metavar: str
    help: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that a kind starts from our own command.

    Attributes:
        name: the first argument of the command; hidden from `--help`.
        main: runs it with the arguments behind that, and returns its exit status.
    """

    name: str
    main: Callable[[Sequence[str]], int]


@dataclass(frozen=True, slots=True)
class Services:
    """What a kind's server is made from, beside the services of the platform that it asks for itself.

    Attributes:
        programs: finds programs and their environment.
        options: the values of the kinds' own options, by name; an option that was not given is None or absent.
    """

    programs: "Programs"
    options: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Kind:
    """A link kind.

    Attributes:
        number: its number on the wire.
        wire_name: its name on the wire: in the roster, and so in logs and in `natpass-agent status`.
        name: its name for people, as in `kinds="..."` of `authorized_consoles`.
        make_server: makes what serves it.
        read_only: why a console that may only look is refused; None: it is served, and the server sees to it that
            nothing is changed.
        allows_unsealed: whether `--allow-unsealed` is enough for links that are not sealed.
        limits: what its links may take.
        serves: what `natpass-agent --help` says is served, such as `shells`; empty: the word of another kind says it.
        keeps: what `--keep-links` says is kept, such as `shell`; empty: nothing that a person would miss.
        options: its own options of `natpass-agent`.
        worker: the process that it starts from our own command, if there is one.
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


class KindServer(Protocol):
    """Serves the links of one kind."""

    @property
    def kind(self) -> Kind:
        """The kind's descriptor."""

    def running(self, link: "Link") -> "Running | None":
        """Return what runs for a link of this kind, None if nothing does (yet, or any more)."""

    async def serve(self, link: "IncomingLink", request: ConnectRequest, rights: "Rights" = ...) -> None:
        """Accept or refuse the link within a second, and serve it until it has ended.

        The opener's rights (default: all) allow the kind; whether it may do more than look is the kind's to see to.

        Cancelled when the agent stops: clean up then, everything that was started for the link has to end with it.
        An exception ends the link, never the agent.
        """
