"""Runs the heavy cases: `python -m tests.interop [tools...]`, by default all of them; `--list` names them."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.interop.tools import TOOLS


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.interop", description=__doc__)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help="which; default: all")
    parser.add_argument("--list", action="store_true", help="list the tools, and which are not installed")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen tools; return 1 if a case failed, 2 for an unknown tool."""
    told = options().parse_args(arguments)
    if unknown := set(told.tools) - TOOLS.keys():
        print(f"no such tool: {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}", file=sys.stderr)
        return 2
    failures = 0
    for name in told.tools or TOOLS:
        tool = TOOLS[name]
        if tool.missing:
            print(f"{name:10}not installed: apt install {' '.join(tool.missing)} ({tool.about})")
            continue
        if told.list:
            print(f"{name:10}{tool.about}")
            continue
        since = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"natpass-{name}-") as folder:
            try:
                (tool.heavy or tool.small)(Path(folder))
            except pytest.skip.Exception as error:
                print(f"{name:10}skipped: {error.msg}", flush=True)
                continue
            except AssertionError as error:
                failures += 1
                print(f"{name:10}FAILED: {error}", flush=True)
                continue
        print(f"{name:10}ok in {time.monotonic() - since:.1f} s: {tool.about}", flush=True)
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
