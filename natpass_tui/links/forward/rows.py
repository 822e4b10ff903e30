"""The state of forwards, as tables and lines show it. Pure."""

from dataclasses import dataclass
from enum import Enum

from natpass_tui.links.forward.rules import ForwardRule


def about_target(target: str, text: str) -> str:
    """Return what went wrong with a target, named once: agents name it, too."""
    return text if not target or text.startswith(f"{target}: ") else f"{target}: {text}"


class ForwardState(Enum):
    """The state of a rule."""

    STARTING = "starting"
    LISTENING = "listening"
    WAITING = "waiting"  # for the agent; `why` says why
    FAILED = "failed"  # it is tried again; `last_error` says why


@dataclass(frozen=True, slots=True)
class ForwardRow:
    """One rule, now. All texts are safe to print.

    Attributes:
        rule: the rule.
        state: its state.
        address: where it listens, `HOST:PORT` or a path; empty while it does not. Port 0 is the real port here.
        open: its connections, or flows of datagrams, that are open.
        total: those that there have been.
        sent: bytes to the agent, of all connections.
        received: bytes from the agent.
        clients: who connected last, the newest first.
        last_error: what went wrong last; empty if nothing.
        error_at: when, in Unix seconds; 0 if nothing did.
        why: why it waits, if it does.
    """

    rule: ForwardRule
    state: ForwardState
    address: str = ""
    open: int = 0
    total: int = 0
    sent: int = 0
    received: int = 0
    clients: tuple[str, ...] = ()
    last_error: str = ""
    error_at: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One open connection, or flow of datagrams, now. All texts are safe to print.

    Attributes:
        rule: the rule that it belongs to.
        client: who connected.
        target: where it goes to.
        since: when it began, in Unix seconds.
        sent: bytes to the agent.
        received: bytes from the agent.
    """

    rule: ForwardRule
    client: str
    target: str
    since: float
    sent: int
    received: int
