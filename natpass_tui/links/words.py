"""How to speak of what a kind's tabs show."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What a kind calls what its tabs show.

    Attributes:
        noun: ``shell``.
        at: how it stands to its agent: ``on``.
        ends_with_tab: something of value ends with the tab, so that closing it is asked for twice.
    """

    noun: str
    at: str
    ends_with_tab: bool = True
