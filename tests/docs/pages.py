"""The pages of this repository, and what cites them."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DECISIONS = DOCS / "decisions"
#: Folders of text that may cite a page.
CITING = ("natpass_wire", "natpass_relay", "natpass_agent", "natpass_tui", "proto", "docs", "screenshots", "tests")
_SUFFIXES = {".py", ".proto", ".md", ".toml", ".service", ".sh", ".tcss"}
_HEADING = re.compile(r"#{1,6} (.*)")


def pages() -> list[Path]:
    """Return every page."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def texts() -> list[Path]:
    """Return every file of ours that may cite a page, pages included."""
    found = [path for folder in CITING for path in (ROOT / folder).rglob("*") if path.suffix in _SUFFIXES]
    found = [path for path in found if Path(__file__).parent not in path.parents]  # these look for more than they cite
    return sorted({*found, *pages(), ROOT / "pyproject.toml", ROOT / "Makefile"})


def name(path: Path) -> str:
    """Return the path from the repository's root."""
    return path.relative_to(ROOT).as_posix()


@cache
def text(path: Path) -> str:
    """Return a file's text."""
    return path.read_text(encoding="utf-8")


@cache
def prose(path: Path) -> str:
    """Return a page's text without its blocks of code."""
    kept = []
    in_block = False
    for line in text(path).splitlines():
        if line.startswith("```"):
            in_block = not in_block
        elif not in_block and not line.startswith("    "):
            kept.append(line)
    return "\n".join(kept)


@cache
def headings(path: Path) -> tuple[str, ...]:
    """Return a page's headings."""
    return tuple(match[1] for line in prose(path).splitlines() if (match := _HEADING.fullmatch(line)))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings(path)}
