"""Runs the measurements: `python -m tests.bench [names...]`, all of them without a name."""

import importlib
import sys
from pathlib import Path

from tests.bench import limits

#: These measure nothing themselves.
_HELPERS = {"__init__", "__main__", "limits", "tracer"}

#: A list to read, not a figure: only on request.
_LISTS = {"crossings"}


def names() -> list[str]:
    """Return the modules of this folder that measure something."""
    return sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - _HELPERS)


def main() -> int:
    """Run those that are asked for; return 2 where one does not exist."""
    asked = sys.argv[1:] or [name for name in names() if name not in _LISTS]
    if unknown := set(asked) - set(names()):
        print(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(names())}", file=sys.stderr)
        return 2
    status = limits.main()
    for name in asked:
        print(f"\n== {name}", flush=True)
        status = max(status, importlib.import_module(f"tests.bench.{name}").main() or 0)  # some return nothing
    return status


if __name__ == "__main__":
    sys.exit(main())
