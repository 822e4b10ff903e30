"""The mouse: for the remote if it asked, else for history and selection."""

import pytest
from textual import events
from textual.pilot import Pilot

from natpass_tui.terminal.source import InputSource
from natpass_tui.widgets.terminal_view import TerminalView
from tests.support.waiting import wait_for
from tests.tui.widgets.terminal_apps import ViewApp
from tests.tui.widgets.test_terminal_view import SEQ, painted, shows

pytestmark = pytest.mark.screens


def mouse(
    view: TerminalView, kind: type[events.MouseEvent], row: int, col: int, button: int = 1, *, shift: bool = False
) -> None:
    view.post_message(kind(view, col, row, 0, 0, button, shift, False, False, screen_x=col, screen_y=row))


async def feed(app: ViewApp, data: bytes) -> None:
    await app.view.feed(data)
    await app.view.drained()
    app.view.render_lines(app.view.region)


async def settle(pilot: Pilot[None]) -> None:
    await pilot.pause()


async def test_clicks_and_drags_go_to_who_asked(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, b"\x1b[?1002;1006h")
    await wait_for(lambda: app.view._modes.mouse)
    mouse(app.view, events.MouseDown, 2, 3)
    mouse(app.view, events.MouseMove, 3, 4)
    mouse(app.view, events.MouseUp, 90, 400)
    mouse(app.view, events.MouseMove, 3, 4, button=0)
    mouse(app.view, events.MouseScrollDown, 1, 1)
    await settle(pilot)
    assert app.take() == b"\x1b[<0;4;3M\x1b[<32;5;4M\x1b[<0;34;10m\x1b[<65;2;2M"


async def test_each_button_goes_up_as_itself(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, b"\x1b[?1002;1006h")
    await wait_for(lambda: app.view._modes.mouse)
    mouse(app.view, events.MouseDown, 0, 0, button=1)
    mouse(app.view, events.MouseDown, 0, 0, button=3)
    mouse(app.view, events.MouseUp, 0, 0, button=1)
    mouse(app.view, events.MouseMove, 0, 1, button=3)
    mouse(app.view, events.MouseUp, 0, 1, button=3)
    mouse(app.view, events.MouseUp, 0, 1, button=2)  # it went down elsewhere
    await settle(pilot)
    assert [message.button for message in app.inputs if message.source is not InputSource.SCREEN] == [0, 2, 0, 2]
    assert app.take() == b"\x1b[<0;1;1M\x1b[<2;1;1M\x1b[<0;1;1m\x1b[<34;2;1M\x1b[<2;2;1m"


async def test_what_nobody_typed_says_so_and_what_it_reacts_to(pilot: Pilot[None], app: ViewApp) -> None:
    asks, more = b"\x1b[?1002;1004;1006h\x1b[6n", b"more"
    await feed(app, asks)
    await feed(app, more)
    await wait_for(lambda: app.view._modes.mouse)
    mouse(app.view, events.MouseDown, 0, 0)
    mouse(app.view, events.MouseMove, 1, 1)
    mouse(app.view, events.MouseUp, 1, 1)
    mouse(app.view, events.MouseScrollDown, 0, 0)
    await settle(pilot)
    app.view.send_key("a", "a")
    app.view.send_paste("b")
    app.view.on_blur()
    await settle(pilot)
    seen = len(asks + more)
    assert app.view.fed == seen
    assert [(message.source, message.seen) for message in app.inputs] == [
        (InputSource.ANSWER, len(asks)),
        (InputSource.PRESS, seen),
        (InputSource.SCREEN, seen),
        (InputSource.RELEASE, seen),
        (InputSource.SCREEN, seen),
        (InputSource.TYPED, seen),
        (InputSource.TYPED, seen),
        (InputSource.SCREEN, seen),
    ]


async def test_every_move_goes_to_who_asked(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, b"\x1b[?1003;1006h")
    await wait_for(lambda: app.view._modes.mouse)
    mouse(app.view, events.MouseMove, 3, 4, button=0)
    await settle(pilot)
    assert app.take() == b"\x1b[<35;5;4M"


async def test_the_wheel_scrolls_history(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, SEQ)
    mouse(app.view, events.MouseScrollUp, 1, 1)
    await shows(app.view, "[-3/91]")
    mouse(app.view, events.MouseScrollDown, 1, 1)
    await wait_for(lambda: not app.view.is_scrolled)
    assert app.take() == b""


@pytest.mark.parametrize(("modes", "sent"), [(b"", b"\x1b[A"), (b"\x1b[?1h", b"\x1bOA"), (b"\x1b[?1007l", b"")])
async def test_the_wheel_is_arrow_keys_on_the_alternate_screen(
    pilot: Pilot[None], app: ViewApp, modes: bytes, sent: bytes
) -> None:
    await feed(app, b"\x1b[?1049h" + modes + b"x")
    await wait_for(lambda: app.view._modes.alternate_screen)
    mouse(app.view, events.MouseScrollUp, 1, 1)
    await settle(pilot)
    assert app.take() == sent * 3


async def select(
    pilot: Pilot[None], app: ViewApp, start: tuple[int, int], end: tuple[int, int], *, shift: bool = False
) -> None:
    mouse(app.view, events.MouseDown, *start, shift=shift)
    mouse(app.view, events.MouseMove, *end, shift=shift)
    mouse(app.view, events.MouseUp, *end, shift=shift)
    await settle(pilot)


async def test_dragging_selects_and_copies(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, b"hello world\r\nsecond line")
    await select(pilot, app, (0, 6), (1, 5))
    assert [copied.text for copied in app.of_kind(TerminalView.Copied)] == ["world\nsecond"]
    assert "\x1b[7mworld" in app.view._canvas.strip(0).render(app.console)
    assert app.take() == b""
    await pilot.press("x")
    assert "\x1b[7m" not in app.view._canvas.strip(0).render(app.console)


async def test_a_click_selects_nothing(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, b"hello world")
    await select(pilot, app, (0, 6), (0, 6))
    assert not app.of_kind(TerminalView.Copied)


async def test_shift_selects_whatever_the_remote_asked(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, b"hello\x1b[?1003;1006h")
    await wait_for(lambda: app.view._modes.mouse)
    await select(pilot, app, (0, 0), (0, 4), shift=True)
    assert [copied.text for copied in app.of_kind(TerminalView.Copied)] == ["hello"]
    assert app.take() == b""


async def test_a_selection_moves_with_its_text(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, SEQ)
    await shows(app.view, "line 99")
    await select(pilot, app, (0, 0), (0, 6))
    assert app.of_kind(TerminalView.Copied)[0].text == "line 91"
    app.view.scroll_history(2)
    row = painted(app.view).index("line 91")
    assert row == 2
    assert "\x1b[7mline 91" in app.view._canvas.strip(row).render(app.console)
    await app.view.feed(b"more\r\n")
    await wait_for(lambda: app.view._canvas.scroll.history == 92)
    assert "\x1b[7mline 91" in app.view._canvas.strip(row).render(app.console)


async def test_dragging_over_the_edge_scrolls(pilot: Pilot[None], app: ViewApp) -> None:
    await feed(app, SEQ)
    await shows(app.view, "line 99")
    mouse(app.view, events.MouseDown, 2, 3)
    mouse(app.view, events.MouseMove, -3, 0)
    mouse(app.view, events.MouseUp, -3, 0)
    await settle(pilot)
    assert app.view.is_scrolled
    assert app.of_kind(TerminalView.Copied)[0].text.split("\n") == [
        *(f"line {number}" for number in range(88, 93)),
        "line",
    ]
