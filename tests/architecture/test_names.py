"""One word for one thing: no two classes share a name."""

import ast
from collections import defaultdict

from tests.architecture.sources import PACKAGES, modules, relative, tree

#: Names that mean the same thing in several places, and why each of them is right.
ALLOWED = {
    "Kind": "the descriptor of a link kind: each program has its own, with what it needs to know",
    "RawTerminal": "one for each platform, in one module: only one of them exists",
}


def test_no_two_public_classes_share_a_name() -> None:
    """Nested classes count as well: a reader searches for the last word of `PromptLine.PromptLeft`."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in modules(*(f"{package}/**/*.py" for package in PACKAGES)):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{relative(path)}:{node.lineno}")
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in shared.items() if name not in ALLOWED} == {}
    assert set(ALLOWED) == set(shared), "an exception that nothing needs"


def test_files_have_the_words_of_the_glossary() -> None:
    """`vnc`, `enrol` and `tui` are left to the wire, to users' files and to the package's name."""
    paths = modules(*(f"{package}/**/*.py" for package in PACKAGES), "tests/**/*.py")
    named = [relative(path).removeprefix("natpass_tui/").removeprefix("tests/tui/") for path in paths]
    assert [name for name in named if any(word in name for word in ("vnc", "enrol", "tui"))] == []
