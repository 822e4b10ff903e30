"""The settings of the shell kind."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import click

from natpass_tui.tty.request import ShellRequest


@dataclass(frozen=True, slots=True)
class ShellSettings:
    """The settings of shells.

    Attributes:
        request: the program of a shell tab.
        keeps_offline_input: whether input typed into a shell out of reach waits; otherwise it is refused.
    """

    request: ShellRequest = field(default_factory=ShellRequest)
    keeps_offline_input: bool = True

    @staticmethod
    def options() -> Iterable[Callable[[Any], Any]]:
        """Return the options, see `natpass_tui.links.kind.KindSettings`."""
        yield click.option(
            "--offline-input",
            type=click.Choice(["keep", "discard"]),
            default="keep",
            show_default=True,
            help="What happens to what you type into a shell while its agent can't be reached.",
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings for these options."""
        return cls(keeps_offline_input=values["offline_input"] == "keep")
