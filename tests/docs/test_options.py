"""Every option and variable of the programs is on a page, and no page names one that is not there."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click
import pytest

from tests.docs.pages import DOCS, name, pages, text

#: Options of other programs that pages name: pip, useradd, systemctl, our Makefile's scripts.
OTHERS = {"--create-home", "--now", "--seed", "--shell", "--system", "--help", "--list"}


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_options", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()


def parameters() -> list[click.Option]:
    commands = [c for program, group in GENERATOR.PROGRAMS.items() for _, c in GENERATOR.commands(group, program)]
    return [option for command in commands for option in GENERATOR.options(command)]


def test_the_page_of_options_is_fresh() -> None:
    assert text(DOCS / "options.md") == GENERATOR.page(), "run 'make docs'"


def test_every_option_is_on_it() -> None:
    listed = text(DOCS / "options.md")
    missing = {said for option in parameters() for said in option.opts if not re.search(rf"{said}\b", listed)}
    assert not missing


def test_every_variable_is_on_the_page_of_config_files() -> None:
    variables = {option.envvar for option in parameters() if isinstance(option.envvar, str)}
    assert variables
    assert not {variable for variable in variables if f"`{variable}`" not in text(DOCS / "config.md")}


@pytest.mark.parametrize("page", pages(), ids=name)
def test_no_page_names_an_option_that_is_not_there(page: Path) -> None:
    known = {said for option in parameters() for said in option.opts} | OTHERS
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text(page)))
    assert not named - known


def test_every_path_may_begin_with_a_tilde() -> None:
    """Through `LocalPath`: a shell expands no `~` within quotes, and none in a config file."""
    assert not [option.opts for option in parameters() if isinstance(option.type, click.Path)]
