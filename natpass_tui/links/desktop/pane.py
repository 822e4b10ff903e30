"""The pane of a desktop tab: the picture, a status line below, and a banner over it for problems."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.widgets import Static

from natpass_tui.driver import writer_depth
from natpass_tui.links.desktop.keys import COMBINATIONS
from natpass_tui.links.desktop.request import FPS_CHOICES, QUALITY_CHOICES, DesktopRequest
from natpass_tui.links.desktop.status import latched, measures
from natpass_tui.links.desktop.tab import DesktopTab
from natpass_tui.links.life import Live, TabEnded, TabRefused
from natpass_tui.links.pane import LinkPane, PaletteEntry
from natpass_tui.links.tab import LinkTab
from natpass_tui.model.relay_port import LinkOpener
from natpass_tui.settings import Settings
from natpass_tui.widgets.desktop_view import DesktopView
from natpass_wire.pb.desktop_pb2 import VncMouse

#: Seconds between two updates of the measurements.
_MEASURE_SECONDS = 0.5
_BUTTONS = {1: VncMouse.left, 2: VncMouse.middle, 3: VncMouse.right}
_LATCH_KEYS = {"c": "ctrl", "a": "alt", "s": "shift", "w": "cmd"}
_COMBINATION_KEYS = {"t": "Alt+Tab", "4": "Alt+F4", "e": "Ctrl+Esc", "p": "Print Screen", "m": "Menu"}
_KEYS_HELP = (
    "for the next key, twice: held — c Ctrl · a Alt · s Shift · w Super — or d Ctrl+Alt+Del · t Alt+Tab · 4 Alt+F4 · "
    "e Ctrl+Esc · p Print Screen · m Menu · r release all — Enter: done"
)


class DesktopPane(LinkPane):
    """Shows one `DesktopTab`.

    Args:
        tab: the model.
        prefix: the prefix key's name.
    """

    DEFAULT_CSS = """
    DesktopPane > DesktopView { layer: terminal; }
    DesktopPane > #desktop-status { layer: terminal; dock: bottom; height: 1; background: $panel; color: $foreground; }
    DesktopPane > #banner { margin: 0 0 1 0; }
    """

    tab: DesktopTab

    def __init__(self, tab: DesktopTab, prefix: str) -> None:
        super().__init__(tab, prefix)
        self._attached = False
        #: Whether the next keys latch modifiers or choose combinations.
        self.choosing = False

    def compose(self) -> ComposeResult:
        """Yield the view, the status line and the banner."""
        yield DesktopView(self.tab.picture, prefix=self._prefix, intercept=self._intercept)
        yield Static(id="desktop-status", markup=False)
        yield Static(id="banner", markup=False)

    def on_mount(self) -> None:
        """Start to update the measurements."""
        self.set_interval(_MEASURE_SECONDS, self.status_changed)
        self.set_interval(_MEASURE_SECONDS, self.tab.look)

    @property
    def view(self) -> DesktopView:
        """The widget that gets the keyboard."""
        return self.query_one(DesktopView)

    # the console's own keys

    def mode(self) -> str:
        """Return the help on the keys while they latch modifiers."""
        return _KEYS_HELP if self.choosing else ""

    def act(self, name: str) -> bool:
        """Start to choose modifiers and combinations."""
        if name == "keys":
            self.choosing = True
            self.redraw()
        return name == "keys"

    def send_prefix(self) -> None:
        """Send the prefix key itself to the remote."""
        self.tab.type(self._prefix, None)

    def palette(self) -> Iterable[PaletteEntry]:
        """Return the palette's entries for a desktop."""
        match self.tab.state:
            case Live():
                yield from self._palette_of_input()
                yield from self._palette_of_the_picture()
            case TabRefused() | TabEnded():
                yield "Try again", f"Open the desktop of {self.tab.agent} anew", self.tab.retry
            case _:  # it opens or reconnects, and will use these choices
                yield from self._palette_of_the_picture()

    def _palette_of_input(self) -> Iterable[PaletteEntry]:
        tab = self.tab
        yield "Send Ctrl+Alt+Del", "To the desktop", tab.secure_attention
        for name, typed in COMBINATIONS.items():
            yield f"Send {name}", "To the desktop", partial(tab.press, typed)
        for modifier in _LATCH_KEYS.values():
            yield f"Latch {modifier}", "For the next key or click; twice: held down", partial(tab.latch, modifier)
        yield "Release all keys", "Of the desktop", tab.release_all
        yield "Get clipboard", f"Copy the clipboard of {tab.agent} to yours", tab.get_clipboard
        yield "Redraw desktop", "Have all of it sent again", tab.redraw

    def _palette_of_the_picture(self) -> Iterable[PaletteEntry]:
        tab, request = self.tab, self.tab.request
        cursor = "Hide" if request.cursor else "Show"
        yield (
            f"{cursor} remote pointer",
            "In the picture",
            partial(tab.change, request.with_cursor(not request.cursor)),
        )
        for quality in QUALITY_CHOICES:
            now = " (now)" if quality == request.quality else ""
            yield f"Desktop quality {quality}{now}", "", partial(tab.change, request.with_quality(quality))
        for fps in FPS_CHOICES:
            now = " (now)" if fps == request.fps else ""
            yield f"Desktop rate {fps} fps{now}", "", partial(tab.change, request.with_fps(fps))

    def _intercept(self, event: events.Key) -> bool:
        """Handle keys that are not for the remote."""
        if not self.choosing or not self.tab.is_live:
            self.choosing = False
            return super()._intercept(event)
        taken = self._choose(event.key)
        if taken:
            event.stop()
            event.prevent_default()
        self.redraw()
        return taken

    def _choose(self, key: str) -> bool:
        """Latch a modifier, or send a combination; return False for a key that is for the remote."""
        if key in _LATCH_KEYS:
            self.tab.latch(_LATCH_KEYS[key])
            return True
        self.choosing = False
        if key in _COMBINATION_KEYS:
            self.tab.press(COMBINATIONS[_COMBINATION_KEYS[key]])
        elif key == "d":
            self.tab.secure_attention()
        elif key == "r":
            self.tab.release_all()
        else:
            return key in {"enter", "escape"}
        return True

    # Viewer: calls from the tab

    def picture_changed(self) -> None:
        """Draw the new picture."""
        if self.is_attached:
            self.view.changed()

    def status_changed(self) -> None:
        """Update the status line, unless the user's terminal lags behind with the picture."""
        if not self.is_attached or not self.display or writer_depth(self.app):
            return
        tab = self.tab
        placement = tab.placement
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        for name in latched(tab.latches):
            text.append(f" {name} ", style="bold reverse").append(" ")
        scale = placement.scale if placement is not None else 0.0
        now = asyncio.get_running_loop().time()
        if tab.is_live or tab.screen_size is not None:  # otherwise there will be no picture, and the banner says why
            figures = measures(tab.screen_size, scale, tab.meter, tab.request, now, waited=tab.waited)
            text.append(" · ".join(figures))
        line = self.query_one("#desktop-status", Static)
        if line.content != text:
            line.update(text)

    def remark(self, text: str) -> None:
        """Show a remark for a moment."""
        if self.is_attached:
            self.say(text)

    def copy(self, text: str) -> None:
        """Put the remote clipboard's text on the user's."""
        self.app.copy_to_clipboard(text)
        self.remark(f"copied {len(text)} characters from the clipboard of {self.tab.agent}")

    # messages from the view

    @on(DesktopView.Resized)
    def _resized(self, event: DesktopView.Resized) -> None:
        if self._attached:
            self.tab.resize(event.rows, event.cols)
        else:
            self._attached = True
            self.tab.attach(self, event.rows, event.cols)

    @on(DesktopView.KeyPressed)
    def _key_pressed(self, event: DesktopView.KeyPressed) -> None:
        self.tab.type(event.key, event.character)

    @on(DesktopView.Pasted)
    def _pasted(self, event: DesktopView.Pasted) -> None:
        self.tab.send_clipboard(event.text)

    @on(DesktopView.PointerMoved)
    def _pointer_moved(self, event: DesktopView.PointerMoved) -> None:
        self.tab.move(event.row, event.col)

    @on(DesktopView.ButtonPressed)
    def _button_pressed(self, event: DesktopView.ButtonPressed) -> None:
        self.tab.button_down(_BUTTONS[event.button], event.row, event.col, event.modifiers)

    @on(DesktopView.ButtonReleased)
    def _button_released(self, event: DesktopView.ButtonReleased) -> None:
        self.tab.button_up(_BUTTONS[event.button], event.row, event.col)

    @on(DesktopView.WheelTurned)
    def _wheel_turned(self, event: DesktopView.WheelTurned) -> None:
        self.tab.wheel(event.x, event.y, event.row, event.col)

    @on(DesktopView.ViewLeft)
    def _left(self) -> None:
        self.tab.release_all()


def open_tab(agent: str, console: LinkOpener, settings: Settings, changed: Callable[[LinkTab], None]) -> DesktopPane:
    """Return a desktop tab's pane, see `natpass_tui.links.kind.OpenTab`."""
    request = settings.of(DesktopRequest)
    tab = DesktopTab(console, agent, request, on_change=lambda: changed(tab), clock=console.clock)
    return DesktopPane(tab, settings.prefix)
