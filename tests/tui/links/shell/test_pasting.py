from natpass_tui.links.shell.pasting import LARGE_BYTES, Pasting
from natpass_tui.pastes import MOST_BYTES

PASTE = bytes(range(256)) * 1000


def test_a_paste_is_given_in_pieces_with_what_was_typed_behind_it() -> None:
    pasting = Pasting()
    assert not pasting
    assert pasting.put(PASTE) == ""
    first = pasting.take(100_000)
    assert pasting.put(b"typed") == ""
    assert b"".join(pasting.rest()) == PASTE[100_000:] + b"typed"
    assert pasting.text() == "pasting 0.1 of 0.3 MB — ctrl+c stops it"
    given = bytearray(first)
    while pasting:
        given += pasting.take(50_000)
    assert given == PASTE + b"typed"
    assert pasting.take(10) == b""
    assert pasting.text() == ""


def test_ctrl_c_drops_the_rest_and_is_sent() -> None:
    pasting = Pasting()
    pasting.put(PASTE)
    pasting.take(1000)
    pasting.put(b"typed")
    pasting.put(b"\x03")
    assert pasting.take(10_000) == b"\x03"
    assert not pasting


def test_a_program_that_was_told_of_a_paste_is_told_of_its_end() -> None:
    pasting = Pasting()
    pasting.put(b"\x1b[200~" + PASTE + b"\x1b[201~")
    pasting.take(1000)
    pasting.put(b"\x1b[99;5u")
    assert (bool(pasting), pasting.is_stoppable) == (True, False)
    assert b"".join(pasting.rest()) == b"\x1b[201~\x1b[99;5u"
    pasting = Pasting()
    pasting.put(b"\x1b[200~" + PASTE + b"\x1b[201~")
    pasting.put(b"\x03")  # before it has begun
    assert b"".join(pasting.rest()) == b"\x03"


def test_what_is_too_large_is_refused_with_its_size_and_the_limit() -> None:
    pasting = Pasting()
    assert pasting.put(bytes(MOST_BYTES + LARGE_BYTES + 1)) == "not sent: 67.2 MB; at most 67 MB can be pasted"
    assert pasting.put(bytes(MOST_BYTES + 12)) == ""  # with the marks around it
    pasting.clear()
    pasting.put(PASTE)
    assert pasting.put(bytes(MOST_BYTES)) == "not sent: 67.1 MB while 0.3 MB wait; at most 67 MB can be pasted"
    assert b"".join(pasting.rest()) == PASTE


def test_the_second_of_two_pastes_is_ended_as_well() -> None:
    pasting = Pasting()
    whole = b"\x1b[200~" + PASTE + b"\x1b[201~"
    pasting.put(whole)
    for behind in (b"x", whole):
        pasting.put(behind)
    assert pasting.take(len(whole)) == whole
    pasting.take(1000)
    pasting.put(b"\x1b[27;5;99~")  # Ctrl+C with modifyOtherKeys at level 2
    assert b"".join(pasting.rest()) == b"\x1b[201~\x1b[27;5;99~"
    pasting = Pasting()
    pasting.put(whole)
    pasting.put(b"keys behind it")
    assert pasting.take(len(whole)) == whole
    pasting.put(b"\x03")
    assert b"".join(pasting.rest()) == b"\x03"  # the program was told of the end
