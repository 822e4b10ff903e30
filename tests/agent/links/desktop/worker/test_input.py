"""The contract of pointer and keyboard, for the fake and a real X server that nobody has used yet."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from Xlib import X
from Xlib.display import Display
from Xlib.protocol.rq import Event

from natpass_agent.links.desktop.worker.errors import DesktopError
from natpass_agent.links.desktop.worker.input import Button, Devices, devices, keysyms
from natpass_agent.links.desktop.worker.input.fake import FakeDevices
from natpass_agent.links.desktop.worker.keys import NAMES, Character, Key, Named, parse
from tests.support.waiting import wait_until
from tests.support.xserver import XServer, needs


class Watcher:
    """A window over the whole screen that notes what is done to it, as programs of the desktop see it."""

    def __init__(self, display: Display) -> None:
        self._display = display
        screen = display.screen()
        mask = X.KeyPressMask | X.KeyReleaseMask | X.ButtonPressMask | X.ButtonReleaseMask | X.PointerMotionMask
        self._window = screen.root.create_window(
            0, 0, screen.width_in_pixels, screen.height_in_pixels, 0, screen.root_depth, event_mask=mask
        )
        self._window.map()
        self._window.set_input_focus(X.RevertToParent, X.CurrentTime)
        display.sync()

    def seen(self) -> list[str]:
        """Return what was done since the last call, in words."""
        self._display.sync()
        words = [self._word(self._display.next_event()) for _ in range(self._display.pending_events())]
        return [word for word in words if word]

    def _word(self, event: Event) -> str:
        if event.type == X.MappingNotify:
            self._display.refresh_keyboard_mapping(event)
            return ""
        if event.type in (X.KeyPress, X.KeyRelease):
            # What a program that knows Shift and the first layout makes of it.
            keysym = self._display.keycode_to_keysym(event.detail, int(bool(event.state & X.ShiftMask)))
            keysym = keysym or self._display.keycode_to_keysym(event.detail, 0)
            return f"{'press' if event.type == X.KeyPress else 'release'} {keysym:#x}"
        if event.type in (X.ButtonPress, X.ButtonRelease):
            return f"{'press' if event.type == X.ButtonPress else 'release'} button {event.detail}"
        return f"at {event.root_x} {event.root_y}" if event.type == X.MotionNotify else ""


@pytest.fixture(params=["fake", pytest.param("x11", marks=[pytest.mark.x11, needs()])])
def any_devices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devices]:
    if request.param == "fake":
        yield FakeDevices()
        return
    server: XServer = request.getfixturevalue("fresh")
    monkeypatch.setenv("DISPLAY", server.display)
    with closing(devices()) as real:
        yield real


@pytest.fixture
def hands(fresh: XServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devices]:
    monkeypatch.setenv("DISPLAY", fresh.display)
    with closing(devices()) as real:
        yield real


@pytest.fixture
def watcher(fresh: XServer) -> Iterator[Watcher]:
    with closing(Display(fresh.display)) as display:
        yield Watcher(display)


def test_every_call_returns(any_devices: Devices) -> None:
    any_devices.move(0, 0)
    any_devices.move(10**9, 10**9)
    for button in Button:
        any_devices.press_button(button)
        any_devices.release_button(button)
    any_devices.scroll(-2, 3)
    keys: list[Key] = [*Named, *map(Character, "aA@éж中😀")]
    for key in keys:
        any_devices.press_key(key)
        any_devices.release_key(key)
    any_devices.secure_attention()


pytestmark = [pytest.mark.x11, needs()]


def sym(character: str) -> str:
    return f"{keysyms.of(Character(character)):#x}"


def test_pointer_buttons_and_wheel(hands: Devices, watcher: Watcher) -> None:
    hands.move(50, 60)
    for button in Button:
        hands.press_button(button)
        hands.release_button(button)
    hands.scroll(1, 2)
    hands.scroll(-1, -1)
    numbers = (1, 2, 3, 6, 4, 4, 7, 5)
    expected = ["at 50 60", *(f"{what} button {number}" for number in numbers for what in ("press", "release"))]
    assert done(watcher, len(expected)) == expected


def done(watcher: Watcher, count: int) -> list[str]:
    """Return the next things that are done."""
    found: list[str] = []

    def enough() -> bool:
        found.extend(watcher.seen())
        return len(found) >= count

    wait_until(enough, f"{count} events")
    return found


def typed(watcher: Watcher, count: int) -> list[str]:
    """Return the keysyms of the next presses of keys that are not Shift."""
    found: list[str] = []
    shift = f"press {keysyms.NAMED[Named.SHIFT]:#x}"

    def enough() -> bool:
        found.extend(word for word in watcher.seen() if word.startswith("press") and word != shift)
        return len(found) >= count

    wait_until(enough, f"{count} keys")
    return [word.removeprefix("press ") for word in found]


def tap(hands: Devices, key: Key) -> None:
    hands.press_key(key)
    hands.release_key(key)


@pytest.mark.parametrize("first", ["a", "A", "@", "é"])
def test_the_first_key_on_a_fresh_server(hands: Devices, watcher: Watcher, first: str) -> None:
    tap(hands, Character(first))
    assert typed(watcher, 1) == [sym(first)]


def test_characters_arrive_as_they_are_in_order(hands: Devices, watcher: Watcher) -> None:
    text = "".join(map(chr, range(0x21, 0x7F))) + "éÉßñżжЖλ中文€😀" + "aéaé"
    for character in text:
        tap(hands, Character(character))
    assert typed(watcher, len(text)) == [sym(c) for c in text]


def test_more_unusual_characters_than_there_are_free_keys(hands: Devices, watcher: Watcher) -> None:
    text = [chr(0x4E00 + number) for number in range(100)]
    for character in text:
        tap(hands, Character(character))
        assert typed(watcher, 1) == [sym(character)]


def test_all_names(hands: Devices, watcher: Watcher) -> None:
    for name in sorted(NAMES):
        key = parse(name)
        assert isinstance(key, Named)
        if key in (Named.SHIFT, Named.CAPS_LOCK, Named.NUM_LOCK):
            continue  # below
        tap(hands, key)
        assert typed(watcher, 1) == [f"{keysyms.NAMED[key]:#x}"], name


def test_num_lock_makes_no_difference_to_the_number_pad(hands: Devices, watcher: Watcher) -> None:
    for _ in range(2):
        tap(hands, Named.PAD_7)
        assert typed(watcher, 1) == [f"{keysyms.NAMED[Named.PAD_7]:#x}"]
        tap(hands, Named.NUM_LOCK)
        typed(watcher, 1)


def test_shift_that_the_viewer_holds_is_not_taken_from_him(hands: Devices, watcher: Watcher) -> None:
    hands.press_key(Named.SHIFT)
    tap(hands, Character("a"))
    tap(hands, Character("B"))
    hands.release_key(Named.SHIFT)
    tap(hands, Character("c"))
    assert typed(watcher, 3) == [sym("A"), sym("B"), sym("c")]


def test_shift_that_a_character_needs_does_not_change_the_next(hands: Devices, watcher: Watcher) -> None:
    hands.press_key(Character("A"))
    hands.press_key(Character("b"))
    hands.release_key(Character("A"))
    hands.release_key(Character("b"))
    assert typed(watcher, 2) == [sym("A"), sym("b")]


def test_caps_lock_makes_no_difference_to_characters(hands: Devices, fresh: XServer) -> None:
    with closing(Display(fresh.display)) as display:
        tap(hands, Named.CAPS_LOCK)
        wait_until(lambda: display.screen().root.query_pointer().mask & X.LockMask)
        watcher = Watcher(display)
        for character in "aA1!":
            tap(hands, Character(character))
        assert typed(watcher, 4) == [sym("a"), sym("A"), sym("1"), sym("!")]
        assert display.screen().root.query_pointer().mask & X.LockMask
        tap(hands, Named.CAPS_LOCK)


def test_ctrl_alt_del(hands: Devices, watcher: Watcher) -> None:
    hands.secure_attention()
    names = (Named.CONTROL, Named.ALT, Named.DELETE)
    down = [f"press {keysyms.NAMED[name]:#x}" for name in names]
    assert done(watcher, 6) == down + [word.replace("press", "release") for word in reversed(down)]


def test_borrowed_keys_are_given_back(fresh: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", fresh.display)
    with closing(Display(fresh.display)) as display:
        before = display.get_keyboard_mapping(8, 248)
        with closing(devices()) as hands:
            tap(hands, Character("中"))
            assert display.get_keyboard_mapping(8, 248) != before
        assert display.get_keyboard_mapping(8, 248) == before


def test_a_server_that_ends_is_told_so(fresh: XServer, hands: Devices) -> None:
    fresh.process.kill()
    fresh.process.wait()
    with pytest.raises(DesktopError, match="the X server has ended"):
        wait_until(lambda: hands.press_key(Named.ENTER))
