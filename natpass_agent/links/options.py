"""The kinds' own options of `natpass-agent`."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from natpass_agent.links import KINDS
from natpass_agent.links.kind import Option
from natpass_wire.program.options import Command

_OPTIONS = tuple(option for kind in KINDS for option in kind.options)


def kind_options(command: Command) -> Command:
    """Add the kinds' own options to a command."""
    for option in reversed(_OPTIONS):
        add = click.option(
            f"--{option.name}",
            metavar=option.metavar,
            multiple=option.is_repeatable,
            callback=_checked(option),
            help=option.help,
        )
        command = add(command)
    return command


def kind_values(values: Mapping[str, Any]) -> tuple[dict[str, str | None], dict[str, tuple[str, ...]]]:
    """Return the values of these options by their names: of the single ones, and of the repeatable ones.

    Raises:
        click.BadParameter: one is invalid.
    """
    for option in _OPTIONS:  # those of the config file were not checked yet
        _check(option, values[option.key])
    return (
        {option.name: values[option.key] for option in _OPTIONS if not option.is_repeatable},
        {option.name: tuple(values[option.key]) for option in _OPTIONS if option.is_repeatable},
    )


def _checked(option: Option) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def check(_ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
        _check(option, value)
        return value

    return check


def _check(option: Option, value: Any) -> None:
    if option.check is None:
        return
    for text in value if option.is_repeatable else [value]:
        if text is not None:
            try:
                option.check(text)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint=f"--{option.name}") from None
