"""Typing is exact whatever the keyboard over there is: a real X server, and an xterm that reads the keys."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from Xlib import X
from Xlib.display import Display
from Xlib.ext import xinput
from Xlib.protocol import rq

from natpass_agent.links.desktop.worker.input import Devices, devices
from natpass_agent.links.desktop.worker.keys import parse
from natpass_wire.us_keyboard import UNSHIFTED
from tests.support.waiting import wait_until
from tests.support.xserver import XServer, needs, x_server

assert sys.platform != "win32"

pytestmark = [pytest.mark.x11, needs("xterm", "setxkbmap")]

LAYOUTS = ("us", "gb", "de", "fr", "es", "it", "jp", "ru", "se", "ch", "br", "tr", "us,ru", "gr")
TEXT = "".join(map(chr, range(0x20, 0x7F))) + "é€中"
#: Keysyms of the keys that a person at the desktop presses here.
CAPS_LOCK, NUM_LOCK, NEXT_GROUP, SHIFT, ALT_GR, LEVEL_5, CONTROL, ALT = (
    *(0xFFE5, 0xFF7F, 0xFE08, 0xFFE1, 0xFE03, 0xFE11, 0xFFE3, 0xFFE9),
)
#: Where the layout's number stands in the core protocol's state.
GROUP_SHIFT = 13


class _FakeDeviceInput(rq.Request):
    """XTEST's FakeInput for a device other than XTEST's own ("XTEST Extension Protocol", with the input extension)."""

    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(2),
        rq.RequestLength(),
        rq.Card8("event_type"),
        rq.Card8("detail"),
        rq.Pad(2),
        rq.Card32("time"),
        rq.Pad(12),
        rq.Pad(11),
        rq.Card8("device"),
    )


class Person:
    """Somebody at the desktop, with a keyboard of flesh and blood: it has a map of its own."""

    def __init__(self, server: XServer) -> None:
        self._server = server
        self._display = Display(server.display)
        xtest, input_extension = (self._display.query_extension(name) for name in ("XTEST", "XInputExtension"))
        assert xtest is not None
        assert input_extension is not None
        self._opcode, self._first_event = xtest.major_opcode, input_extension.first_event
        devices_there = self._display.xinput_query_device(xinput.AllDevices).devices
        (self._device,) = (device.deviceid for device in devices_there if device.name == "Xvfb keyboard")

    def key(self, event: int, keysym: int) -> None:
        """Press or release a key."""
        with closing(Display(self._server.display)) as display:  # it knows the layout as it is now
            keycode = display.keysym_to_keycode(keysym)
        device_event = self._first_event + {X.KeyPress: 1, X.KeyRelease: 2}[event]
        _FakeDeviceInput(
            self._display.display,
            opcode=self._opcode,
            event_type=device_event,
            detail=keycode,
            time=X.CurrentTime,
            device=self._device,
        )
        self._display.sync()

    def use(self, layout: str) -> None:
        """Change the layout of this keyboard alone."""
        self._server.run("setxkbmap", "-device", str(self._device), layout)

    def close(self) -> None:
        self._display.close()


class Desk:
    """An X server, an xterm whose program reads what is typed, a viewer's hands, and a person at the desktop."""

    def __init__(  # noqa: PLR0917 - what it is made of
        self,
        server: XServer,
        xterm: "subprocess.Popen[bytes]",
        typed: Path,
        hands: Devices,
        person: Person,
        display: Display,
    ) -> None:
        self._server = server
        self._xterm = xterm
        self._typed = typed
        self._hands = hands
        self._person = person
        self._display = display
        self._seen = 0

    def use(self, *layout: str) -> None:
        self._server.run("setxkbmap", *layout)
        self._layout = layout[0]

    def of_person(self, layout: str) -> None:
        """Change the layout of the person's keyboard alone."""
        self._person.use(layout)

    def tap(self, text: str) -> None:
        """Type characters, or a key by its name."""
        for name in [text] if len(text) > 1 and text in {"enter", "ctrl", "shift"} else list(text):
            self.press(name)
            self.release(name)

    def press(self, name: str) -> None:
        key = parse(name)
        assert key is not None
        self._hands.press_key(key)

    def release(self, name: str) -> None:
        key = parse(name)
        assert key is not None
        self._hands.release_key(key)

    def person(self, event: int, keysym: int) -> None:
        """Have somebody at the desktop press or release a key."""
        self._display.sync()
        self._person.key(event, keysym)

    def person_taps(self, keysym: int) -> None:
        self.person(X.KeyPress, keysym)
        self.person(X.KeyRelease, keysym)

    def person_locks_capitals(self) -> None:
        with_shift = self._layout == "jp"
        if with_shift:
            self.person(X.KeyPress, SHIFT)
        self.person_taps(CAPS_LOCK)
        if with_shift:
            self.person(X.KeyRelease, SHIFT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Have xterm do nothing."""
        self._xterm.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._xterm.send_signal(signal.SIGCONT)

    @contextmanager
    def telling_modifiers(self) -> Iterator[None]:
        """Have xterm tell its program the modifiers of each key (modifyOtherKeys)."""
        tty = Path(self._typed.with_name("tty").read_text().strip())
        tty.write_bytes(b"\x1b[>4;2m\x1b[6n")
        self.wait_for(b"R")  # its answer says that it has read this
        try:
            yield
        finally:
            tty.write_bytes(b"\x1b[>4;0m\x1b[6n")
            self.wait_for(b"R")

    @property
    def mods(self) -> int:
        """The modifiers and the layout in effect."""
        return int(self._display.screen().root.query_pointer().mask)

    def read(self) -> str:
        """Return what xterm's program has read since the last call, up to the Enter that this types."""
        self.tap("enter")
        return self.wait_for(b"\r").decode().removesuffix("\r")

    def wait_for(self, end: bytes) -> bytes:
        """Return what xterm's program has read since the last call, once it ends so."""
        wait_until(lambda: self._typed.read_bytes()[self._seen :].endswith(end), f"{end!r}")
        read = self._typed.read_bytes()[self._seen :]
        self._seen += len(read)
        return read


@pytest.fixture(scope="module")
def module_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    typed = tmp_path_factory.mktemp("typed") / "typed"
    script = f"stty raw -echo; tty > {typed.with_name('tty')}; exec cat > {typed}"
    with ExitStack() as stack:
        server = stack.enter_context(x_server("800x500"))
        xterm = stack.enter_context(server.xterm(["sh", "-c", script]))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("DISPLAY", server.display)
        hands = stack.enter_context(closing(devices()))
        display = stack.enter_context(closing(Display(server.display)))
        person = stack.enter_context(closing(Person(server)))
        hands.move(100, 100)
        wait_until(typed.exists)
        yield Desk(server, xterm, typed, hands, person, display)


@pytest.fixture
def desk(module_desk: Desk) -> Iterator[Desk]:
    module_desk.use("us")
    yield module_desk
    module_desk.use("us")
    if module_desk.mods & X.LockMask:
        module_desk.person_locks_capitals()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_character_is_typed_as_it_is_with_caps_lock_or_without(desk: Desk, layout: str) -> None:
    desk.use(layout)
    for lock in (0, X.LockMask):
        before = desk.mods
        assert before & X.LockMask == lock
        desk.tap(TEXT)
        assert desk.read() == TEXT
        assert desk.mods == before
        desk.person_locks_capitals()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_existing_viewers_name_us_keys_within_shift(desk: Desk, layout: str) -> None:
    desk.use(layout)
    desk.press("shift")
    desk.tap("".join(UNSHIFTED.values()))
    desk.release("shift")
    desk.tap("aä")
    assert desk.read() == "".join(UNSHIFTED) + "aä"


def test_in_the_second_of_two_layouts_both_are_typed(desk: Desk) -> None:
    desk.use("us,ru", "-option", "grp:caps_toggle")
    desk.person_taps(NEXT_GROUP)
    assert desk.mods >> GROUP_SHIFT == 1
    desk.tap(TEXT + "Привет, мир" + "aжbЖ")
    assert desk.read() == TEXT + "Привет, мир" + "aжbЖ"
    assert desk.mods >> GROUP_SHIFT == 1


NEO = ("de", "neo")
HELD = [
    *(((layout,), keysym) for layout in ("de", "fr", "us,ru") for keysym in (SHIFT, ALT_GR, CONTROL, ALT, NUM_LOCK)),
    *((NEO, keysym) for keysym in (SHIFT, ALT_GR, LEVEL_5, CONTROL, ALT)),
]


@pytest.mark.parametrize(("layout", "keysym"), HELD)
def test_what_a_person_holds_or_has_locked_makes_no_difference_and_stays(
    desk: Desk, layout: tuple[str, ...], keysym: int
) -> None:
    desk.use(*layout)
    desk.person(X.KeyPress, keysym)
    held = desk.mods
    assert held
    # An xterm takes Shift with these as Shift+Prior and the like, which Neo has on the same keys: a person's as well.
    text = TEXT if layout != NEO else TEXT.translate(dict.fromkeys(map(ord, "QWX")))
    desk.tap(text)
    assert desk.mods == held
    desk.person(X.KeyRelease, keysym)
    if keysym == NUM_LOCK:
        desk.person_taps(keysym)
    assert desk.mods == 0
    assert desk.read() == text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ctrl_with_a_letter_is_that_on_every_layout(desk: Desk, layout: str) -> None:
    desk.use(layout)
    for _ in range(2):
        desk.press("ctrl")
        desk.tap("abcdefghijklnopqrstuvwxyz[]")
        desk.release("ctrl")
        desk.tap("c")
        assert desk.read() == "".join(chr(ord(c) & 0x1F) for c in "abcdefghijklnopqrstuvwxyz[]") + "c"
        desk.person_locks_capitals()


def test_in_a_combination_shift_is_a_key_of_its_own(desk: Desk) -> None:
    """On a German keyboard `[` needs AltGr, with which Shift makes something else: as on a US keyboard it is `{`."""
    desk.use("de")
    with desk.telling_modifiers():
        for name in ("ctrl", "shift"):
            desk.press(name)
        desk.tap("t[")
        for name in ("shift", "ctrl"):
            desk.release(name)
        # CSI 27 ; 1 + Shift 1 + Ctrl 4 ; character ~
        assert desk.read() == "".join(f"\x1b[27;6;{ord(character)}~" for character in "T{")


def test_a_program_that_is_slow_still_sees_which_character_a_keycode_meant(desk: Desk) -> None:
    text = "中文字é€жλßñ"
    with desk.stopped():
        desk.tap(text)
    assert desk.read() == text


def test_a_layout_that_changes_takes_what_was_lent_and_it_is_lent_again(desk: Desk) -> None:
    for layout in ("us", "de", "jp"):
        desk.use(layout)
        desk.tap("中a#")
        # Read before the next change: a program takes a key for what the layout says once it comes to it.
        assert desk.read() == "中a#"


def test_a_person_whose_own_keyboard_has_another_layout_types_in_between(desk: Desk) -> None:
    desk.use("us")
    desk.of_person("de")
    for _ in range(2):
        desk.person_taps(ord("z"))
        assert desk.wait_for(b"y") == b"y"  # the key of a US keyboard's z
        desk.tap(TEXT)
        assert desk.read() == TEXT


def test_shift_that_a_person_has_held_does_not_stay_down(desk: Desk) -> None:
    desk.person(X.KeyPress, SHIFT)
    desk.tap("aB")
    desk.person(X.KeyRelease, SHIFT)
    assert desk.mods == 0
    desk.tap("aB")
    assert desk.read() == "aBaB"
