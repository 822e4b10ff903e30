"""Writes `docs/options.md` from the programs' own options: `python docs/generate.py`, or `make docs`."""

import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

PAGE = Path(__file__).resolve().parent / "options.md"
sys.path.insert(0, str(PAGE.parents[1]))

from natpass_agent.cli import command as agent  # noqa: E402 - behind the path to it
from natpass_relay.cli import command as relay  # noqa: E402 - the path comes first
from natpass_tui.cli import command as console  # noqa: E402 - the path comes first
from natpass_wire.program.options import common_options, connection_options, state_options  # noqa: E402 - the path comes first

#: Characters of a line.
WIDTH = 110
PROGRAMS = {"natpass-relay": relay, "natpass-agent": agent, "natpass-tui": console}
HEAD = """\
# Options

`make docs` generates this page from the programs; `--help` says the same.

- A value comes from the command line, else the environment, the [config file](config.md), or the default.
- In a config file the key of an option is its long name without the dashes.
- Options may stand before or after a subcommand.
- Every command has `-h`, `--help`.
"""


def shared(add: Callable[[Any], Any]) -> list[click.Option]:
    """Return the options that a decorator adds to a command."""

    def command() -> None:
        pass

    return list(reversed(getattr(add(command), "__click_params__")))  # noqa: B009 - click's, for its own use


_OF_ALL = shared(common_options)
_OF_THE_WAY = shared(connection_options)
_NAMES = {option.name for option in (*_OF_ALL, *_OF_THE_WAY)}
#: Options that several commands have, in the order of their sections.
SECTIONS: dict[str, tuple[str, list[click.Option]]] = {
    "All programs": ("Every command that connects or listens has these.", _OF_ALL),
    "The way to the relay": ("For `natpass-agent` and `natpass-tui`.", _OF_THE_WAY),
    "The screen": (
        "For `natpass-tui`, where it opens its screen.",
        [option for option in console.params if isinstance(option, click.Option) and option.name not in _NAMES],
    ),
    "The state directory": ("For commands that speak to no relay.", shared(state_options)),
}


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Return a command and all below it that are not hidden, with their paths."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from commands(child, f"{path} {name}")


def options(command: click.Command) -> list[click.Option]:
    """Return a command's options that are not hidden."""
    return [option for option in command.params if isinstance(option, click.Option) and not option.hidden]


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for title, (about, shown) in SECTIONS.items():
        parts.append(f"## {title}\n\n{about}\n\n" + "\n".join(_entry(option) for option in shown))
    for program, group in PROGRAMS.items():
        parts.append(f"## {program}")
        parts += [_section(path, command) for path, command in commands(group, program)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _section(path: str, command: click.Command) -> str:
    """Return what is said of a command: its usage, its own options, and the sections with the others."""
    own = {_said(option): option for option in options(command)}
    also = []
    for title, (_, group) in SECTIONS.items():
        texts = [_said(option) for option in group]
        if all(text in own for text in texts):
            also.append(f"[{title}](#{title.lower().replace(' ', '-')})")
            own = {text: option for text, option in own.items() if text not in texts}
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    summary = re.sub(r"\s+", " ", (command.help or "").split("\n\n", maxsplit=1)[0])
    lines = [f"### {path}", "", f"    {usage}", "", *textwrap.wrap(summary, WIDTH, break_on_hyphens=False)]
    if own:
        lines += ["", *(_entry(option) for option in own.values())]
    if also:
        lines += ["", *textwrap.wrap(f"Also: {', '.join(also)}.", WIDTH, break_on_hyphens=False)]
    return "\n".join(lines)


def _entry(option: click.Option) -> str:
    """Return an option as an item of a list."""
    return textwrap.fill(
        _said(option),
        WIDTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _said(option: click.Option) -> str:
    """Return an option in one line: its names, its value, its help and its default."""
    record = option.get_help_record(click.Context(click.Command("natpass")))
    assert record is not None
    names, text = record
    text = re.sub(r"\s*\[(default: [^\]]*)\]$", r" (\1)", re.sub(r"\s+", " ", text))
    return f"`{names}`: {text}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
