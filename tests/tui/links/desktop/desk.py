"""A desktop tab over a link that the test holds the other end of: what tests of it share."""

import contextlib
from collections.abc import AsyncIterator

import numpy as np
from numpy.typing import NDArray

from natpass_tui.links.desktop.request import DesktopRequest
from natpass_tui.links.desktop.tab import DesktopTab
from natpass_tui.links.life import TabOpening
from natpass_wire.pb.desktop_pb2 import VncImage, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.support.waiting import wait_for
from tests.tui.fakes import FakeClient, FakeLink, entry, make_console
from tests.tui.links.desktop.pictures import image, message, png, smooth, tiles


class Viewer:
    """A view that remembers."""

    def __init__(self) -> None:
        self.pictures = 0
        self.remarks: list[str] = []
        self.copied: list[str] = []

    def picture_changed(self) -> None:
        self.pictures += 1

    def status_changed(self) -> None: ...

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def copy(self, text: str) -> None:
        self.copied.append(text)

    def said(self, text: str) -> bool:
        return any(text in remark for remark in self.remarks)


class Desk:
    """A tab, its view, and the relay's end."""

    def __init__(self, tab: DesktopTab, client: FakeClient, viewer: Viewer) -> None:
        self.tab = tab
        self.client = client
        self.viewer = viewer

    @property
    def link(self) -> FakeLink:
        return self.client.links[-1]

    def show(self, picture: NDArray[np.uint8]) -> None:
        for tile in tiles(picture):
            self.link.deliver(message(tile))

    async def with_screen(self, width: int = 1280, height: int = 720) -> None:
        part = image(png(smooth(8, 8)), VncImage.png, (width, height), (0, 0, 8, 8))
        self.link.deliver(message(part))
        await wait_for(lambda: self.tab.screen_size == (width, height))

    @property
    def is_drawn(self) -> bool:
        """Whether all that was sent is drawn."""
        return not self.link.has_unread and self.tab._pump.is_idle

    def of_type(self, kind: MsgType) -> list[Msg]:
        return [sent for sent in self.link.sent if sent.type == kind]

    @property
    def keys(self) -> str:
        """What was typed: ``+a -a``."""
        events = [sent.vkbd for sent in self.of_type(MsgType.vnc_keyboard)]
        return " ".join(f"{'+' if event.type == VncStatus.vnc_down else '-'}{event.key}" for event in events)

    @property
    def mouse(self) -> list[tuple[int, int, int, int]]:
        events = [sent.vmouse for sent in self.of_type(MsgType.vnc_mouse)]
        return [(event.type, event.btn, event.x, event.y) for event in events]


@contextlib.asynccontextmanager
async def opened(
    request: DesktopRequest | None = None, *, online: bool = True, rows: int = 24, cols: int = 80, legacy: bool = False
) -> AsyncIterator[Desk]:
    console, client = make_console(legacy=legacy)
    if online:
        client.log_in()
        client.snapshot(entry("web"))
    tab = DesktopTab(console, "web", request, clock=console.clock)
    console.tabs.add(tab)
    viewer = Viewer()
    tab.attach(viewer, rows, cols)
    if online:
        await wait_for(lambda: not isinstance(tab.state, TabOpening))
    yield Desk(tab, client, viewer)
    await console.close()
