"""The repository's layout."""

import ast
import importlib
import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from natpass_agent.links import FOLDERS
from natpass_tui import links
from tests.architecture.sources import PACKAGES, PROGRAMS, ROOT, modules, relative, tree

SCRIPTS = {"natpass-relay": "natpass_relay", "natpass-agent": "natpass_agent", "natpass-tui": "natpass_tui"}
KINDS = tuple(kind.name for kind in links.kinds())
#: Kinds of existing programs that need no more than `link.proto`.
IN_LINK_PROTO = {"tcp", "udp"}
MOST_LINES = 500

#: Parts that must exist: a rule about a removed module would always hold.
REQUIRED = [
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile", ".ci/run"),
    *("pyproject.toml", "proto/generate.py", "screenshots/__main__.py", "tests/bench/__main__.py"),
    *("natpass_wire/frame.py", "natpass_wire/envelope.py", "natpass_wire/login/v2.py", "natpass_wire/aio/sockets.py"),
    *("natpass_relay/routing.py", "natpass_relay/admission.py", "natpass_relay/server.py", "natpass_relay/cli.py"),
    *(
        "natpass_agent/agent.py",
        "natpass_agent/policy.py",
        "natpass_agent/platform/__init__.py",
        "natpass_agent/cli.py",
    ),
    *("natpass_tui/app.py", "natpass_tui/model/__init__.py", "natpass_tui/screens/__init__.py", "natpass_tui/cli.py"),
    *("natpass_tui/terminal/engine.py", "natpass_tui/pixels/__init__.py"),
    *("tests/end_to_end/__init__.py", "tests/witness/__init__.py", "tests/wire/__init__.py"),
]


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("path", REQUIRED)
def test_required(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("side", ["natpass_agent/links", "natpass_tui/links", "tests/agent/links", "tests/tui/links"])
def test_every_kind_is_on_every_side(kind: str, side: str) -> None:
    assert (ROOT / side / kind / "__init__.py").is_file()
    assert kind in IN_LINK_PROTO or (ROOT / "proto" / f"{kind}.proto").is_file()


@pytest.mark.parametrize("side", ["natpass_agent/links", "natpass_tui/links", "tests/agent/links", "tests/tui/links"])
def test_no_kind_is_on_one_side_only(side: str) -> None:
    found = {path.parent.name for path in (ROOT / side).glob("*/__init__.py")}
    assert found <= set(KINDS), "a new kind is one .proto and a folder on each side: name it in the registries"


@pytest.mark.parametrize("folder", links.REGISTRY)
def test_a_kind_is_named_as_its_folder_at_the_console(folder: str) -> None:
    kind = importlib.import_module(folder).KIND
    assert folder == f"natpass_tui.links.{kind.name}"
    if kind.command is not None:
        assert kind.command().name == kind.name
    if kind.tabs is not None:
        assert callable(kind.tabs.opener())
    if kind.settings is not None:
        assert kind.settings()() is not None


def test_top_level_names_are_fixed() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    with_code = {name for name in folders if any((ROOT / name).rglob("*.py"))} - {"build", "dist"}
    assert with_code == {*PACKAGES, "proto", "tests", "screenshots", "docs"}
    assert not list(ROOT.glob("*.py"))


def test_the_three_commands_exist() -> None:
    assert pyproject()["project"]["scripts"] == {name: f"{package}.cli:main" for name, package in SCRIPTS.items()}
    readme = (ROOT / "README.md").read_text()
    for name, package in SCRIPTS.items():
        assert name in readme
        assert callable(importlib.import_module(f"{package}.cli").main)
    assert "make demo" in readme
    assert "make test" in readme


def test_the_makefile_has_the_commands_of_the_contract() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "lint", "bench", "proto", "screenshots"):
        assert f"\n{target}:" in makefile


def test_generated_code_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "proto" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = ModuleType("generate")
    generate.__dict__["__file__"] = spec.origin
    spec.loader.exec_module(generate)
    assert generate.stale() == [], "run 'make proto'"


def test_modules_are_short() -> None:
    paths = modules(*(f"{folder}/**/*.py" for folder in (*PACKAGES, "tests", "proto", "screenshots")))
    lines = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_the_app_is_a_frame() -> None:
    assert len((ROOT / "natpass_tui" / "app.py").read_text().splitlines()) < 200


#: Other places that may check the platform: the wire chooses its event loop.
PLATFORM_MODULES = {"natpass_wire/aio/runtime.py"}
#: Folders of platform-specific code that are named for their purpose.
_WORKER = "natpass_agent/links/desktop/worker"
PLATFORM_FOLDERS = tuple(f"{_WORKER}/{name}/" for name in ("screen", "input", "clipboard"))


def test_the_platform_is_asked_for_in_its_folders_only() -> None:
    broken = [
        relative(path)
        for path in modules(*(f"{package}/**/*.py" for package in PACKAGES))
        if "platform" not in path.parts
        and not relative(path).startswith("natpass_wire/program/platform")
        and relative(path) not in PLATFORM_MODULES
        and not relative(path).startswith(PLATFORM_FOLDERS)
        if any(_asks_for_the_platform(node) for node in ast.walk(tree(path)))
    ]
    assert not broken


def _asks_for_the_platform(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    return (node.value.id, node.attr) in {("sys", "platform"), ("os", "name")}


#: The form of an exception to a rule of the linter or type checker.
EXCEPTION = r"# (noqa: [A-Z0-9, ]+ - |type: ignore\[[a-z, -]+\]  # )\S"


def test_every_exception_to_a_rule_has_its_reason_beside_it() -> None:
    """`# noqa: RULE - why`, `# type: ignore[rule]  # why`."""
    broken = [
        f"{relative(path)}:{number}"
        for path in modules(*(f"{package}/**/*.py" for package in PACKAGES))
        if "pb" not in path.parts  # generated
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search("# (noqa|type: ignore)", line) and not re.search(EXCEPTION, line)
    ]
    assert not broken


def test_tests_do_not_sleep() -> None:
    """They wait for conditions: `tests.support.waiting`. (`asyncio.sleep(0)` only yields to the loop.)

    Programs that make load at a rate may.
    """
    at_a_rate = {"bench", "outside", "soak"}
    broken = [
        f"{relative(path)}:{node.lineno}"
        for path in modules("tests/**/*.py")
        if relative(path) != "tests/support/waiting.py" and not at_a_rate & set(path.parts)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and _sleeps(node)
    ]
    assert not broken


def _sleeps(call: ast.Call) -> bool:
    function = call.func
    named = isinstance(function, ast.Attribute) and function.attr == "sleep" and isinstance(function.value, ast.Name)
    if not named or function.value.id not in {"time", "asyncio"}:  # type: ignore[attr-defined]
        return False
    zero = call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
    return not zero


#: Tests of more than one program, or of the tests themselves.
ACROSS = {
    "architecture",
    "bench",
    "chaos",
    "docs",
    "end_to_end",
    "fuzz",
    "hostile",
    "interop",
    "soak",
    "support",
    "witness",
}


def test_tests_mirror_the_sources() -> None:
    """A test is in the folder of its subject, or in one for tests of more than one program."""
    tests = ROOT / "tests"
    mirrors = {"wire", "relay", "agent", "tui"}
    strays = []
    for path in modules("tests/**/test_*.py"):
        side, *folders = path.parent.relative_to(tests).parts
        if side in mirrors:
            if not ROOT.joinpath(f"natpass_{side}", *folders).is_dir():
                strays.append(relative(path))
        elif side not in ACROSS:
            strays.append(relative(path))
    assert not strays
    assert all(list((tests / side).glob("test_*.py")) for side in mirrors)


def test_packages_are_what_is_built() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    assert set(built) == set(PACKAGES)
    assert set(SCRIPTS.values()) == set(PROGRAMS)
    assert Path(ROOT / "LICENSE").read_text().startswith("MIT")
