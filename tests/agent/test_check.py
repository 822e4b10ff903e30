"""What `natpass-agent check` says: who may do what, and what is in doubt."""

from datetime import UTC, datetime

from natpass_agent import check
from natpass_agent.links import KINDS
from natpass_wire.identity import fingerprint
from natpass_wire.identity.authorized import AuthorizedConsoles
from natpass_wire.identity.keys import PublicKey

EVERYTHING = "shell, exec, desktop, forward, bench"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
KEYS = [PublicKey(bytes(31) + bytes([number])) for number in range(6)]
NAMES = [fingerprint.short(key) for key in KEYS]


def report(text: str, doubt: str = "") -> check.Report:
    consoles = AuthorizedConsoles.parse(text.encode(), [kind.name for kind in KINDS])
    return check.of_file("/f", consoles, NOW, doubt, KINDS)


def test_each_line_is_said() -> None:
    found = report(
        f"# mine\n{KEYS[0]} ann\n"
        f'kinds="exec,shell",expiry-time="2027-01-31" {KEYS[1]}\n'
        f"read-only {KEYS[2]} the \x1b wall\n"
        f'expiry-time="2026-11-30T12:00" {KEYS[3]}\n'
    )
    assert found.lines == (
        "/f: these consoles, and no others",
        f"line 2: {NAMES[0]} (ann): everything ({EVERYTHING})",
        f"line 3: {NAMES[1]}: shell, exec, until 2027-01-31 00:00 UTC",
        f"line 4: {NAMES[2]} (the \N{REPLACEMENT CHARACTER} wall): desktop, only to look",
        f"line 5: {NAMES[3]}: everything ({EVERYTHING}); not any more, it expired on 2026-11-30 12:00 UTC",
    )
    assert not found.doubts


def test_lines_that_grant_nothing_are_doubts() -> None:
    found = report(f'read-only,\n{KEYS[0]} ann\n{KEYS[1]}\nkinds="shell",read-only {KEYS[2]}\n')
    assert found.lines == (
        "/f: these consoles, and no others",
        "line 1: grants nothing: not OPTIONS x25519:KEY COMMENT",
        "line 2: grants nothing: line 1 above has no key: the two may be one line that was wrapped",
        f"line 3: {NAMES[1]}: everything ({EVERYTHING})",
        f"line 4: {NAMES[2]}: nothing, since it is read-only and its kinds can't be shown read-only",
    )
    assert [doubt.partition(":")[0] for doubt in found.doubts] == [
        "line 1 grants nothing",
        "line 2 grants nothing",
        "line 4 has no effect",
    ]


def test_a_wrong_clock_is_a_doubt_if_a_line_expires() -> None:
    assert not report(f"{KEYS[0]}\n", "the clock says 1970").doubts
    found = report(f'expiry-time="2027-01-31" {KEYS[1]}\n', "the clock says 1970")
    assert found.doubts == ("the clock says 1970",)
    assert found.lines[1].endswith("until 2027-01-31 00:00 UTC; not now, since the clock is wrong")


def test_no_file_and_an_empty_one() -> None:
    assert report("").lines == ("/f: no console",)
    assert not report("").doubts
    assert check.without_file("/f", KINDS, allow_unsealed=False).lines == (
        "there is no /f",
        f"every console that has the secret: everything ({EVERYTHING})",
    )
    unsealed = check.without_file("/f", KINDS, allow_unsealed=True).lines[-1]
    assert unsealed == f"every client of the relay, and its operator (--allow-unsealed): {EVERYTHING}"
