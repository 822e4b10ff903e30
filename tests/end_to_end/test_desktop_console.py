"""`natpass-tui desktop` in a real terminal, on a real X server: what is seen, and what arrives of keys and clicks."""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from Xlib import X
from Xlib.display import Display

from natpass_tui.pixels.resample import area_average
from natpass_tui.pixels.scaling import Placement, place
from tests.end_to_end.agent_programs import SECRET, Program, agent, relay
from tests.end_to_end.outer_terminal import OuterTerminal, outer_terminal
from tests.support.network.line import Shape
from tests.support.network.proxy import NetworkProxy
from tests.support.waiting import wait_until
from tests.support.xserver import XServer, needs, x_server

pytestmark = [pytest.mark.x11, needs("xterm", "xclip", "openbox")]

ROOT = Path(__file__).parents[2]
ROWS, COLS = 50, 160
#: The console's own rows: tabs above; the desktop's line and the status bar below.
ABOVE, BELOW = 1, 2
#: Mean difference to the screen's area average, of 255 (the contract).
MOST_DIFFERENCE = 12.0


class Desk:
    """A console that shows an X server's screen."""

    def __init__(self, terminal: OuterTerminal, server: XServer, box: Program, hub: Program, port: int) -> None:
        self.terminal = terminal
        self.server = server
        self.box = box
        self.hub = hub
        self.port = port

    @property
    def placement(self) -> Placement:
        height, width = self.server.picture().shape[:2]
        return place(width, height, self.terminal.rows - ABOVE - BELOW, self.terminal.cols)

    def seen(self) -> NDArray[np.uint8]:
        """Return what the terminal shows of the screen."""
        view = self.terminal.picture(ABOVE, self.terminal.rows - BELOW)
        lie = self.placement
        return view[lie.top : lie.top + lie.height, lie.left : lie.left + lie.width]

    def difference(self) -> float:
        lie = self.placement
        truth = area_average(self.server.picture(), lie.height, lie.width)
        try:
            return float(np.abs(self.seen().astype(int) - truth).mean())
        except (AssertionError, KeyError):  # not a picture yet
            return 255.0

    def wait_for_screen(self, most: float = MOST_DIFFERENCE) -> None:
        try:
            wait_until(lambda: self.difference() < most, timeout=20)
        except AssertionError:
            where = f"{self.difference():.1f} off the screen; the terminal shows\n{self.terminal.text()}"
            raise AssertionError(where) from None

    def cell(self, x: int, y: int) -> tuple[int, int]:
        """Return the terminal's row and column for a pixel of the screen."""
        row, col = self.placement.to_cell(x, y)
        return row + ABOVE, col

    def focused(self) -> int:
        with closing(Display(self.server.display)) as display:
            return int(display.get_input_focus().focus.id)

    def choose(self, row: int, col: int) -> None:
        """Click a window, and wait until the window manager has given it the keyboard: keys may be faster."""
        focused = self.focused()
        self.terminal.click(row, col)
        wait_until(lambda: self.focused() != focused, "the clicked window to have the keyboard")

    def held(self) -> int:
        """Return which modifiers and buttons are down over there, as X's mask."""
        with closing(Display(self.server.display)) as display:
            return int(display.screen().root.query_pointer().mask)

    def pointer(self) -> tuple[int, int]:
        with closing(Display(self.server.display)) as display:
            at = display.screen().root.query_pointer()
        return at.root_x, at.root_y


def manages_windows(server: XServer) -> bool:
    with closing(Display(server.display)) as display:
        found = display.screen().root.get_full_property(
            display.intern_atom("_NET_SUPPORTING_WM_CHECK"), X.AnyPropertyType
        )
    return found is not None


def command(port: int, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "natpass_tui", *arguments, "--relay", f"127.0.0.1:{port}", "--no-tls"]


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    return kept | {"NATPASS_SECRET": SECRET, "TERM": "xterm-256color", "COLORTERM": "truecolor"} | more


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Two xterms and a window manager on a screen of 1280x720, and a console that shows it."""
    with ExitStack() as stack:
        server = stack.enter_context(x_server("1280x720"))
        stack.enter_context(server.program("openbox", "--sm-disable"))
        wait_until(lambda: manages_windows(server), "the window manager")
        typed = tmp_path / "typed"
        stack.enter_context(server.xterm(["sh", "-c", f"seq 1 500; cat > {typed}"], "80x30+20+40"))
        colours = "for n in $(seq 0 255); do printf '\\033[48;5;%dm  %3d \\033[0m' $n $n; done; cat"
        stack.enter_context(server.xterm(["sh", "-c", colours], "80x30+640+240"))
        hub, port = stack.enter_context(relay(tmp_path))
        box = stack.enter_context(agent(tmp_path, port, env=server.env))
        box.said("logged in")
        asked = command(port, "desktop", "box", "--fps", "30", "--quality", "80")
        terminal = stack.enter_context(outer_terminal(ROWS, COLS, asked, environment(tmp_path)))
        terminal.wait_for("1280×720")
        yield Desk(terminal, server, box, hub, port)


def test_the_terminal_shows_the_screen_and_follows_it(desk: Desk) -> None:
    desk.wait_for_screen(5.0)
    assert desk.seen().std() > 20  # there is something to see
    before = desk.seen()
    with desk.server.xterm(["sh", "-c", "yes | head -n 200; cat"], "60x20+500+10"):
        desk.wait_for_screen(5.0)
        assert np.abs(desk.seen().astype(int) - before).mean() > 5
        desk.terminal.resize(30, 97)
        desk.wait_for_screen()
        desk.terminal.resize(70, 230)
        desk.wait_for_screen(5.0)


def test_typing_clicking_and_the_wheel_arrive(desk: Desk, tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    desk.wait_for_screen()
    row, col = desk.cell(300, 300)
    desk.terminal.mouse(35, row, col)
    wait_until(lambda: desk.cell(*desk.pointer()) == (row, col), "the pointer in the middle of its cell")
    desk.choose(row, col)
    desk.terminal.type("hej42\r")
    wait_until(lambda: typed.read_text() == "hej42\n", "what was typed")
    desk.terminal.type("A@é_~ Zo")
    desk.terminal.type("\x7f\r")
    wait_until(lambda: typed.read_text() == "hej42\nA@é_~ Z\n", "what was typed")
    before = desk.server.picture()
    for _ in range(5):
        desk.terminal.mouse(64, row, col)
    wait_until(lambda: (desk.server.picture() != before).mean() > 0.0005, "a scrolled xterm")
    desk.wait_for_screen(5.0)
    desk.terminal.type("x\x7f\x1dk")  # in one read: what is typed before the prefix must not end what it begins
    desk.terminal.wait_for("Ctrl+Alt+Del")
    desk.terminal.type("\r")
    desk.terminal.type("\x1d")  # the prefix
    desk.terminal.wait_for("palette")
    desk.terminal.type("kc")
    desk.terminal.wait_for(" Ctrl ")
    desk.terminal.type("\rd")  # ctrl+d ends cat, and its xterm
    wait_until(lambda: desk.server.picture()[80:440, 30:480].mean() < 1, "the black root where the xterm was")
    desk.wait_for_screen(5.0)


def test_a_drag_moves_a_window(desk: Desk) -> None:
    desk.wait_for_screen()
    start, end = desk.cell(300, 52), desk.cell(500, 212)  # by its title bar
    desk.terminal.mouse(0, *start)
    for step in range(1, 11):
        row = start[0] + (end[0] - start[0]) * step // 10
        col = start[1] + (end[1] - start[1]) * step // 10
        desk.terminal.mouse(32, row, col)
        wait_until(lambda row=row, col=col: desk.cell(*desk.pointer()) == (row, col))  # type: ignore[misc]
    wait_until(lambda: desk.server.picture()[60:200, 30:200].mean() < 1, "the black root where the xterm was")
    desk.terminal.mouse(0, *end, down=False)
    desk.wait_for_screen(5.0)


def test_what_is_held_is_released_soon_when_the_relay_stands_still(desk: Desk, tmp_path: Path) -> None:
    desk.wait_for_screen()
    row, col = desk.cell(300, 650)  # the root window: Ctrl with a button opens a menu of xterm
    desk.terminal.mouse(35, row, col)
    wait_until(lambda: desk.cell(*desk.pointer()) == (row, col))
    desk.terminal.type("\x1dkcc\r")
    desk.terminal.mouse(0, row, col)
    both = X.ControlMask | X.Button1Mask
    wait_until(lambda: desk.held() == both, "Ctrl and a button down")
    until = time.monotonic() + 4.0  # twice the lease
    wait_until(lambda: desk.held() != both or time.monotonic() > until)
    assert desk.held() == both  # it is renewed
    hub = psutil.Process(desk.hub.process.pid)
    hub.suspend()
    try:
        wait_until(lambda: not desk.held(), "everything released", timeout=8)  # a relay counts as lost after 15 s
        desk.terminal.wait_for("no answer for")
        desk.terminal.type("x")  # within Ctrl, as far as one can see
        desk.terminal.type("\x1d")  # its answer shows that the console has taken the x before it hears of the release
        desk.terminal.wait_for("palette")
        desk.terminal.type("\x1b")
    finally:
        hub.resume()
    desk.terminal.wait_for("what you held is released there")
    assert not desk.held()
    desk.terminal.mouse(0, row, col, down=False)
    desk.choose(*desk.cell(300, 300))
    desk.terminal.type("after\r")
    wait_until(lambda: "\n" in (tmp_path / "typed").read_text(), "what was typed after the release")
    assert (tmp_path / "typed").read_text() == "after\n"  # and nothing before it


def test_input_that_an_agent_does_not_take_is_told_until_it_does(desk: Desk) -> None:
    desk.wait_for_screen()
    box = psutil.Process(desk.box.process.pid)
    box.suspend()
    try:
        desk.terminal.type("a")
        desk.terminal.wait_for("no answer for 3 s — what you do here waits")
        assert " 1 box ~" in desk.terminal.text()
    finally:
        box.resume()
    wait_until(lambda: "no answer" not in desk.terminal.text(), "the end of the notice")
    desk.terminal.type("b")
    desk.wait_for_screen()


def test_figures_are_of_what_was_asked_and_answered(desk: Desk, tmp_path: Path) -> None:
    """On a line of 300 ms, no key is answered in less; and frames are counted, not rectangles."""
    desk.wait_for_screen()
    with ExitStack() as stack:
        stack.enter_context(desk.server.xterm(["sh", "-c", "while :; do seq 1 100000; done"], "60x40+500+10"))
        network = stack.enter_context(NetworkProxy(desk.port, shape=Shape(rate=5e6, delay=0.15)))
        asked = command(network.port, "desktop", "box", "--fps", "10", "--quality", "50")
        terminal = stack.enter_context(outer_terminal(ROWS, COLS, asked, environment(tmp_path)))
        terminal.wait_for("1280×720")
        row, col = desk.cell(300, 300)
        terminal.mouse(35, row, col)
        terminal.click(row, col)
        terminal.type("a")
        answered = wait_until(lambda: re.search(r"answers in (\d+) ms", terminal.text()), timeout=20)
        assert answered is not None
        assert int(answered[1]) >= 300
        shown = wait_until(lambda: re.search(r"([\d.]+) fps \(at most 10\)", terminal.text()))
        assert shown is not None
        assert float(shown[1]) <= 11


def test_the_clipboard_both_ways(desk: Desk) -> None:
    desk.wait_for_screen()
    desk.terminal.type("\x1b[200~från terminalen\x1b[201~")
    desk.terminal.wait_for("are on the clipboard of box")
    there = ("sh", "-c", "xclip -selection clipboard -out || true")
    wait_until(lambda: desk.server.run(*there) == "från terminalen".encode(), "the remote clipboard")
    desk.server.run("sh", "-c", "printf 'på skrivbordet' | xclip -selection clipboard -in -loops 0 >/dev/null 2>&1 &")
    wait_until(lambda: desk.server.run(*there) == "på skrivbordet".encode())
    desk.terminal.type("\x1d:")
    desk.terminal.type("get clipboard")
    desk.terminal.wait_for("Copy the clipboard of box")
    desk.terminal.type("\r")
    desk.terminal.wait_for("copied 14 characters from the clipboard of box")
    with desk.terminal._lock:
        offered = desk.terminal._engine.take_clipboard()
    assert [clip.text for clip in offered] == ["på skrivbordet"]


def test_a_slow_terminal_gets_the_newest_picture(desk: Desk) -> None:
    """A terminal that reads nothing for a while is shown what is there then, after at most what was under way."""
    desk.wait_for_screen()
    with desk.server.xterm(["sh", "-c", "while :; do seq 1 100000; done"], "100x40+100+100") as _:
        desk.terminal.blocked.set()
        for _ in range(30):
            before = desk.server.picture()
            wait_until(lambda before=before: (desk.server.picture() != before).any())  # type: ignore[misc]
    received = desk.terminal.received
    desk.terminal.blocked.clear()
    desk.wait_for_screen(5.0)
    assert desk.terminal.received - received < 1_000_000  # two pictures of a full screen are 300 kB each at most


def test_an_agent_that_is_lost_and_back(desk: Desk, tmp_path: Path) -> None:
    desk.wait_for_screen()
    desk.box.kill()
    desk.terminal.wait_for("reconnecting to box · ")
    with agent(tmp_path, desk.port, env=desk.server.env):
        wait_until(lambda: "reconnecting" not in desk.terminal.text(), timeout=20)
        with desk.server.xterm(["sh", "-c", "yes | head -n 200; cat"], "60x20+500+10"):
            desk.wait_for_screen(5.0)


def test_a_relay_that_is_lost_and_back_leaves_the_worker_alone(desk: Desk, tmp_path: Path) -> None:
    desk.wait_for_screen()
    before = desk.seen()
    workers = psutil.Process(desk.box.process.pid).children()
    desk.hub.kill()
    desk.terminal.wait_for("reconnecting to box · ")
    desk.terminal.wait_for("what you do here is not sent")
    desk.terminal.type("x")
    desk.terminal.wait_for("not sent: reconnecting")
    with desk.server.xterm(["sh", "-c", "yes | head -n 200; cat"], "60x20+500+10"), relay(tmp_path, port=desk.port):
        wait_until(lambda: "reconnecting" not in desk.terminal.text(), timeout=20)
        desk.wait_for_screen(5.0)  # also what changed meanwhile
        assert np.abs(desk.seen().astype(int) - before).mean() > 5
        assert psutil.Process(desk.box.process.pid).children() == workers


def test_quitting_asks_nothing_and_leaves_the_terminal_clean(desk: Desk) -> None:
    desk.wait_for_screen()
    desk.terminal.type("\x1dq")
    wait_until(lambda: not desk.terminal.process.isalive(), "the end of the console")
    assert desk.terminal.process.exitstatus == 0
    wait_until(lambda: not desk.terminal.text().strip())
    wait_until(lambda: not psutil.Process(desk.box.process.pid).children(), "the end of the worker")


def test_without_a_display_it_says_so(tmp_path: Path) -> None:
    with relay(tmp_path) as (_, port):
        env = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
        with agent(tmp_path, port, env=env) as box:
            box.said("logged in")
            shown = (ROWS, COLS, command(port, "desktop", "box"), environment(tmp_path))
            with outer_terminal(*shown) as terminal:
                terminal.wait_for("no desktop of box: no display")
                wait_until(lambda: not terminal.process.isalive())
                assert terminal.process.exitstatus == 255
