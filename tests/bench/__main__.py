"""Runs the measurements: `python -m tests.bench [names...]`, by default all of them."""

import importlib
import sys
from pathlib import Path

from tests.bench import limits

#: Modules that are not measurements.
_HELPERS = {"__init__", "__main__", "limits", "tracer"}

#: Measurements that run only on request: they print a list, not a figure.
_LISTS = {"crossings"}


def names() -> list[str]:
    """Return the names of the measurements."""
    return sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - _HELPERS)


def main() -> int:
    """Run the chosen measurements; return 2 for an unknown name."""
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
