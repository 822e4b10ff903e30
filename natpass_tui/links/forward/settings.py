"""The settings of the tabs of forwards: the rules of the config file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from natpass_tui.links.forward.rules import ForwardRule, parse_tables
from natpass_wire.text import printable


@dataclass(frozen=True, slots=True)
class ForwardSettings:
    """The settings of tabs of forwards.

    Attributes:
        rules: the rules of the config file, by agent.
    """

    rules: Mapping[str, Sequence[ForwardRule]] = field(default_factory=dict)

    @staticmethod
    def options() -> Iterable[Callable[[Any], Any]]:
        """Return no options, see `natpass_tui.links.kind.KindSettings`."""
        return ()

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings for the values of options and config file.

        Raises:
            UserError: a table is invalid.
        """
        return cls(parse_tables(values.get("forward") or (), printable(str(values.get("config") or ""))))
