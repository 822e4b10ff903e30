"""The console in kitty, on a headless X server (Mesa draws): keys go through kitty's own keyboard protocol."""

import json
from pathlib import Path

from tests.interop.place import place, run
from tests.interop.tool import Tool
from tests.support.waiting import wait_until
from tests.support.xserver import x_server


def small(folder: Path) -> None:
    """Type a command, and read the window through kitty's remote control."""
    socket = f"unix:{folder / 'kitty'}"
    with place(folder) as console, x_server("1024x768", "+extension", "GLX") as server:
        env = console.env | {"DISPLAY": server.display, "LIBGL_ALWAYS_SOFTWARE": "1", "KITTY_ENABLE_WAYLAND": "0"}
        words = ["kitty", "--config", "NONE", "-o", "allow_remote_control=yes", "--listen-on", socket]
        command = console.words("shell", "box", "--exec", "/bin/sh")
        environment = ("env", *(f"{name}={value}" for name, value in env.items()))
        with server.program(*environment, *words, *command):
            wait_until((folder / "kitty").exists, "kitty", 30)

            def kitty(*arguments: str) -> str:
                return run("kitty", "@", "--to", socket, *arguments, env=env)

            wait_until(lambda: "$" in kitty("get-text") or "#" in kitty("get-text"), "a prompt", 30)
            kitty("send-text", "stty size; echo do''ne\\r")
            wait_until(lambda: "\ndone" in kitty("get-text"), "the output", 30)
            (window,) = json.loads(kitty("ls"))[0]["tabs"][0]["windows"]
            assert f"{window['lines'] - 2} {window['columns']}" in kitty("get-text")


TOOL = Tool("the console in kitty", {"kitty": "kitty", "Xvfb": "xvfb"}, small)
