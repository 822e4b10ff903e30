"""No link is dead, and nothing is cited that is not there."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DECISIONS, ROOT, anchors, headings, name, pages, prose, text, texts

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
#: `docs/wire.md §4`, `docs/wire.md §2 and §5`, `docs/login.md, "Invites"`, `README.md ("Run as services")`.
_PAGE = re.compile(r"(?<![\w/.*{}\[-])((?:[\w.-]+/)*[\w-]+\.md)\b((?:(?: and)? §\d+)*)(?:,? \(?\"([^\"\n]+)\")?")
_SOURCE = re.compile(
    r"(?<![\w/.-])(?:natpass_(?:wire|relay|agent|tui)|tests|proto|docs|screenshots)/[\w./-]*\w|"
    r"(?<![\w/.-])natpass_(?:wire|relay|agent|tui)(?:\.\w+)+"
)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for match in _LINK.finditer(prose(page)):
        link = match[1] or match[2]
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


def test_cited_pages_and_sections_are_there() -> None:
    dead = []
    for path in texts():
        for match in _PAGE.finditer(text(path)):
            found = next((base / match[1] for base in (ROOT, path.parent) if (base / match[1]).is_file()), None)
            sections = re.findall(r"§(\d+)", match[2])
            if (
                found is None
                or any(not any(heading.startswith(f"{n}. ") for heading in headings(found)) for n in sections)
                or (match[3] and match[3] not in headings(found))
            ):
                dead.append(f"{name(path)}: {match[0]}")
    assert not dead


@pytest.mark.parametrize("page", pages(), ids=name)
def test_pages_name_sources_that_are_there(page: Path) -> None:
    assert not [cited for cited in _SOURCE.findall(text(page)) if not _exists(cited)]


#: The kind that `docs/new-kind.md` makes up.
MADE_UP = re.compile(r"/files\b")


def _exists(cited: str) -> bool:
    if MADE_UP.search(cited):
        return True
    if "/" in cited:
        return (ROOT / cited).exists()
    package, module, *_ = cited.split(".")  # what is in the module is not looked for
    return (ROOT / package / module).is_dir() or (ROOT / package / f"{module}.py").is_file()


DECIDED = sorted(DECISIONS.glob("[0-9]*.md"))


def test_decisions_are_numbered_and_listed() -> None:
    assert [int(path.name[:3]) for path in DECIDED] == list(range(1, len(DECIDED) + 1))
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", text(DECISIONS / "README.md"), re.MULTILINE)
    assert listed == [(headings(path)[0], path.name) for path in DECIDED]


@pytest.mark.parametrize("decision", DECIDED, ids=lambda path: path.stem)
def test_a_decision_is_whole_and_cited_where_it_shows(decision: Path) -> None:
    assert headings(decision)[0].startswith(f"{int(decision.name[:3])}. ")
    assert re.findall(r"^\*\*(\w+)\.\*\* \S", text(decision), re.MULTILINE) == ["Context", "Decision", "Consequence"]
    citing = [path for path in texts() if path.suffix != ".md" and f"# Why: {name(decision)}" in text(path)]
    assert citing, f"write '# Why: {name(decision)}' in the code where it shows"
