"""The words for a kind's tabs in messages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The words for a kind's tabs.

    Attributes:
        noun: the content's noun, such as ``shell``.
        at: the preposition before the agent's id, such as ``on``.
        ends_with_tab: whether something of value ends with the tab, so that closing it needs a confirmation.
    """

    noun: str
    at: str
    ends_with_tab: bool = True
