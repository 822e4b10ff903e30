"""The sources of this repository, and what they import."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("natpass_relay", "natpass_agent", "natpass_tui")
PACKAGES = ("natpass_wire", *PROGRAMS)


@dataclass(frozen=True)
class Import:
    """An import: the module's full name, and where it is imported."""

    name: str
    path: str
    line: int

    def is_of(self, module: str) -> bool:
        """Tell whether this imports `module`, or something in or below it."""
        return self.name == module or self.name.startswith(module + ".")

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.name}"


def modules(*patterns: str) -> list[Path]:
    """Return the Python files that match, without generated ones."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.suffix == ".py"}
    return sorted(path for path in found if not path.name.endswith("_pb2.py") and "__pycache__" not in path.parts)


def relative(path: Path) -> str:
    """Return the path from the repository's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), relative(path))


@cache
def imports(path: Path) -> list[Import]:
    """Return all imports of a module, at any level; `from a import b` counts as `a` and as `a.b`."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, relative(path), node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno}: imports are absolute here"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [Import(name, relative(path), node.lineno) for name in [str(node.module), *names]]
    return found
