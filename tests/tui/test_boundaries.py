"""What the console's parts may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import natpass_tui

ROOT = Path(natpass_tui.__file__).parent
#: What decides, and has to run without a screen.
MODELS = [
    *sorted(f"natpass_tui.model.{path.stem}" for path in (ROOT / "model").glob("*.py")),
    "natpass_tui.links.tab",
    "natpass_tui.links.life",
    "natpass_tui.links.shell.tab",
    "natpass_tui.links.shell.state",
    "natpass_tui.tty.request",
    "natpass_tui.cli",
]


def loaded_by(*modules: str) -> set[str]:
    """Return the top-level packages that a new interpreter has loaded after importing `modules`."""
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.programs
def test_the_model_and_the_command_load_no_textual() -> None:
    assert "textual" not in loaded_by(*MODELS)


@pytest.mark.parametrize("module", ["agents", "fleet", "times", "prefix", "tabs", "latency"])
def test_pure_parts_know_no_loop_clock_or_chance(module: str) -> None:
    text = (ROOT / "model" / f"{module}.py").read_text()
    for forbidden in ("asyncio", "time", "random", "socket", "secrets"):
        assert f"import {forbidden}\n" not in text, f"{module} imports {forbidden}"


def test_the_application_is_small() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) < 200


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_could_parse_markup_is_told_not_to(path: Path) -> None:
    """Remote words reach nearly every widget: each one that takes text by itself says that it is plain."""
    parsers = {
        "Static",
        "Label",
        "notify",
        "Option",
        "Button",
        "Checkbox",
        "add_option",
        "from_markup",
        "render_markup",
    }
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            plain = any(word.arg == "markup" and ast.unparse(word.value) == "False" for word in node.keywords)
            assert plain or name not in parsers, f"line {node.lineno}: {name} without markup=False"
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                assert getattr(target, "attr", "") not in {"tooltip", "border_title", "border_subtitle"}, node.lineno
