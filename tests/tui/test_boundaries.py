"""What the console's parts may import."""

import subprocess
import sys
from pathlib import Path

import pytest

import natpass_tui

ROOT = Path(natpass_tui.__file__).parent
#: What decides, and has to run without a screen.
MODELS = [
    *sorted(f"natpass_tui.session.{path.stem}" for path in (ROOT / "session").glob("*.py")),
    "natpass_tui.links.tab",
    "natpass_tui.links.life",
    "natpass_tui.links.shell.session",
    "natpass_tui.links.shell.state",
    "natpass_tui.links.shell.request",
    "natpass_tui.cli",
]


def loaded_by(*modules: str) -> set[str]:
    """Return the top-level packages that a new interpreter has loaded after importing `modules`."""
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_model_and_the_command_load_no_textual() -> None:
    assert "textual" not in loaded_by(*MODELS)


@pytest.mark.parametrize("module", ["agents", "fleet", "durations", "prefix", "tabs", "latency"])
def test_pure_parts_know_no_loop_clock_or_chance(module: str) -> None:
    text = (ROOT / "session" / f"{module}.py").read_text()
    for forbidden in ("asyncio", "time", "random", "socket", "secrets"):
        assert f"import {forbidden}\n" not in text, f"{module} imports {forbidden}"


def test_the_application_is_small() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) < 200
