import pytest

from natpass_agent.links.desktop.worker.input.keymap import KeyGroups, Keymap, KeyType
from natpass_agent.links.desktop.worker.input.spares import REST_SECONDS, Loan, Row, Spares

PLAIN = KeyType(0, {})
E_ACUTE, ZHE = (0xE9, 0xC9), (0x01000436, 0x01000416)


def keymap(rows: dict[int, Row], codes: range = range(8, 11)) -> Keymap:
    return Keymap({code: KeyGroups(((PLAIN, row),)) for code, row in rows.items()}, {}, codes)


def spares(rows: dict[int, Row] | None = None) -> Spares:
    found = Spares()
    found.load(keymap(rows or {}))
    return found


def test_a_free_keycode_is_lent_at_once_high_ones_first() -> None:
    lent = spares({9: (0x61, 0x41)})
    assert lent.lend(E_ACUTE, 0.0, ()) == Loan(10, 0.0)
    assert lent.lend(ZHE, 0.0, ()) == Loan(8, 0.0)
    assert lent.lent == {10: E_ACUTE, 8: ZHE}


def test_then_the_one_that_was_used_longest_ago_when_programs_have_seen_it() -> None:
    lent = spares()
    for code in (10, 9, 8):
        assert lent.lend((code, code), 0.0, ()) == Loan(code, 0.0)
    lent.used(10, 1.0)
    assert lent.lend(E_ACUTE, 1.0, ()) == Loan(9, 0.0)
    again = [lent.lend(E_ACUTE, now, {8}) or Loan(0, 0.0) for now in (1.0, 1.125)]
    assert [loan.keycode for loan in again] == [10, 9]
    assert [loan.wait for loan in again] == pytest.approx([REST_SECONDS, REST_SECONDS - 0.125])


def test_keycodes_that_are_down_are_not_taken() -> None:
    lent = spares()
    for _ in range(3):
        lent.lend(E_ACUTE, 0.0, ())
    assert lent.lend(ZHE, 9.0, {8, 9, 10}) is None


def test_what_others_took_back_is_lent_no_more() -> None:
    lent = spares()
    lent.lend(E_ACUTE, 0.0, ())
    lent.lend(ZHE, 0.0, ())
    lent.load(keymap({10: (0x61, 0x41), 9: ZHE}))
    assert lent.lent == {9: ZHE}
    assert lent.lend(E_ACUTE, 0.0, ()) == Loan(8, 0.0)


def test_what_somebody_lent_and_did_not_give_back_is_lent_last() -> None:
    lent = spares({8: (0x01000416, 0x01000416), 10: (0x61, 0x41)})
    assert lent.lend(E_ACUTE, 0.0, ()) == Loan(9, 0.0)
    assert lent.lend(E_ACUTE, 0.0, ()) == Loan(8, 0.0)
