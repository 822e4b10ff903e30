"""The example config files are what the programs take, and show every key."""

import re
from pathlib import Path

import click
import pytest

from natpass_agent.cli import command as agent
from natpass_relay.cli import command as relay
from natpass_tui.cli import command as console
from natpass_tui.login import CONFIG_KEYS
from natpass_wire.program.options import gather
from tests.docs.pages import DOCS, text

PROGRAMS = {"relay": relay, "agent": agent, "tui": console}
#: Options that cannot stand in a file.
NEVER = {"config", "version", "help", "invite"}
_SHOWN = re.compile(r"^#([a-z][a-z-]* = |\[\[)", re.MULTILINE)
_TABLE = re.compile(r"^#?\[\[([a-z-]+)\]\]", re.MULTILINE)


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def keys(program: str) -> dict[str, type]:
    return CONFIG_KEYS if program == "tui" else {}


def read(program: str, file: Path) -> dict[str, object]:
    """Return what the program, and a desktop of the console, make of a file."""
    context = PROGRAMS[program].make_context(f"natpass-{program}", ["--config", str(file)])
    if program == "tui":
        desktop = console.get_command(context, "desktop")
        assert desktop is not None
        context = desktop.make_context("desktop", ["web1"], parent=context)
    return gather(context, config_keys=keys(program))


def test_the_example_is_taken_as_it_is(program: str) -> None:
    read(program, DOCS / "config" / f"{program}.toml")


def test_all_that_it_shows_is_taken(program: str, tmp_path: Path) -> None:
    file = tmp_path / f"{program}.toml"
    file.touch(0o600)  # it shows secrets
    file.write_text(_SHOWN.sub(r"\1", text(DOCS / "config" / f"{program}.toml")))
    values = read(program, file)
    example = file.read_text()
    tables = set(_TABLE.findall(example))  # they are at the end, and their keys are a kind's own
    shown = set(re.findall(r"^([a-z-]+) = ", example.partition("[[")[0], re.MULTILINE)) | tables
    assert not {key for key in shown if key.replace("-", "_") not in values}


def test_it_shows_every_option_of_the_program(program: str) -> None:
    example = text(DOCS / "config" / f"{program}.toml")
    options = {str(p.name) for p in PROGRAMS[program].params if isinstance(p, click.Option)} | set(keys(program))
    shown = {key.replace("-", "_") for key in re.findall(r"^#?([a-z-]+) = ", example, re.MULTILINE)}
    shown |= set(_TABLE.findall(example))
    assert not options - NEVER - shown
