"""Import rules: the directions and boundaries of ARCHITECTURE.md."""

import ast
import subprocess
import sys
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from natpass_tui import links
from tests.architecture.sources import PACKAGES, PROGRAMS, ROOT, imports, modules, relative, tree

#: Modules for I/O, and those that make a function's result depend on more than its arguments.
IMPURE = (
    *("asyncio", "concurrent", "multiprocessing", "queue", "random", "secrets", "select", "selectors", "signal"),
    *("socket", "ssl", "subprocess", "textual", "threading", "time", "urllib.request", "uvloop", "websockets"),
    *("natpass_wire.aio", "natpass_wire.program"),
)

SOURCES = modules(*(f"{package}/**/*.py" for package in PACKAGES))


@dataclass(frozen=True)
class Rule:
    """Modules that match `patterns` import nothing of `forbidden`, except `allowed` (path: modules)."""

    why: str
    patterns: tuple[str, ...]
    forbidden: tuple[str, ...]
    allowed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    apart_from: tuple[str, ...] = ()


RULES = [
    Rule(
        "the wire's core is sans-IO",
        (
            "natpass_wire/*.py",
            "natpass_wire/login/*.py",
            "natpass_wire/stream/*.py",
            "natpass_wire/identity/*.py",
            "natpass_wire/sealed/*.py",
            "natpass_wire/invite/*.py",
        ),
        (*IMPURE, "os", "pathlib"),
    ),
    Rule(
        "the relay's decisions are pure",
        tuple(
            f"natpass_relay/{name}.py"
            for name in (
                "routing",
                "admission",
                "roster",
                "clients",
                "fastpath",
                "lobby",
                "lobby_room",
                "network_counts",
                "sources",
                "remembered",
                "proxy_protocol",
                "known_ids",
                "round_trips",
                "patience",
                "invites",
                "addresses",
            )
        ),
        (*IMPURE, "os", "pathlib"),
    ),
    Rule(
        "what is said on a control socket is pure",
        ("natpass_wire/program/control/protocol.py",),
        (*IMPURE, "os", "pathlib"),
    ),
    Rule(
        "the agent decides by what it is told alone",
        (
            "natpass_agent/policy.py",
            "natpass_agent/status.py",
            "natpass_agent/links/kind.py",
            "natpass_agent/links/shell/text.py",
        ),
        (*IMPURE, "os", "pathlib"),
        {"natpass_agent/links/kind.py": ("natpass_wire.aio.link",)},  # the types of its server
    ),
    Rule("pixels are pure", ("natpass_tui/pixels/*.py",), (*IMPURE, "os", "pathlib")),
    Rule(
        "the terminal engine draws nothing and waits for nothing",
        ("natpass_tui/terminal/*.py",),
        IMPURE,
    ),
    Rule(
        "the console's model is pure, except the module that holds the connection",
        ("natpass_tui/model/*.py",),
        tuple(module for module in IMPURE if module != "natpass_wire.aio"),  # for the connection's states
        {"natpass_tui/model/console.py": ("asyncio", "time")},
    ),
    Rule("the model knows no toolkit", ("natpass_tui/model/**/*.py", "natpass_tui/pixels/*.py"), ("textual", "rich")),
    Rule("the wire knows no program", ("natpass_wire/**/*.py",), PROGRAMS),
    *(
        Rule("programs never import one another", (f"{program}/**/*.py",), tuple(set(PROGRAMS) - {program}))
        for program in PROGRAMS
    ),
    Rule("programs do not import tests", tuple(f"{package}/**/*.py" for package in PACKAGES), ("tests", "screenshots")),
    Rule(
        "an agent starts without a display",
        tuple(f"{package}/**/*.py" for package in PACKAGES),
        ("mss", "pynput", "Xlib"),
        apart_from=("natpass_agent/links/desktop/worker/",),
    ),
    Rule(
        "pictures are the desktop's",
        tuple(f"{package}/**/*.py" for package in PACKAGES),
        ("PIL", "simplejpeg"),
        apart_from=("natpass_agent/links/desktop/worker/", "natpass_tui/links/desktop/"),
    ),
    Rule(
        "only the terminal's adapters know an engine",
        tuple(f"{package}/**/*.py" for package in PACKAGES),
        ("pyghostty", "pyte"),
        apart_from=("natpass_tui/terminal/",),
    ),
    Rule(
        "the toolkit is the console's",
        ("natpass_wire/**/*.py", "natpass_relay/**/*.py", "natpass_agent/**/*.py"),
        ("textual",),
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.why}: {rule.patterns[0]}")
def test_rule(rule: Rule) -> None:
    broken = [
        str(found)
        for path in modules(*rule.patterns)
        if not relative(path).startswith(rule.apart_from or ("-",))
        for found in imports(path)
        for module in rule.forbidden
        if found.is_of(module)
        if not any(found.is_of(allowed) for allowed in rule.allowed.get(relative(path), ()))
    ]
    assert not broken, rule.why


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.why}: {rule.patterns[0]}")
def test_a_rule_is_about_something(rule: Rule) -> None:
    """A renamed module does not escape its rule, and an unused exception is removed."""
    for pattern in rule.patterns:
        assert modules(pattern), f"nothing matches {pattern}"
    for path, allowed in rule.allowed.items():
        for module in allowed:
            assert any(found.is_of(module) for found in imports(ROOT / path)), f"{path} does not need {module}"


@pytest.mark.parametrize("side", ["natpass_agent", "natpass_tui", "tests/agent", "tests/tui"])
def test_kinds_never_import_each_other(side: str) -> None:
    kinds = [path.name for path in (ROOT / side / "links").iterdir() if (path / "__init__.py").exists()]
    broken = [
        str(found)
        for kind in kinds
        for path in modules(f"{side}/links/{kind}/**/*.py")
        for found in imports(path)
        for other in set(kinds) - {kind}
        for package in ("natpass_agent", "natpass_tui", "tests.agent", "tests.tui")
        if found.is_of(f"{package}.links.{other}")
    ]
    assert not broken


def test_modules_never_import_each_other_in_a_circle() -> None:
    """Imports only for the type checker count as well: two modules that need each other's types are one.

    The modules that a package's `__init__` exports may import it.
    """
    names = {".".join(path.with_suffix("").parts): path for path in map(Path, map(relative, SOURCES))}
    graph = {
        name: {found.name for found in imports(ROOT / path) if found.name in names and found.name != name}
        for name, path in names.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" is imported by ".join(error.args[1]))


def test_what_is_shared_at_the_console_knows_no_kind_by_name() -> None:
    """It uses the descriptors; only the registry names the folders."""
    names = {kind.name for kind in links.kinds()}
    shared = [
        path
        for path in modules("natpass_tui/**/*.py")
        if not any(relative(path).startswith(f"natpass_tui/links/{name}/") for name in names)
    ]
    imported = [str(found) for path in shared for found in imports(path) if any(map(found.is_of, links.REGISTRY))]
    named = [
        f"{relative(path)}:{node.lineno}: {node.value}"
        for path in shared
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    asked = [
        f"{relative(path)}:{node.lineno}: ConnectRequest.{node.attr}"
        for path in shared
        if "tty" not in path.parts  # its programs run in a shell's link
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "ConnectRequest"
        and node.attr in {*names, "vnc"}
    ]
    assert imported + named + asked == []


@pytest.mark.programs
@pytest.mark.parametrize(
    ("module", "never"),
    [
        (
            "natpass_agent.cli",
            [
                "mss",
                "pynput",
                "PIL",
                "Xlib",
                "simplejpeg",
                "numpy",
                "textual",
                "natpass_relay",
                "natpass_tui",
                "spake2",
            ],
        ),
        (  # the descriptors of the agent's kinds: the desktop's worker loads them as well
            "natpass_agent.links",
            [
                "asyncio",
                "click",
                "cryptography",
                "websockets",
                "mss",
                "pynput",
                "PIL",
                "numpy",
                "natpass_agent.platform",
            ],
        ),
        ("natpass_relay.cli", ["mss", "pynput", "PIL", "textual", "numpy", "natpass_agent", "natpass_tui", "spake2"]),
        ("natpass_wire.aio.client", ["textual", "click", "natpass_agent", "natpass_tui", "natpass_relay"]),
    ],
)
def test_what_a_program_never_loads_at_its_start(module: str, never: list[str]) -> None:
    """Indirect imports count as well: a fresh interpreter shows them."""
    question = f"import sys, {module}; print(*[name for name in {never!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
