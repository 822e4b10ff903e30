"""The tools, by the names of their modules."""

import importlib
from pathlib import Path

from tests.interop.tool import Tool

#: Modules that are not tools.
_HELPERS = {"__init__", "__main__", "beyond", "pages", "place", "tool", "tools", "typing_x11"}


def _names() -> list[str]:
    stems = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(stem for stem in stems - _HELPERS if not stem.startswith("test_"))


TOOLS: dict[str, Tool] = {name: importlib.import_module(f"tests.interop.{name}").TOOL for name in _names()}
