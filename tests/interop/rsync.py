"""rsync with `natpass-tui exec` instead of ssh."""

import random
import shlex
from pathlib import Path

from tests.interop.place import Place, place, run
from tests.interop.tool import Tool


def _remote_shell(where: Path, console: Place) -> Path:
    """Write the script that rsync runs instead of ssh: `remote HOST COMMAND...`."""
    words = shlex.join(console.words("exec"))
    script = where / "remote"
    script.write_text(f'#!/bin/sh\nhost=$1\nshift\nexec {words} "$host" -- "$@"\n')
    script.chmod(0o755)
    return script


def _make(tree: Path, files: int, most: int) -> None:
    chance = random.Random(3)
    for number in range(files):
        path = tree / f"folder {number % 7}" / f"é {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randrange(most)))
    (tree / "link").symlink_to("folder 1")


def _contents(tree: Path) -> dict[str, bytes | str]:
    return {
        path.relative_to(tree).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def _both_ways(folder: Path, files: int, most: int) -> None:
    source, target, back = folder / "source", folder / "target", folder / "back"
    _make(source, files, most)
    with place(folder) as console:
        rsync = ("rsync", "-a", "--delete", "-e", str(_remote_shell(folder, console)))
        run(*rsync, f"{source}/", f"box:{target}/", timeout=600, env=console.env)
        assert _contents(target) == _contents(source)
        changed = source / "folder 1" / "é 1"
        changed.write_bytes(changed.read_bytes() + b"more")
        (source / "folder 2" / "é 2").unlink()
        run(*rsync, f"{source}/", f"box:{target}/", timeout=600, env=console.env)
        assert _contents(target) == _contents(source)
        run(*rsync, f"box:{target}/", f"{back}/", timeout=600, env=console.env)
        assert _contents(back) == _contents(source)


def small(folder: Path) -> None:
    """Copy a few files to the agent, with a change, and back."""
    _both_ways(folder, 20, 20_000)


def heavy(folder: Path) -> None:
    """Copy 5000 files of up to 100 kB."""
    _both_ways(folder, 5000, 100_000)


TOOL = Tool("rsync over `natpass-tui exec`", {"rsync": "rsync"}, small, heavy)
