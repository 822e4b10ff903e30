"""What an attack is."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.hostile.outside.plan import Answer, Plan


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: for the command line.
        row: its row in SECURITY.md's table.
        has: what the attacker has: nothing, login (a verifier), or a key: exec (for commands only), forward (for these
            only), look (read-only).
        what: in a few words.
        run: does it, in the attacker's process.
        same_address: the honest users share the attacker's first address.
        seconds: how long the whole form is.
        bounded: how much of it tests do.
        with_desktop: the first agent has a screen.
        with_invite: an invite is open.
    """

    name: str
    row: int
    has: str
    what: str
    run: Callable[[Plan], Coroutine[Any, Any, Answer]]
    same_address: bool = False
    seconds: float = 20.0
    bounded: float = 1.0
    with_desktop: bool = False
    with_invite: bool = False
