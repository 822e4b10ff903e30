"""Regenerates natpass_wire/pb from the .proto files in this folder, or checks that it is fresh.

Usage: python proto/generate.py [--check]

`--check` generates into a temporary folder, compares, and exits 1 with the names of stale files.
"""

import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "natpass_wire" / "pb"
#: The package of the generated modules, from which they import each other.
VIRTUAL = "natpass_wire/pb"


def generate(root: Path) -> None:
    """Write the modules and their type stubs below `root`, at natpass_wire/pb.

    Raises:
        SystemExit: a .proto file is invalid; protoc has printed why.
    """
    root.mkdir(parents=True, exist_ok=True)
    google = resources.files("grpc_tools") / "_proto"
    arguments = ["protoc", f"-I{VIRTUAL}={HERE}", f"-I{google}", f"--python_out={root}", f"--pyi_out={root}"]
    arguments += [f"{VIRTUAL}/{source.name}" for source in sorted(HERE.glob("*.proto"))]
    if protoc.main(arguments) != 0:
        raise SystemExit(1)


def generated(folder: Path) -> dict[str, bytes]:
    """Return the name and content of each generated file in `folder`."""
    return {path.name: path.read_bytes() for path in folder.glob("*_pb2.py*")}


def stale() -> list[str]:
    """Return the names of generated files that differ from freshly generated ones."""
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh = generated(Path(scratch) / VIRTUAL)
    committed = generated(TARGET)
    return sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


def main() -> None:
    """Run the command line."""
    if "--check" in sys.argv[1:]:
        names = stale()
        if names:
            print(f"stale, run 'make proto': {', '.join(names)}", file=sys.stderr)
            raise SystemExit(1)
        return
    for name in generated(TARGET):
        (TARGET / name).unlink()
    generate(HERE.parent)


if __name__ == "__main__":
    main()
