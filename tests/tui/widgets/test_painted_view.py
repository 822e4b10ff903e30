"""When a view is painted: at once, in a frame's time, or when the terminal has taken the last paint."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from natpass_tui.driver import AnsiStrip
from natpass_tui.widgets import painted_view
from natpass_tui.widgets.canvas import Canvas
from natpass_tui.widgets.desktop_view import DesktopView
from natpass_tui.widgets.painted_view import FRAME_SECONDS, PaintedView
from natpass_tui.widgets.terminal_view import TerminalView
from tests.support.waiting import wait_for

SIZE = (20, 4)


class Numbers(Canvas):
    """Every row shows a number."""

    number = 0

    def show(self, number: int) -> None:
        self.number = number
        self._touch(1)

    def _build(self, row: int) -> Strip:
        return AnsiStrip(f"{self.number:>{self.cols}}", self.cols)


class NumberView(PaintedView):
    """The smallest kind of view."""

    _canvas: Numbers

    def __init__(self) -> None:
        super().__init__(Numbers(1, 1), id="numbers")
        self.newest = 0
        self.holds = False

    def _update(self, *, may_wait: bool) -> bool:
        if may_wait and self.holds:
            return False
        self._canvas.show(self.newest)
        return True

    def show(self, number: int) -> None:
        self.newest = number
        self.changed()

    def _key_typed(self, key: str, character: str | None) -> None: ...
    def _text_pasted(self, text: str) -> None: ...
    def _button_down(self, event: events.MouseDown) -> None: ...
    def _button_up(self, event: events.MouseUp) -> None: ...
    def _pointer_moved(self, event: events.MouseMove) -> None: ...
    def _wheel_turned(self, event: events.MouseEvent, x: int, y: int) -> None: ...


@dataclass
class Clock:
    """A loop whose time stands still until somebody turns it on."""

    now: float = 1e9
    due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, action: Callable[[], None]) -> "Clock":
        self.due.append((self.now + seconds, action))
        return self

    def cancel(self) -> None:
        self.due.clear()

    def turn_on(self, seconds: float) -> None:
        self.now += seconds
        due, self.due = self.due, []
        for at, action in due:
            if at <= self.now:
                action()
            else:
                self.due.append((at, action))


class Tabs(App[None]):
    """The view, and another one in front of it if need be."""

    def __init__(self) -> None:
        super().__init__()
        self.view = NumberView()

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="numbers"):
            yield self.view
            yield Widget(id="other")

    @property
    def painted(self) -> list[str]:
        return [strip.text.strip() for strip in self.screen._compositor.render_strips()]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def app(clock: Clock) -> AsyncIterator[Tabs]:
    app = Tabs()
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(lambda: app.view._sized and not app.view._stale and app.painted == ["0"] * 4)
        await pilot.pause()
        app.view._loop = clock  # type: ignore[assignment]  # as much of a loop as it needs
        app.view._timer = None
        clock.turn_on(1)
        app.view.paints = 0
        yield app


async def test_after_a_silence_it_is_painted_at_once(app: Tabs, clock: Clock) -> None:
    app.view.show(7)
    assert app.painted[1] == "7"
    assert app.view.paints == 1
    assert not clock.due


async def test_under_load_it_is_painted_once_a_frame_with_what_is_newest(app: Tabs, clock: Clock) -> None:
    for number in range(1, 100):
        app.view.show(number)
    assert app.painted[1] == "1"
    assert app.view.paints == 1
    clock.turn_on(FRAME_SECONDS * 0.9)
    assert app.view.paints == 1
    clock.turn_on(FRAME_SECONDS * 0.2)
    assert app.painted[1] == "99"
    assert app.view.paints == 2
    assert not clock.due


async def test_a_terminal_that_is_behind_gets_the_newest_once_it_has_taken_the_last(
    app: Tabs, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = 1
    monkeypatch.setattr(painted_view, "writer_depth", lambda _app: depth)
    for number in range(1, 50):
        app.view.show(number)
        clock.turn_on(0.1)
    assert app.view.paints == 0
    depth = 0
    clock.turn_on(0.1)
    assert app.painted[1] == "49"
    assert app.view.paints == 1


async def test_what_the_remote_holds_back_is_asked_for_again(app: Tabs, clock: Clock) -> None:
    app.view.holds = True
    app.view.show(5)
    assert app.view.paints == 0
    clock.turn_on(FRAME_SECONDS)
    assert app.view.paints == 0
    app.view.holds = False
    clock.turn_on(FRAME_SECONDS)
    assert app.painted[1] == "5"


async def test_what_nobody_sees_is_painted_when_it_comes_to_the_front_and_only_once(app: Tabs, clock: Clock) -> None:
    switcher = app.query_one(ContentSwitcher)
    switcher.current = "other"
    await wait_for(lambda: not app.view._shown)
    app.view.show(8)
    assert (app.view.paints, app.view._canvas.number, clock.due) == (0, 0, [])
    switcher.current = "numbers"
    await wait_for(lambda: app.painted[1] == "8")
    clock.turn_on(1)
    assert app.view.paints == 0, "Textual has painted all of it, so nothing is left to paint"


async def test_after_its_end_it_does_nothing(app: Tabs, clock: Clock) -> None:
    app.view.show(1)
    app.view.show(2)
    await app.view.remove()
    assert not clock.due
    app.view.show(3)
    assert (app.view.paints, clock.due) == (1, [])


@pytest.mark.parametrize("make", [TerminalView, lambda: DesktopView(lambda: None)], ids=["terminal", "desktop"])
async def test_the_terminal_and_the_desktop_are_such_views(make: Callable[[], PaintedView]) -> None:
    """They say their size and the prefix key by the same messages, and leave the prefix key alone."""
    view = make()
    heard: list[object] = []

    class One(App[None]):
        def compose(self) -> ComposeResult:
            yield view

        def on_painted_view_resized(self, message: PaintedView.Resized) -> None:
            heard.append((message.rows, message.cols, message.control))

        def on_painted_view_prefix_pressed(self) -> None:
            heard.append("prefix")

        def on_key(self, event: events.Key) -> None:
            heard.append(event.key)

    async with One().run_test(size=SIZE) as pilot:
        view.focus()
        await pilot.press("a", "ctrl+right_square_bracket", "b")
        await wait_for(lambda: len(heard) == 3)
        assert heard[0] == (SIZE[1], SIZE[0], view)
        assert sorted(map(str, heard[1:])) == ["ctrl+right_square_bracket", "prefix"]
