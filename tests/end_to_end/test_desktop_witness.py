"""An existing viewer, by its bytes, with our relay and our agent as programs: a real screen, keyboard and mouse."""

import os
import re
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.agent.processes import is_gone
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LEGACY_SECRET, Program
from tests.support import witness
from tests.support.waiting import wait_until
from tests.support.witness import CREQ, KIND, LINK_ID, NAME, Message, Witness, bytes_field, number_field
from tests.support.xserver import XServer, needs, x_server

assert sys.platform != "win32"

pytestmark = [pytest.mark.x11, needs("xterm", "xclip")]

# docs/wire.md §2
VNC_CTRL, VNC_IMAGE, VNC_MOUSE, VNC_KEYBOARD, VNC_CAD, VNC_SCROLL, VNC_CLIPBOARD = range(20, 27)
VCTRL, VIMG, VMOUSE, VKBD, VSCROLL, VCLIPBOARD = range(30, 36)
VNC, CVNC = 3, 12
RAW, JPEG = 0, 1
DOWN, UP = 1, 2
LEFT, MIDDLE, RIGHT = 1, 2, 3


class Viewer(Witness):
    """An existing viewer: what it sends, and its copy of the screen."""

    link = ""
    screen: NDArray[np.uint8]
    pictures = 0
    clipboard: list[Message]

    def ask(self, *, fps: int = 10, quality: int = 50, cursor: bool = False, name: str = "rule") -> str:
        view = number_field(1, fps) + number_field(2, quality) + number_field(3, int(cursor))
        request = bytes_field(NAME, name) + number_field(KIND, VNC) + bytes_field(CVNC, view)
        self.link = secrets.token_hex(8)
        self.send(witness.CONNECT_REQ, "box", self.link, bytes_field(CREQ, request))
        self.screen, self.clipboard = np.zeros((0, 0, 3), np.uint8), []
        return self.link

    def open(self, **options: object) -> None:
        link = self.ask(**options)  # type: ignore[arg-type]  # options of several types
        since = time.monotonic()
        assert self.answer_of(link) == (True, "")
        assert time.monotonic() - since < 1.0

    def refused(self) -> str:
        link = self.ask()
        since = time.monotonic()
        ok, reason = self.answer_of(link)
        assert not ok
        assert time.monotonic() - since < 1.0
        return reason

    def tell(self, kind: int, field: int = 0, content: bytes = b"") -> None:
        self.send(kind, "box", self.link, bytes_field(field, content) if field else b"")

    def mouse(self, x: int, y: int, status: int = 0, button: int = 0) -> None:
        fields = enumerate((status, button, x, y), 1)
        self.tell(VNC_MOUSE, VMOUSE, b"".join(number_field(number, value) for number, value in fields if value))

    def click(self, x: int, y: int, button: int = LEFT) -> None:
        self.mouse(x, y)
        self.mouse(x, y, DOWN, button)
        self.mouse(x, y, UP, button)

    def key(self, name: str, status: int) -> None:
        self.tell(VNC_KEYBOARD, VKBD, number_field(1, status) + bytes_field(2, name))

    def type(self, *keys: str) -> None:
        for key in keys:
            self.key(key, DOWN)
            self.key(key, UP)

    def take(self) -> Message:
        """Take the next message, into the screen if it is a picture."""
        message = self.receive()
        assert message.text(LINK_ID) == self.link
        assert len(message.raw) <= 0xFFFF
        if message.kind == VNC_IMAGE:
            self._draw(message.part(VIMG))
        elif message.kind == VNC_CLIPBOARD:
            self.clipboard.append(message.part(VCLIPBOARD))
        return message

    def look_until(self, condition: Callable[[], object], what: str) -> None:
        until = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < until, f"waited in vain for {what}"
            try:
                self.receive_now()
            except TimeoutError:
                continue

    def receive_now(self) -> None:
        """Take what comes within a moment."""
        message = self.receive(0.1)
        if message.kind == VNC_IMAGE:
            self._draw(message.part(VIMG))
        elif message.kind == VNC_CLIPBOARD:
            self.clipboard.append(message.part(VCLIPBOARD))

    def difference(self, truth: NDArray[np.uint8]) -> float:
        if truth.shape != self.screen.shape:
            return 255.0
        return float(np.abs(truth.astype(np.int16) - self.screen).mean())

    def _draw(self, image: Message) -> None:
        screen_width, screen_height, x, y, width, height = (image.part(1).number(n) for n in range(1, 7))
        data = image.content(3)
        assert len(data) <= 60 * 1024
        if image.number(2) == RAW:
            pixels = np.frombuffer(data, np.uint8).reshape(height, width, 4)[..., :3]
        else:
            assert image.number(2) == JPEG
            pixels = np.asarray(Image.open(BytesIO(data)))
        if self.screen.shape[:2] != (screen_height, screen_width):
            self.screen = np.zeros((screen_height, screen_width, 3), np.uint8)
        self.screen[y : y + height, x : x + width] = pixels
        self.pictures += 1


class Place:
    """A relay that admits the older handshake, and an agent on an X server."""

    def __init__(self, relay_port: int, agent: Program, server: XServer) -> None:
        self.port = relay_port
        self.agent = agent
        self.server = server

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.agent.process.pid)

    def workers(self) -> list[psutil.Process]:
        return [child for child in self.process.children() if not is_gone(child)]

    @contextmanager
    def viewer(self, name: str = "existing viewer") -> Iterator[Viewer]:
        viewer = Viewer("127.0.0.1", self.port, name)
        with closing(viewer):
            viewer.log_in(witness.hmac_proof(LEGACY_SECRET))
            yield viewer


@contextmanager
def place(folder: Path, server: XServer, **env: str) -> Iterator[Place]:
    with (
        agent_programs.relay(folder, "--legacy", "hmac") as (_, port),
        agent_programs.agent(folder, port, "--allow-unsealed", env=server.env | env) as agent,
    ):
        agent.said("logged in at")
        yield Place(port, agent, server)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with x_server("1280x720") as server, place(tmp_path_factory.mktemp("desktop"), server) as where:
        yield where


@pytest.fixture
def viewer(shared: Place) -> Iterator[Viewer]:
    wait_until(lambda: not shared.workers())
    with shared.viewer() as viewer:
        yield viewer


def test_the_screen_is_rebuilt_and_followed(shared: Place, viewer: Viewer) -> None:
    with shared.server.xterm(["sh", "-c", "seq 1 500; cat"], "100x30+60+40"):
        viewer.open(quality=80, fps=30)
        viewer.look_until(lambda: viewer.difference(shared.server.picture()) < 6, "the screen")
        assert viewer.screen.any()
        with shared.server.xterm(["sh", "-c", "seq 1000 2000; cat"], "60x20+700+300"):
            viewer.look_until(lambda: viewer.difference(shared.server.picture()) < 6, "another window")
            viewer.tell(VNC_CTRL, VCTRL, number_field(1, 100) + number_field(2, 0))
            viewer.look_until(lambda: viewer.difference(shared.server.picture()) == 0, "exact pixels")


def test_clicking_typing_and_scrolling_in_an_xterm(shared: Place, viewer: Viewer, tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    script = f"seq 1 500; cat > {typed}"
    with shared.server.xterm(["sh", "-c", script], "80x24+100+100"):
        viewer.open(quality=80, fps=30)
        viewer.look_until(lambda: viewer.difference(shared.server.picture()) < 6, "the screen")
        viewer.click(300, 200)
        viewer.type(*"hej42", "enter", "A", "@", "é", "ж", "enter")
        viewer.key("shift", DOWN)
        viewer.type("a")
        viewer.key("shift", UP)
        viewer.type("backspace", "B", "space", "num7", "enter")
        wait_until(lambda: typed.read_text() == "hej42\nA@éж\nB 7\n" if typed.exists() else False, "what was typed")
        before = shared.server.picture()
        viewer.tell(VNC_SCROLL, VSCROLL, number_field(2, 5))
        wait_until(lambda: (shared.server.picture() != before).sum() > 500, "a scrolled xterm")
        viewer.look_until(lambda: viewer.difference(shared.server.picture()) < 6, "the scrolled screen")


def test_text_travels_through_the_clipboard_both_ways(shared: Place, viewer: Viewer) -> None:
    def pasted() -> bytes:
        return shared.server.run("sh", "-c", "xclip -selection clipboard -out || true")

    def copy(script: str, size: int) -> None:
        shared.server.run("sh", "-c", f"{script} | xclip -selection clipboard -in >/dev/null")
        wait_until(lambda: len(pasted()) == size)

    def fetched() -> Message:
        viewer.tell(VNC_CLIPBOARD, VCLIPBOARD, b"")
        viewer.look_until(lambda: viewer.clipboard, "the clipboard")
        return viewer.clipboard.pop()

    viewer.open()
    viewer.tell(VNC_CLIPBOARD, VCLIPBOARD, number_field(1, 1) + number_field(2, 1) + bytes_field(10, "från viewer"))
    wait_until(lambda: pasted() == "från viewer".encode())
    copy("printf 'p\u00e5 skrivbordet'", 15)
    answer = fetched()
    assert (answer.number(1), answer.number(2), answer.text(10)) == (1, 1, "på skrivbordet")
    copy("head -c 70000 /dev/zero | tr '\\0' x", 70000)
    answer = fetched()
    assert not answer.text(10)
    assert "60 KiB" in answer.text(100)
    # The last xclip ends when the clipboard is another's.
    viewer.tell(VNC_CLIPBOARD, VCLIPBOARD, number_field(1, 1) + number_field(2, 1) + bytes_field(10, "end"))
    wait_until(lambda: pasted() == b"end")


def test_closing_the_link_ends_the_worker_and_its_port(shared: Place, viewer: Viewer) -> None:
    viewer.open(name="my rule")
    (worker,) = shared.workers()
    words = worker.cmdline()
    port = int(words[-1])
    assert words[-5:-1] == ["vnc.worker", "--name", "my_rule", "--port"]
    assert 6155 <= port <= 6955
    viewer.take()
    viewer.disconnect("box", viewer.link)
    wait_until(lambda: is_gone(worker))
    wait_until(lambda: not listens(port))


def test_what_is_pressed_is_released_when_the_viewer_leaves_without_a_word(shared: Place, viewer: Viewer) -> None:
    from Xlib import X
    from Xlib.display import Display

    with closing(Display(shared.server.display)) as display:
        root = display.screen().root
        viewer.open()
        viewer.key("ctrl", DOWN)
        viewer.mouse(10, 10, DOWN, LEFT)
        held = X.ControlMask | X.Button1Mask
        wait_until(lambda: root.query_pointer().mask & held == held)
        viewer.close()
        wait_until(lambda: not root.query_pointer().mask & held)


def test_the_agents_own_process_loads_no_graphics(shared: Place, viewer: Viewer) -> None:
    viewer.open()
    viewer.take()
    maps = Path(f"/proc/{shared.agent.process.pid}/maps").read_text()
    assert not re.search(r"libX11|libxcb|simplejpeg|PIL/|_imaging", maps)


def test_two_viewers_at_once(shared: Place, viewer: Viewer) -> None:
    viewer.open()
    with shared.viewer("another viewer") as other:
        other.open()
        viewer.look_until(lambda: viewer.difference(shared.server.picture()) < 6, "the screen")
        other.look_until(lambda: other.difference(shared.server.picture()) < 6, "the screen")


def test_a_worker_that_dies_ends_the_link_with_the_reason(shared: Place, viewer: Viewer) -> None:
    viewer.open()
    viewer.take()
    shared.workers()[0].kill()
    end = viewer.receive_where(lambda message: message.kind == witness.DISCONNECT)
    assert "worker ended" in end.part(102).text(2)


def test_an_x_server_that_ends_ends_the_link_with_the_reason(tmp_path: Path) -> None:
    own = 1000 + os.getpid() % 5000  # a display that no other test's server gets once this one is gone
    with x_server("640x400", number=own) as server, place(tmp_path, server) as where, where.viewer() as viewer:
        viewer.open()
        viewer.take()
        server.process.kill()
        server.process.wait()  # until then it may still take connections
        end = viewer.receive_where(lambda message: message.kind == witness.DISCONNECT)
        assert end.part(102).text(2) == "the X server has ended"
        # A worker that takes its time to find that out is told of after the answer.
        link = viewer.ask()
        ok, reason = viewer.answer_of(link)
        if ok:
            end = viewer.receive_where(
                lambda message: message.kind == witness.DISCONNECT and message.text(LINK_ID) == link
            )
            reason = end.part(102).text(2)
        assert reason.startswith("no display: no X server answers")


def test_an_agent_that_is_killed_leaves_nothing_pressed_and_nothing_running(tmp_path: Path) -> None:
    from Xlib import X
    from Xlib.display import Display

    with (
        x_server("640x400") as server,
        closing(Display(server.display)) as display,
        place(tmp_path, server) as where,
        where.viewer() as viewer,
    ):
        root = display.screen().root
        viewer.open()
        viewer.key("shift", DOWN)
        wait_until(lambda: root.query_pointer().mask & X.ShiftMask)
        (worker,) = where.workers()
        where.agent.process.send_signal(signal.SIGKILL)
        wait_until(lambda: is_gone(worker), timeout=5.0)
        assert not root.query_pointer().mask & X.ShiftMask


def test_a_worker_that_hangs_ends_with_its_agent(tmp_path: Path) -> None:
    with x_server("640x400") as server, place(tmp_path, server) as where, where.viewer() as viewer:
        viewer.open()
        viewer.take()
        (worker,) = where.workers()
        server.process.send_signal(signal.SIGSTOP)  # whatever waits for the X server waits for ever
        try:
            viewer.key("a", DOWN)
            where.agent.process.send_signal(signal.SIGKILL)
            wait_until(lambda: is_gone(worker), timeout=5.0)
        finally:
            server.process.send_signal(signal.SIGCONT)


def test_without_a_display_the_refusal_says_what_to_do(tmp_path: Path) -> None:
    with x_server("640x400") as server:
        env = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
        with place(tmp_path, server, **env) as where, where.viewer() as viewer:
            assert "--display :0" in viewer.refused()


def test_the_display_can_be_chosen(tmp_path: Path) -> None:
    with x_server("640x400") as server, agent_programs.relay(tmp_path, "--legacy", "hmac") as (_, port):
        env = server.env | {"DISPLAY": ":6553"}
        with agent_programs.agent(tmp_path, port, "--allow-unsealed", "--display", server.display, env=env) as agent:
            agent.said("logged in at")
            with Place(port, agent, server).viewer() as viewer:
                viewer.open()
                viewer.take()
                assert viewer.screen.shape == (400, 640, 3)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_100_opens_and_closes_leave_nothing(shared: Place, viewer: Viewer) -> None:
    def descriptors() -> int:
        return shared.process.num_fds()

    viewer.open()
    viewer.disconnect("box", viewer.link)
    wait_until(lambda: not shared.process.children())
    before = descriptors()
    opened = 0
    while opened < 100:
        links = [viewer.ask() for _ in range(4)]
        answered: set[str] = set()
        while len(answered) < len(links):
            message = viewer.receive()
            if message.kind == witness.CONNECT_REP:
                answer = message.part(witness.CREP)
                # A busy machine may be late with an answer, or with the end of workers: that leaves nothing, either.
                assert answer.number(1) == 1 or re.search(
                    rb"too busy to answer|links to this agent already", answer.raw
                )
                opened += answer.number(1)
                answered.add(message.text(LINK_ID))
        for link in links:
            viewer.disconnect("box", link)
    wait_until(lambda: not shared.process.children())
    wait_until(lambda: descriptors() <= before)
    ours = {c.laddr.port for c in shared.process.net_connections() if c.status == psutil.CONN_LISTEN}
    assert ours == set()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
