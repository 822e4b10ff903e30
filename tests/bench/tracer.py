"""Runs one of our programs and logs each call of our functions, with the time: see `crossings`."""

import importlib
import os
import sys
import threading
import time
from pathlib import Path
from types import FrameType

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]
#: Where our functions are; generated code and comprehensions are left out.
_OURS = f"{ROOT}/natpass_"
_NO_FUNCTIONS = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>", "<module>")


def run(module: str, path: str) -> None:
    """Run the command of `module`; log each call to `path` as a line: seconds of the system's clock, file, function.

    A resumed coroutine counts as called again. The lines are written one by one: programs may be killed.
    """
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    cut = len(str(ROOT)) + 1

    def note(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(_OURS) and code.co_name not in _NO_FUNCTIONS:
            os.write(out, f"{time.perf_counter()} {code.co_filename[cut:]} {code.co_qualname}\n".encode())

    os.register_at_fork(after_in_child=lambda: sys.setprofile(None))  # children close inherited files
    main = importlib.import_module(f"{module}.cli").main
    threading.setprofile(note)
    sys.setprofile(note)
    main()
