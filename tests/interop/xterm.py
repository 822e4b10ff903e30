"""The console in a real xterm, on a headless X server: keys are pressed there, and arrive on the agent."""

from contextlib import closing
from pathlib import Path

from tests.interop.place import place
from tests.interop.tool import Tool
from tests.interop.typing_x11 import press
from tests.support.waiting import wait_until
from tests.support.xserver import x_server


def small(folder: Path) -> None:
    """Type a command; the shell reports the terminal size of the console's view."""
    from Xlib.display import Display

    said = folder / "said"
    with place(folder) as console, x_server("1024x768") as server, closing(Display(server.display)) as display:
        command = console.words("shell", "box", "--exec", "/bin/sh")
        terminal = ["xterm", "-u8", "-geometry", "90x30+0+0", "-e", *command]
        environment = (
            "env",
            *(f"{name}={value}" for name, value in (console.env | {"DISPLAY": server.display}).items()),
        )
        with server.program(*environment, *terminal):
            wait_until(lambda: display.screen().root.query_tree().children, "xterm's window")
            ready = folder / "ready"

            def is_ready() -> bool:
                press(display, f"echo >{ready}\r")
                return ready.exists()

            wait_until(is_ready, "a shell that takes what is typed", 30, step=0.5)
            press(display, f"stty size >{said}\r")
            wait_until(lambda: said.exists() and said.read_text(), "an answer")
            assert said.read_text() == "28 90\n"  # without tabs and status


TOOL = Tool("the console in xterm", {"xterm": "xterm", "Xvfb": "xvfb"}, small)
