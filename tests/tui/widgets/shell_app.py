"""A view with a local shell behind it, to be run in a real terminal: `python -m tests.tui.widgets.shell_app`."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios

from textual.app import App, ComposeResult
from textual.widgets import Static

from natpass_tui.driver import console_driver, prepare_keyboard, release_app_keys
from natpass_tui.widgets.terminal_view import TerminalView

assert sys.platform != "win32"  # Pseudo-terminals are a thing of POSIX.


class ShellApp(App[None], inherit_bindings=False):
    """The command runs in the view; the prefix key ends the application."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Static { height: 1; }"

    def __init__(self, command: list[str]) -> None:
        super().__init__(driver_class=console_driver())
        release_app_keys(self, "ctrl+q", "ctrl+c", "ctrl+p")
        self.command = command
        self.view = TerminalView()
        self.descriptor = -1
        self.room = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield self.view
        yield Static("ready", id="status", markup=False)

    def on_mount(self) -> None:
        self.view.focus()

    def on_painted_view_resized(self, message: TerminalView.Resized) -> None:
        if self.descriptor < 0:
            child, self.descriptor = pty.fork()
            if child == 0:
                os.execvp(self.command[0], self.command)
            self.run_worker(self.pump())
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", message.rows, message.cols, 0, 0))

    async def pump(self) -> None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        while True:
            loop.add_reader(self.descriptor, readable.set)
            await readable.wait()
            readable.clear()
            loop.remove_reader(self.descriptor)
            try:
                data = os.read(self.descriptor, 65536)
            except OSError:
                data = b""
            if not data:
                self.query_one("#status", Static).update("the shell ended")
                return
            await self.view.feed(data)

    def on_terminal_view_input(self, message: TerminalView.Input) -> None:
        os.write(self.descriptor, message.data)

    def on_painted_view_prefix_pressed(self) -> None:
        self.exit()

    def on_terminal_view_title_changed(self, message: TerminalView.TitleChanged) -> None:
        self.query_one("#status", Static).update(message.title)


if __name__ == "__main__":
    prepare_keyboard()
    ShellApp(sys.argv[1:]).run()
