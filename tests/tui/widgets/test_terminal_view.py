"""The view in Textual's harness: output, painting, keys."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from textual import events
from textual.pilot import Pilot

from natpass_tui.terminal import Frame
from natpass_tui.terminal.clipboard import Clip
from natpass_tui.terminal.fallback import FallbackEngine
from natpass_tui.terminal.pump import WAITING_BYTES
from natpass_tui.widgets.terminal_view import TerminalView
from tests.support.waiting import wait_for
from tests.tui.widgets.terminal_apps import TabsApp, ViewApp

pytestmark = pytest.mark.screens

SIZE = (40, 11)
ROWS, COLS = 10, 34
SEQ = b"".join(b"line %d\r\n" % number for number in range(100))


def painted(view: TerminalView) -> list[str]:
    """The rows as the compositor has them."""
    strips = view.screen._compositor.render_strips()
    region = view.region
    return [strip.crop(region.x, region.right).text.rstrip() for strip in strips[region.y : region.bottom]]


async def shows(view: TerminalView, text: str) -> None:
    await wait_for(lambda: text in "\n".join(painted(view)), f"{text!r} on the screen")


async def test_output_is_painted(pilot: Pilot[None], app: ViewApp) -> None:
    await app.view.feed("hello 中文\r\n".encode())
    await shows(app.view, "hello 中文")
    assert (app.view.rows, app.view.cols) == (ROWS, COLS)
    (resized,) = app.of_kind(TerminalView.Resized)
    assert (resized.rows, resized.cols, resized.control) == (ROWS, COLS, app.view)


async def test_what_came_before_the_view_was_there_is_not_lost() -> None:
    app = ViewApp()
    app.view.feed_nowait(b"early")
    await wait_for(lambda: not app.view._pump.waiting)
    async with app.run_test(size=SIZE):
        await shows(app.view, "early")
        await asyncio.wait_for(app.view.drained(), 10)
        await app.view.feed(b" late")
        await shows(app.view, "early late")


async def test_a_resize_is_reported_and_reflows(pilot: Pilot[None], app: ViewApp) -> None:
    await app.view.feed(b"x" * COLS)
    await pilot.resize_terminal(26, 8)
    await wait_for(lambda: len(app.of_kind(TerminalView.Resized)) == 2)
    assert (app.messages[-1].rows, app.messages[-1].cols) == (7, 20)  # type: ignore[attr-defined]
    await shows(app.view, "x" * 20 + "\n" + "x" * 14)


async def test_only_changed_rows_are_painted(pilot: Pilot[None], app: ViewApp, monkeypatch: pytest.MonkeyPatch) -> None:
    await app.view.feed(b"\x1b[?25l" + SEQ)
    await shows(app.view, "line 99")
    await app.view.drained()
    await wait_for(lambda: not app.view._canvas._touched)
    regions: list[int] = []
    monkeypatch.setattr(
        "natpass_tui.widgets.painted_view.paint_now",
        lambda _view, found: regions.extend(row for region in found for row in region.line_range),
    )
    await app.view.feed(b"\x1b[3;1Hchanged")
    await wait_for(lambda: regions)
    assert regions == [2]


async def test_replies_go_to_the_remote(pilot: Pilot[None], app: ViewApp) -> None:
    await app.view.feed(b"\x1b[3;4H\x1b[6n")
    await wait_for(lambda: app.sent)
    assert app.take() == b"\x1b[3;4R"


async def test_title_bell_and_clipboard(pilot: Pilot[None], app: ViewApp) -> None:
    await app.view.feed(b"\x1b]2;[b]title\x07\x07\x1b]52;c;aGk=\x07\x1b]52;p;aG8=\x07")
    await wait_for(lambda: len(app.of_kind(TerminalView.ClipboardSet)) == 2)
    assert [message.clip for message in app.of_kind(TerminalView.ClipboardSet)] == [Clip("c", "hi"), Clip("p", "ho")]
    assert app.of_kind(TerminalView.TitleChanged)[0].title == "[b]title"
    assert len(app.of_kind(TerminalView.Bell)) == 1
    assert not app.clipboard


@pytest.mark.parametrize(
    ("pressed", "sent"),
    [
        (["a", "A", "space", "full_stop"], b"aA ."),
        (["ctrl+c", "ctrl+q", "ctrl+z", "ctrl+p", "ctrl+d"], b"\x03\x11\x1a\x10\x04"),
        (["tab", "shift+tab", "escape", "enter"], b"\t\x1b[Z\x1b\r"),
        (["up", "ctrl+left", "f1", "f12", "pageup"], b"\x1b[A\x1b[1;5D\x1bOP\x1b[24~\x1b[5~"),
        (["alt+enter", "alt+full_stop", "ctrl+h"], b"\x1b\r\x1b.\x08"),
    ],
)
async def test_keys_go_to_the_remote(pilot: Pilot[None], app: ViewApp, pressed: list[str], sent: bytes) -> None:
    await pilot.press(*pressed)
    await wait_for(lambda: len(app.sent) >= len(sent))
    assert app.take() == sent
    assert app.focused is app.view
    assert app.keys == []


async def test_application_cursor_keys(pilot: Pilot[None], app: ViewApp) -> None:
    await app.view.feed(b"\x1b[?1h")
    await app.view.drained()
    await pilot.press("up")
    assert app.take() == b"\x1bOA"


async def test_the_backspace_key_and_ctrl_h(pilot: Pilot[None], app: ViewApp) -> None:
    app.view.post_message(events.Key("backspace", "\x08"))
    app.view.post_message(events.Key("backspace", "\x7f"))
    await wait_for(lambda: len(app.sent) == 2)
    assert app.take() == b"\x08\x7f"


async def test_the_prefix_is_left_to_the_application(pilot: Pilot[None], app: ViewApp) -> None:
    await pilot.press("ctrl+right_square_bracket", "x")
    assert app.take() == b"x"
    assert app.keys == ["ctrl+right_square_bracket"]
    assert len(app.of_kind(TerminalView.PrefixPressed)) == 1
    app.view.send_key("ctrl+right_square_bracket")
    await wait_for(lambda: app.sent)
    assert app.take() == b"\x1d"


async def test_intercepted_keys_are_left_to_the_application() -> None:
    armed = False

    def intercept(event: events.Key) -> bool:
        nonlocal armed
        ours, armed = armed or event.key == "ctrl+a", event.key == "ctrl+a"
        return ours

    app = ViewApp(TerminalView(intercept=intercept))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("x", "ctrl+a", "n", "y")
        assert app.take() == b"xy"
        assert app.keys == ["ctrl+a", "n"]


async def test_paste(pilot: Pilot[None], app: ViewApp) -> None:
    app.view.post_message(events.Paste("a\nb"))
    await wait_for(lambda: app.sent)
    assert app.take() == b"a\rb"
    await app.view.feed(b"\x1b[?2004h")
    await app.view.drained()
    app.view.post_message(events.Paste("a\nb"))
    await wait_for(lambda: app.sent)
    assert app.take() == b"\x1b[200~a\nb\x1b[201~"


async def test_focus_is_told_to_those_who_ask(pilot: Pilot[None], app: ViewApp) -> None:
    await app.view.feed(b"\x1b[?1004h")
    await app.view.drained()
    app.set_focus(None)
    await wait_for(lambda: app.sent == b"\x1b[O")
    app.view.focus()
    await wait_for(lambda: app.sent == b"\x1b[O\x1b[I")


async def test_scrolling_back_and_the_indicator(pilot: Pilot[None], app: ViewApp) -> None:
    view = app.view
    await view.feed(SEQ)
    await shows(view, "line 99")
    scrolled = [view.is_scrolled]
    view.scroll_history(20)
    scrolled.append(view.is_scrolled)
    assert painted(view)[0] == "line 71".ljust(COLS - len("[-20/91]")) + "[-20/91]"
    view.scroll_history_page(1)
    assert "[-29/91]" in painted(view)[0]
    view.scroll_history_top()
    assert painted(view)[0].startswith("line 0 ")
    view.scroll_history_page(-100)
    scrolled.append(view.is_scrolled)
    view.scroll_history_top()
    await pilot.press("x")
    assert [*scrolled, view.is_scrolled] == [False, True, False, False]
    assert painted(view)[0] == "line 91"


async def test_a_separator_forgets_the_last_application(pilot: Pilot[None], app: ViewApp) -> None:
    view = app.view
    await view.feed(b"prompt$ \x1b[?1049h\x1b[?1000;1006;2004h\x1b[?1h\x1b[5;1Hvim\x1b]2;cut sho")
    view.write_separator("connection lost \x1b[31m")
    await view.drained()
    await shows(view, "connection lost")
    assert painted(view)[:3] == ["prompt$", "── connection lost [31m ──", ""]
    await pilot.press("up")
    await pilot.click("#view", offset=(2, 2))
    assert app.take() == b"\x1b[A"


async def test_a_separator_comes_below_what_was_there(app: ViewApp, pilot: Pilot[None]) -> None:
    await app.view.feed(b"one\r\ntwo\r\nprompt$ ")
    app.view.write_separator("connection lost")
    await shows(app.view, "connection lost")
    assert painted(app.view)[:4] == ["one", "two", "prompt$", "── connection lost ──"]


async def test_a_separator_breaks_between_words(app: ViewApp, pilot: Pilot[None]) -> None:
    app.view.write_separator("met web-1 for the first time; 'natpass-agent fingerprint'\nsays so")
    await shows(app.view, "says so")
    lines = [line for line in painted(app.view) if line]
    assert " ".join(" ".join(lines).split()) == (
        "── met web-1 for the first time; 'natpass-agent fingerprint' ── ── says so ──"
    )
    assert all(line.startswith(("── ", "   ")) for line in lines)


async def test_a_view_nobody_sees_parses_and_does_not_paint() -> None:
    app = TabsApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        builds: list[Frame] = []
        apply = app.second._canvas.apply

        def noted(frame: Frame) -> None:
            builds.append(frame)
            apply(frame)

        app.second._canvas.apply = noted  # type: ignore[method-assign]  # notes each frame
        for _ in range(5):
            await app.second.feed(SEQ)
            await app.second.drained()
        await wait_for(lambda: app.activity)
        assert set(app.activity) == {"second"}
        assert not builds
        app.query_one("ContentSwitcher").current = "second"  # type: ignore[attr-defined]  # a ContentSwitcher
        await pilot.pause()
        await shows(app.second, "line 99")
        assert len(builds) <= 3


async def test_feeding_waits_until_all_but_a_little_is_parsed() -> None:
    engine = SlowEngine(10, 34)
    app = ViewApp(TerminalView(engine=engine))
    async with app.run_test(size=SIZE):
        engine.gate = threading.Event()
        await app.view.feed(b"x" * (WAITING_BYTES - 3))
        held = asyncio.ensure_future(app.view.feed(b"  end"))  # noqa: TID251
        for _ in range(10):
            await asyncio.sleep(0)
        assert not held.done()
        engine.gate.set()
        await asyncio.wait_for(held, 10)
        await asyncio.wait_for(app.view.drained(), 10)
        await shows(app.view, "end")


class SlowEngine(FallbackEngine):
    gate: threading.Event | None = None

    def feed(self, data: bytes) -> bytes:
        assert self.gate is None or self.gate.wait(10)
        return super().feed(data[-10:])


async def test_an_application_may_hold_a_frame_back_but_not_for_ever(pilot: Pilot[None], app: ViewApp) -> None:
    await app.view.feed(b"first")
    await shows(app.view, "first")
    await app.view.feed(b"\x1b[?2026hheld")
    await app.view.drained()
    assert "held" not in "\n".join(painted(app.view))
    await shows(app.view, "held")


async def test_a_slow_terminal_gets_fewer_frames(
    pilot: Pilot[None], app: ViewApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = 1
    monkeypatch.setattr("natpass_tui.widgets.painted_view.writer_depth", lambda _app: depth)
    frames = count_frames(app.view)
    for number in range(20):
        await app.view.feed(b"%d\r\n" % number)
        await app.view.drained()
    assert frames() == 0
    depth = 0
    await wait_for(lambda: frames() == 1)
    await shows(app.view, "19")


def count_frames(view: TerminalView) -> Callable[[], int]:
    count = 0
    repaint = view._repaint

    def counted() -> None:
        nonlocal count
        count += 1
        repaint()

    view._repaint = counted  # type: ignore[method-assign]  # counts, and paints
    return lambda: count
