"""The command `python -m screenshots`: makes the screenshots again."""

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from textual.pilot import Pilot

from natpass_tui.app import ConsoleApp
from natpass_tui.links import kind_named
from natpass_tui.links.forward.rules import parse_tables
from natpass_tui.links.forward.settings import ForwardSettings
from natpass_tui.links.shell.settings import ShellSettings
from natpass_tui.links.tab import TabOutcome
from natpass_tui.model.console import ROSTER, Console
from natpass_tui.settings import Settings
from natpass_tui.tty.request import ShellRequest
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.sealing import Sealing, TrustAll
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import UserError
from natpass_wire.login.keys import RootKey
from natpass_wire.login.v2 import Claims
from natpass_wire.pb.login_pb2 import Role
from screenshots import png
from screenshots.desktop import AGENT, desktop
from screenshots.machines import MACHINES, SECRET, home, machines
from screenshots.traffic import clients, served

FOLDER = Path(__file__).parent
COLS, ROWS = 112, 26
#: The size for a desktop, which needs more room: a terminal on a large screen.
DESKTOP_COLS, DESKTOP_ROWS = 200, 60
#: The least half-blocks on the screen: windows full of text have them, an empty desktop does not.
MANY_HALF_BLOCKS = 3000
#: The forwards: where the server is, the rule of its clients, the other rules, and what the config file offers.
SERVER = 8000
BUSY_RULE, BUSY_PORT = f"L 8080:localhost:{SERVER}", 8080
MORE_RULES = ("L 5432:db.lan:5432", "R 9000:localhost:3000", "D 1080", "U 5353:10.0.3.1:53")
OFFERED = {"agent": "web-2", "local": "6443:10.0.3.17:6443"}
#: Steps to wait for a screen, and their length: 20 s.
_STEPS, _STEP_SECONDS = 1000, 0.02
_CONFIG = """\
# /etc/app.toml
[listen]
address = "10.0.3.17:8443"
workers = 4

[database]
url = "postgres://db-1/app"   # the replica is db-2
pool = 16
timeout = 2.5

[log]
level = "info"
"""


class Photographer:
    """Drives the application, and takes pictures of it."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[TabOutcome], console: Console) -> None:
        self._app = app
        self._pilot = pilot
        self._console = console

    def text(self) -> str:
        """Return the screen's text."""
        strips = self._app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition."""
        for _ in range(_STEPS):
            if condition():
                return
            await asyncio.sleep(_STEP_SECONDS)
        raise UserError(f"timed out waiting for {what}; on the screen:\n{self.text()}")

    async def until_shown(self, text: str) -> None:
        """Wait until the screen shows a text."""
        await self.until(lambda: text in self.text(), repr(text))

    async def type(self, text: str) -> None:
        """Type a line into the active shell."""
        self._app.screen.focused.send_paste(text)  # type: ignore[union-attr]  # a TerminalView
        await self._pilot.press("enter")

    async def enter(self, text: str) -> None:
        """Type a line into an input."""
        await self._pilot.press(*("space" if letter == " " else letter for letter in text), "enter")

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self._pilot.press(*keys)

    async def take(self, name: str) -> None:
        """Take a picture."""
        self._console.measure()
        await self.until(lambda: self._console.round_trip is not None, "a round trip")
        self._app.get_default_screen().redraw()  # type: ignore[attr-defined]  # a MainScreen
        await self._pilot.pause()
        png.write(self._app.export_screenshot(title="natpass-tui", simplify=False), FOLDER / f"{name}.png")


async def take_all(port: int, folder: Path) -> None:
    """Take all pictures."""
    own = home(folder)
    (own / "app.toml").write_text(_CONFIG)
    claims = Claims("tui-photographer", Role.ROLE_CONSOLE, (ROSTER,), "screenshots", b"\0" * 16)
    root = RootKey.from_secret(SECRET)
    sealing = Sealing(X25519PrivateKey.generate(), root.link_key(), trust=TrustAll(), clock=time.monotonic)
    target = RelayTarget(
        RelayAddress("127.0.0.1", port), tls=True, claims=claims, login=root.login_key(), sealing=sealing
    )
    console = Console(target)
    tasks = Tasks()
    tasks.start(console.run(), "console")
    try:
        await console.first_login()
        kinds = ShellSettings(ShellRequest(str(own / "shell"))), ForwardSettings(parse_tables([OFFERED]))
        app = ConsoleApp(console, Settings(kinds=kinds))
        async with app.run_test(size=(COLS, ROWS)) as pilot:
            camera = Photographer(app, pilot, console)
            await camera.until(lambda: console.fleet.online == len(MACHINES), "all agents")
            await camera.until(lambda: console.latencies.get("web-10") is not None, "their round trips")
            await camera.press("home", "down", "down", "down", "down", "down")
            await camera.take("fleet")

            await camera.press("enter")
            await camera.until_shown("# ")
            await camera.type("htop")
            await camera.until_shown("F10Quit")
            await camera.take("shell")

            await camera.press("ctrl+right_square_bracket", "f", "home", "down", "enter")
            await camera.until_shown("# ")
            await camera.type("vim -n +'set number' app.toml")
            await camera.until_shown("postgres")
            await camera.until_shown("1 web-1 •")
            await camera.take("tabs")

            await take_forwards(camera)

            with desktop(folder, port):
                await camera.until(lambda: console.fleet.get(AGENT) is not None, "an agent with a desktop")
                await pilot.resize_terminal(DESKTOP_COLS, DESKTOP_ROWS)
                app.get_default_screen().open_tab(kind_named("desktop"), AGENT)  # type: ignore[attr-defined]  # a MainScreen
                await camera.until_shown("1280×720")
                await camera.until(lambda: camera.text().count("▀") > MANY_HALF_BLOCKS, "both windows on the desktop")
                await camera.take("desktop")
            await console.close()
    finally:
        await console.close()
        await tasks.close()


async def take_forwards(camera: Photographer) -> None:
    """Take the picture of a tab of forwards."""
    await camera.press("ctrl+right_square_bracket", "f", "down", "t")
    await camera.until_shown("in tui.toml, not running")
    for number, rule in enumerate((BUSY_RULE, *MORE_RULES), 1):
        await camera.press("a")
        await camera.enter(rule)
        await camera.until_shown(f"{number} forward{'s' * (number > 1)} · 0 open")
    await camera.press("home")
    async with served(SERVER), clients([BUSY_PORT] * 3):
        await camera.until_shown(f"{len(MORE_RULES) + 1} forwards · 3 open · ↑")
        await camera.until(lambda: re.search(r"3/3 .* MB .* MB/s", camera.text()) is not None, "megabytes")
        await camera.take("forwards")


def main() -> int:
    """Make the pictures; return the exit status."""
    # All colours, whatever terminal this runs in.
    os.environ.update(COLORTERM="truecolor", TERM="xterm-256color")
    os.environ.pop("NO_COLOR", None)
    try:
        png.fonts()
        with tempfile.TemporaryDirectory(prefix="natpass-pictures-") as name, machines(Path(name)) as port:
            asyncio.run(take_all(port, Path(name)))
    except UserError as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 2
    print("written:", *sorted(file.name for file in FOLDER.glob("*.png")))
    return 0


raise SystemExit(main())
