import pytest

from natpass_tui.hints import shell_hint, without_terminal


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        ([b"ls /"], " (no shell is used; for one: -- sh -c 'ls /')"),
        ([b"a|b", b"c"], " (no shell is used; for one: -- sh -c 'a|b c')"),
        ([b"echo $HOME's"], """ (no shell is used; for one: -- sh -c 'echo $HOME'"'"'s')"""),
        ([b"x " * 1000], " (no shell is used; for one: -- sh -c '…')"),
        ([b"cd", b"/tmp"], " (no shell is used; for one: -- sh -c 'cd /tmp')"),
        ([b"export"], " (no shell is used; for one: -- sh -c export)"),
        ([b"lss"], ""),
        ([b"/usr/bin/lss", b"a b"], ""),
        ([], ""),
    ],
)
def test_a_command_line_gets_a_hint_and_a_wrong_name_none(argv: list[bytes], hint: str) -> None:
    assert shell_hint(argv, "no such program: whatever") == hint
    assert shell_hint(argv, "permission denied") == ""


@pytest.mark.parametrize(
    ("agent", "argv", "line"),
    [
        ("web", [], "exec web -- COMMAND"),
        ("web", ["ls", "-l", "a b"], "exec web -- ls -l 'a b'"),
        ("web", ["x" * 1000], "exec web -- COMMAND"),
        ("über web", [], "exec 'über web' -- COMMAND"),
        ("web", ["\x1b[31m"], "exec web -- '\N{REPLACEMENT CHARACTER}[31m'"),
    ],
)
def test_the_command_to_run_without_a_terminal_can_be_pasted(agent: str, argv: list[str], line: str) -> None:
    assert without_terminal(agent, argv) == line
