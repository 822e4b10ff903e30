import pytest

from natpass_agent.links.desktop.worker.controls import MOST_CLICKS, MOST_KEYS, Controls
from natpass_agent.links.desktop.worker.input.fake import FakeDevices
from natpass_wire.pb.desktop_pb2 import VncKeyboard, VncMouse, VncScroll, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType


class Hands:
    def __init__(self, untypable: str = "") -> None:
        self.devices = FakeDevices(untypable)
        self.controls = Controls(self.devices)

    def mouse(self, status: VncStatus, button: VncMouse.Button = VncMouse.unset, x: int = 5, y: int = 6) -> None:
        message = Msg(type=MsgType.vnc_mouse, vmouse=VncMouse(type=status, btn=button, x=x, y=y))
        assert self.controls.take(message)

    def key(self, status: VncStatus, name: str) -> None:
        assert self.controls.take(Msg(type=MsgType.vnc_keyboard, vkbd=VncKeyboard(type=status, key=name)))

    def done(self) -> list[str]:
        done, self.devices.done = self.devices.done, []
        return done


DOWN, UP, UNSET = VncStatus.vnc_down, VncStatus.vnc_up, VncStatus.vnc_status_unset


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_a_drag(hands: Hands) -> None:
    hands.mouse(DOWN, VncMouse.left, 1, 2)
    hands.mouse(UNSET, x=30, y=40)
    hands.mouse(UP, VncMouse.left, 31, 41)
    assert hands.done() == ["move 1 2", "press LEFT", "move 30 40", "move 31 41", "release LEFT"]


def test_a_button_is_pressed_once_and_released_once(hands: Hands) -> None:
    for status in (UP, DOWN, DOWN, UP, UP):
        hands.mouse(status, VncMouse.right)
    assert [word for word in hands.done() if "RIGHT" in word] == ["press RIGHT", "release RIGHT"]


def test_keys_by_all_their_names(hands: Hands) -> None:
    hands.key(DOWN, "ctrl")
    hands.key(DOWN, "A")
    hands.key(UP, "A")
    hands.key(UP, "control")
    assert hands.done() == ["press ctrl", "press A", "release A", "release ctrl"]


def test_a_repeated_key_is_pressed_anew_but_a_modifier_stays(hands: Hands) -> None:
    for name in ("shift", "a", "shift", "a"):
        hands.key(DOWN, name)
    assert hands.done() == ["press shift", "press a", "release a", "press a"]


def test_what_makes_no_sense_is_counted(hands: Hands) -> None:
    hands.key(DOWN, "no such key")
    hands.key(UP, "x")
    hands.key(UNSET, "x")
    hands.mouse(DOWN)
    assert hands.done() == ["move 5 6"]
    assert hands.controls.ignored == 2


def test_what_the_keyboard_can_not_type_is_not_held() -> None:
    hands = Hands(untypable="中")
    hands.key(DOWN, "中")
    hands.key(UP, "中")
    assert hands.done() == []


def test_a_hostile_number_does_not_scroll_for_hours(hands: Hands) -> None:
    hands.controls.take(Msg(type=MsgType.vnc_scroll, vscroll=VncScroll(x=-(2**31), y=2**31 - 1)))
    assert hands.done() == [f"scroll {-MOST_CLICKS} {MOST_CLICKS}"]


def test_only_so_many_keys_are_down(hands: Hands) -> None:
    for number in range(MOST_KEYS + 5):
        hands.key(DOWN, chr(0x4E00 + number))
    assert len(hands.devices.keys) == MOST_KEYS


def test_everything_is_released_in_the_end(hands: Hands) -> None:
    hands.key(DOWN, "ctrl")
    hands.key(DOWN, "x")
    hands.mouse(DOWN, VncMouse.middle)
    hands.done()
    hands.controls.release_all()
    assert hands.done() == ["release MIDDLE", "release x", "release ctrl"]
    hands.controls.release_all()
    assert hands.done() == []
    assert not hands.devices.keys | hands.devices.buttons


def test_ctrl_alt_del_and_other_messages(hands: Hands) -> None:
    assert hands.controls.take(Msg(type=MsgType.vnc_cad))
    assert not hands.controls.take(Msg(type=MsgType.vnc_clipboard))
    assert hands.done() == ["secure attention"]
