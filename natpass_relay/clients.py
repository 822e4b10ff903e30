"""Clients: the logged-in ends of links, to which the relay sends messages."""

from dataclasses import dataclass
from enum import Enum, auto


class Role(Enum):
    """What a client may do."""

    AGENT = auto()  # serves links, opens none
    CONSOLE = auto()  # opens links, serves none
    LEGACY = auto()  # logged in with an older dialect: both


@dataclass(eq=False, frozen=True, slots=True)
class Client:
    """One logged-in client, compared by identity: a successor under the same id is another client.

    It is abstract: its creator knows what is behind it (a connection, one day another relay).

    Attributes:
        client_id: its id.
        role: what it may do.
        idx: its index among the connections under one id, for peers up to 0.8.1 (`from_idx`); 0 for all others.
    """

    client_id: str
    role: Role
    idx: int = 0
