"""Lists our functions that one key crosses: console, relay, agent, the program's pty, and back.

All three are the real programs, the console in a terminal; `tracer` makes each of them log its calls. It counts the
calls for one key: from when it is typed until its echo shows.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.agent_programs import SECRET, Program
from tests.end_to_end.outer_terminal import OuterTerminal, outer_terminal

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]
PROGRAMS = ("natpass_tui", "natpass_relay", "natpass_agent")
#: The keys, typed one at a time and all different, so that each echo is unique; the first ones warm the relay's fast
#: path.
KEYS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAUSE_SECONDS = 0.3
_MOST_SECONDS = 5.0

Calls = list[tuple[float, str]]


def _calls(path: Path) -> Calls:
    """Return a program's calls, with their times."""
    lines = (line.split(" ", 2) for line in path.read_text().splitlines())
    return [(float(at), f"{file.removesuffix('.py')}: {name}") for at, file, name in lines]


def _program(module: str, arguments: list[str], folder: Path) -> Program:
    trace = f"import tests.bench.tracer as tracer; tracer.run({module!r}, {str(folder / module)!r})"
    return Program(module, arguments, folder, source=trace)


@contextmanager
def _console(folder: Path, port: int) -> Iterator[OuterTerminal]:
    trace = f"import tests.bench.tracer as tracer; tracer.run('natpass_tui', {str(folder / 'natpass_tui')!r})"
    options = ["--relay", f"127.0.0.1:{port}", "--state-dir", str(folder / "console")]
    command = [sys.executable, "-c", trace, "shell", *options, "box", "--", "sh", "-c"]
    command.append("stty raw -echo; printf ready; exec cat")
    env = {"NATPASS_SECRET": SECRET, "HOME": str(folder), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    with outer_terminal(24, 80, command, env) as terminal:
        terminal.wait_for("ready", timeout=60)
        yield terminal


def _type(terminal: OuterTerminal) -> list[tuple[float, float]]:
    """Type the keys; return when each was typed and its echo was seen."""
    found = []
    typed = "ready"
    for key in KEYS:
        time.sleep(_PAUSE_SECONDS)  # the previous key's effects are over
        typed += key
        begin = time.perf_counter()
        terminal.type(key)
        while typed not in terminal.text():
            if time.perf_counter() - begin > _MOST_SECONDS:
                raise RuntimeError(f"no echo of {key}:\n{terminal.text()}")
            time.sleep(0.0005)
        found.append((begin, time.perf_counter()))
    return found


def crossed(folder: Path) -> list[dict[str, list[str]]]:
    """Return for each key and program the functions that it crossed, in the order of their first calls."""
    options = ["--listen", "127.0.0.1:0", "--state-dir", str(folder / "relay")]
    with _program("natpass_relay", options, folder) as relay:
        port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        options = ["--relay", f"127.0.0.1:{port}", "--id", "box", "--state-dir", str(folder / "agent")]
        with _program("natpass_agent", options, folder) as agent:
            agent.said("logged in")
            with _console(folder, port) as terminal:
                windows = _type(terminal)
    calls = {program: _calls(folder / program) for program in PROGRAMS}
    return [
        {
            program: list(dict.fromkeys(name for at, name in calls[program] if begin <= at <= end))
            for program in PROGRAMS
        }
        for begin, end in windows
    ]


def main() -> int:
    """Count, and print the list of the median key."""
    with tempfile.TemporaryDirectory() as name:
        keys = crossed(Path(name))
    keys.sort(key=lambda key: sum(map(len, key.values())))
    counts = [sum(map(len, key.values())) for key in keys]
    middle = keys[len(keys) // 2]
    for program, names in middle.items():
        print(f"{program}: {len(names)}")
        for function in names:
            print(f"    {function}")
    wire = sorted(len(_of_wire(key)) for key in keys)
    print(f"functions of ours that a key crosses: {_spread(counts)}")
    print(f"distinct functions of natpass_wire, for the key and its echo in all programs: {_spread(wire)}")
    return 0


def _of_wire(key: dict[str, list[str]]) -> set[str]:
    """Return the functions of natpass_wire that a key crossed, each once."""
    return {name for names in key.values() for name in names if name.startswith("natpass_wire/")}


def _spread(counts: list[int]) -> str:
    """Return the median of sorted counts, with the smallest and the largest."""
    return f"{counts[len(counts) // 2]} ({counts[0]} to {counts[-1]}, {len(counts)} keys)"


if __name__ == "__main__":
    sys.exit(main())
