from natpass_tui.links.desktop.outbox import MOST_WAITING, DesktopOutbox
from natpass_wire.pb.desktop_pb2 import VncControl, VncMouse, VncStatus
from natpass_wire.pb.envelope_pb2 import Msg, MsgType


def everything(outbox: DesktopOutbox) -> list[Msg]:
    found: list[Msg] = []
    while (message := outbox.take()) is not None:
        found.append(message)
    return found


def test_of_moves_only_the_newest_is_sent() -> None:
    outbox = DesktopOutbox()
    for x in range(100):
        outbox.move(x, 7)
    before = outbox.is_move_next
    outbox.key("a", down=True)
    assert (before, outbox.is_move_next) == (True, False)
    outbox.move(5, 5)
    outbox.move(6, 6)
    moves = [(message.type, message.vmouse.x) for message in everything(outbox)]
    assert moves == [(MsgType.vnc_mouse, 99), (MsgType.vnc_keyboard, 0), (MsgType.vnc_mouse, 6)]


def test_a_button_says_where_it_is() -> None:
    outbox = DesktopOutbox()
    outbox.move(1, 1)
    outbox.button(VncMouse.right, 30, 40, down=True)
    outbox.move(2, 2)
    outbox.move(3, 3)
    outbox.button(VncMouse.right, 31, 41, down=False)
    sent = [(m.vmouse.type, m.vmouse.btn, m.vmouse.x, m.vmouse.y) for m in everything(outbox)]
    assert sent == [
        (VncStatus.vnc_status_unset, VncMouse.unset, 1, 1),
        (VncStatus.vnc_down, VncMouse.right, 30, 40),
        (VncStatus.vnc_status_unset, VncMouse.unset, 3, 3),  # of several moves the newest; a drag needs one
        (VncStatus.vnc_up, VncMouse.right, 31, 41),
    ]


def test_turns_of_the_wheel_are_summed() -> None:
    outbox = DesktopOutbox()
    for _ in range(5):
        outbox.scroll(0, -1)
    outbox.scroll(2, 0)
    (message,) = everything(outbox)
    assert (message.vscroll.x, message.vscroll.y) == (2, -5)


def test_only_the_last_control_is_sent() -> None:
    outbox = DesktopOutbox()
    outbox.control(VncControl(quality=20))
    outbox.secure_attention()
    outbox.control(VncControl(quality=80))
    first, second = everything(outbox)
    assert (first.type, second.vctrl.quality) == (MsgType.vnc_cad, 80)


def test_a_clipboard_is_set_or_asked_for() -> None:
    outbox = DesktopOutbox()
    outbox.set_clipboard("hej")
    outbox.get_clipboard()
    first, second = (message.vclipboard for message in everything(outbox))
    assert (first.set, first.data) == (True, "hej")
    assert not second.set


def test_it_tells_when_it_is_full() -> None:
    outbox = DesktopOutbox()
    for _ in range(MOST_WAITING):
        assert not outbox.is_full
        outbox.key("a", down=True)
    assert outbox.is_full
    outbox.clear()
    assert len(outbox) == 0
