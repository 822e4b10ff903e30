"""A desktop link from its request to its end, with workers that exist in a test only."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable

import psutil
import pytest

from natpass_agent.links.desktop import server as servers
from natpass_agent.links.desktop import worker_host
from natpass_agent.links.desktop.server import DesktopServer
from natpass_wire import envelope
from natpass_wire.aio.link import Detached
from natpass_wire.aio.plain_link import IncomingPlainLink
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.links import End, LinkPhase, LinkState
from natpass_wire.pb.desktop_pb2 import VncClipboard, VncControl, VncKeyboard, VncMouse, VncScroll, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from tests.agent.processes import is_gone
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.programs, pytest.mark.both_loops]

REQUEST = ConnectRequest(name="rule", kind=ConnectRequest.vnc)

#: A worker without a screen: says hello after what it is told to do before, then sends back what it gets.
WORKER = """
import os, sys, time
token = sys.stdin.readline().strip()
port = int(sys.argv[1])
{before}
from websockets.sync.client import connect
headers = {{"Authorization": "Bearer " + token}}
with connect("ws://127.0.0.1:%d/vnc.worker" % port, additional_headers=headers, proxy=None) as agent:
    agent.send('{{"say": "hello", "width": 4, "height": 3}}')
    agent.recv()
    {after}
    for message in agent:
        agent.send(message)
"""


#: A worker that sends back all it gets, as clipboards whatever it is.
ECHOES = f"""
    for message in agent:
        agent.send(bytes([8, {int(MsgType.vnc_clipboard)}]) + message[2:])
"""


class LastingLink(IncomingPlainLink):
    """A link that the test detaches and attaches, as a stream may be."""

    detached: Detached | None = None  # type: ignore[assignment]  # a plain link has none; this one detaches
    resumes = 0

    def __init__(self, wire: "Wire", state: LinkState) -> None:
        super().__init__(wire, state)
        self.newest: list[bool] = []
        self._watchers: list[Callable[[], None]] = []

    def watch(self, watcher: Callable[[], None]) -> None:
        self._watchers.append(watcher)

    async def send_serialised(self, message: bytes, *, newest: bool = False) -> None:
        self.newest.append(newest)
        await super().send_serialised(message)

    def detach(self) -> None:
        self.detached = Detached("relay connection lost", 0.0)
        for watcher in self._watchers:
            watcher()

    def attach(self) -> None:
        self.detached = None
        self.resumes += 1
        for watcher in self._watchers:
            watcher()


class Wire:
    """What a link needs of a connection."""

    def __init__(self) -> None:
        self.state = LinkState("tui-x", "abc", LinkPhase.ASKED)
        self.link = LastingLink(self, self.state)
        self.refusal = ""
        self.sent: list[tuple[int, bytes]] = []

    @property
    def echoed(self) -> list[Msg]:
        """What the worker of `ECHOES` was sent: the payloads."""
        return [Msg.FromString(payload) for _, payload in self.sent]

    async def room_on(self, link: LinkState) -> None:
        """There is room."""

    def send_on(self, link: LinkState, message: Msg) -> None:
        self.send_serialised_on(link, message.SerializeToString())

    def send_serialised_on(self, link: LinkState, message: bytes) -> None:
        message_type, at = envelope.type_of(message)
        self.sent.append((message_type, message[at:]))

    def end_link(self, link: LinkState, end: End) -> None:
        if link.state is not LinkPhase.ENDED:
            link.state, link.end = LinkPhase.ENDED, end
        self.link.wake()

    def accept_link(self, link: LinkState) -> None:
        link.state = LinkPhase.OPEN

    def refuse_link(self, link: LinkState, text: str, reason: ConnectResponse.Reason) -> None:
        self.refusal = text
        link.state, link.end = LinkPhase.ENDED, End(text=text)

    def hold(self, holder: object, holds: bool) -> None:
        raise AssertionError


def use_worker(monkeypatch: pytest.MonkeyPatch, before: str = "", after: str = "pass") -> None:
    monkeypatch.setenv("DISPLAY", ":77")  # these workers look at none, but without one there is no worker
    script = WORKER.format(before=before, after=after)
    monkeypatch.setattr(worker_host, "command", lambda name, port: (sys.executable, "-c", script, str(port)))


async def test_messages_are_carried_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch, after='agent.send(b"\\x08\\x0b"); agent.send(b"\\x08\\x15\\xfa\\x01\\x02\\x1a\\x00")')
    wire, server = Wire(), DesktopServer()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve(wire.link, REQUEST))
        await wait_for(lambda: wire.sent)
        assert wire.sent == [(MsgType.vnc_image, b"\xfa\x01\x02\x1a\x00")]
        wire.link.deliver(Msg(type=MsgType.shell_data))
        wire.link.deliver(Msg(type=MsgType.vnc_clipboard, from_id="x", to="y", link_id="z"))
        await wait_for(lambda: len(wire.sent) == 2)
        assert wire.sent[1] == (MsgType.vnc_clipboard, b"")
        (worker,) = server.workers
        process = psutil.Process(worker.pid)
        wire.end_link(wire.state, End())
        await wait_for(task.done)
    assert is_gone(process)
    assert not server.workers


async def test_a_worker_that_fails_at_once_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch, before="sys.stderr.write('no display, alas\\n'); sys.exit(3)")
    wire = Wire()
    await DesktopServer(answer_seconds=30).serve(wire.link, REQUEST)
    assert wire.refusal == "no display, alas"


@pytest.mark.parametrize(
    ("environment", "why"),
    [({}, "DISPLAY is not set"), ({"WAYLAND_DISPLAY": "wayland-0"}, "this is a Wayland session")],
)
async def test_without_a_display_no_worker_is_started(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], why: str
) -> None:
    """So that viewers have the reason at once, however busy the machine is."""
    use_worker(monkeypatch, before="sys.exit('a worker')")
    wire = Wire()
    await DesktopServer(environment=environment, answer_seconds=0).serve(wire.link, REQUEST)
    assert why in wire.refusal


async def test_a_slow_worker_is_waited_for_behind_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch, before="sys.stdin.read(); sys.exit('gone')")
    wire = Wire()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(DesktopServer(answer_seconds=0.01).serve(wire.link, REQUEST))
        await wait_for(lambda: wire.state.state is LinkPhase.OPEN)
        wire.end_link(wire.state, End())
        await wait_for(task.done, timeout=1.0)  # it holds nothing that it would need time to let go of


async def test_a_slow_worker_that_fails_ends_the_link_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch, before="time.sleep(0.3); sys.exit('no display after all')")
    wire = Wire()
    await DesktopServer(answer_seconds=0.01).serve(wire.link, REQUEST)
    assert wire.link.end == End(LinkEnd.FAILED, "no display after all")


async def test_a_worker_that_breaks_the_protocol_ends_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch, after='agent.send(b"nonsense")')
    wire = Wire()
    await DesktopServer().serve(wire.link, REQUEST)
    assert wire.link.end is not None
    assert "broke the protocol" in wire.link.end.text


async def test_an_agent_that_stops_leaves_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch)
    wire, server = Wire(), DesktopServer()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve(wire.link, REQUEST))
        await wait_for(lambda: wire.state.state is LinkPhase.OPEN)
        (worker,) = server.workers
        process = psutil.Process(worker.pid)
        task.cancel()
    assert is_gone(process)


async def test_the_worker_inherits_the_display_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    tell = "sys.exit(os.environ['DISPLAY'] + ' ' + os.environ.get('NATPASS_SECRET', 'nothing'))"
    use_worker(monkeypatch, before=tell)
    wire = Wire()
    environment = {"DISPLAY": ":1", "NATPASS_SECRET": "oh no"}
    await DesktopServer(":77", environment, answer_seconds=30).serve(wire.link, REQUEST)
    assert wire.refusal == ":77 nothing"


# while the viewer can't be reached


@contextlib.asynccontextmanager
async def served(monkeypatch: pytest.MonkeyPatch, after: str = ECHOES, rights: Rights = ALL) -> AsyncIterator[Wire]:
    use_worker(monkeypatch, after=after.strip())
    wire = Wire()
    async with asyncio.TaskGroup() as group:
        group.create_task(DesktopServer().serve(wire.link, ConnectRequest(kind=ConnectRequest.vnc), rights))
        await wait_for(lambda: wire.link._watchers)  # the worker is there
        yield wire
        wire.end_link(wire.state, End())


def key(name: str, *, down: bool) -> Msg:
    status = VncStatus.vnc_down if down else VncStatus.vnc_up
    return Msg(type=MsgType.vnc_keyboard, vkbd=VncKeyboard(type=status, key=name))


def button(status: VncStatus, x: int) -> Msg:
    return Msg(type=MsgType.vnc_mouse, vmouse=VncMouse(type=status, btn=VncMouse.left, x=x, y=1))


async def test_pictures_need_not_be_sent_again_but_clipboards_do(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (MsgType.vnc_image, MsgType.vnc_clipboard, MsgType.vnc_frame, MsgType.vnc_hold)
    sends = "".join(f"agent.send({Msg(type=kind).SerializeToString()!r});" for kind in kinds)
    async with served(monkeypatch, sends) as wire:
        await wait_for(lambda: len(wire.sent) == 4)
        assert wire.link.newest == [True, False, True, False]


async def test_a_viewer_that_is_back_gets_the_whole_screen_as_it_wanted_it_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with served(monkeypatch) as wire:
        wire.link.detach()
        wire.link.attach()
        await wait_for(lambda: len(wire.sent) == 1)
        assert wire.echoed[0].vctrl == VncControl()  # rate and quality as they are
        wire.link.deliver(Msg(type=MsgType.vnc_ctrl, vctrl=VncControl(quality=80, cursor=True, fps=5)))
        await wait_for(lambda: len(wire.sent) == 2)
        wire.link.detach()
        wire.link.attach()
        await wait_for(lambda: len(wire.sent) == 3)
        assert wire.echoed[2].vctrl == VncControl(cursor=True)


# a viewer that may only look

#: Sends back all it gets as pictures, after a clipboard that nobody asked for.
ECHOES_AS_PICTURES = f"""
    agent.send(bytes([8, {int(MsgType.vnc_clipboard)}]))
    for message in agent:
        agent.send(bytes([8, {int(MsgType.vnc_image)}]) + message[2:])
"""


async def test_who_may_only_look_changes_nothing_and_gets_no_clipboard(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(monkeypatch, ECHOES_AS_PICTURES, Rights(read_only=True)) as wire:
        for message in (
            key("a", down=True),
            key("a", down=False),
            button(VncStatus.vnc_down, 1),
            button(VncStatus.vnc_status_unset, 2),
            Msg(type=MsgType.vnc_scroll, vscroll=VncScroll(y=1)),
            Msg(type=MsgType.vnc_cad),
            Msg(type=MsgType.vnc_clipboard, vclipboard=VncClipboard(set=True, type=VncClipboard.text, data="planted")),
            Msg(type=MsgType.vnc_clipboard, vclipboard=VncClipboard(set=False)),
            Msg(type=MsgType.vnc_ctrl, vctrl=VncControl(quality=33)),  # what it may
        ):
            wire.link.deliver(message)
        await wait_for(lambda: any(kind == MsgType.vnc_image for kind, _ in wire.sent))
        pictures = [Msg.FromString(payload) for kind, payload in wire.sent if kind == MsgType.vnc_image]
        assert [picture.vctrl.quality for picture in pictures] == [33]
        clips = [Msg.FromString(payload).vclipboard for kind, payload in wire.sent if kind == MsgType.vnc_clipboard]
        assert [clip.notice for clip in clips] == [servers.READ_ONLY] * 3  # at first, and where somebody waits
        assert [clip.set for clip in clips] == [False, True, True]
        assert not any(clip.data for clip in clips)
