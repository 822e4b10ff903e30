"""A shell's output and input as the agent looks at them: who asked what, what is in time, and whole characters."""

from natpass_agent.links.shell.askers import Askers
from natpass_agent.links.shell.moments import Moments
from natpass_agent.links.shell.text import TextPieces
from natpass_agent.platform.pty import InputMode
from natpass_tui.links.shell.waiting import keys, waits
from natpass_wire.pb.shell_pb2 import ShellData
from tests.fuzz.targets.pieces import joined, pieces

SEEDS = (
    joined(b"\0$ \x1b[?2004h", b"\1", b"\0\x1b[?2004lout\x1b[6n", b"\2\x1b[1;1R"),
    joined(b"\0\x1b[6n\x1b[?2004h\x1b[?1l>>> ", b"\1", b"\0text\x1b]11;?\x07\x1b[c", b"\2\x1b[?62c", b"\3"),
    joined(b"\0\x1b[?1049h\x1b[6n", b"\5", b"\1", b"\0\x1b[?10", b"\x0849l\x1bP$qm\x1b\\", b"\2"),
    joined(b"\0\xc3", b"\0\xa9\xff\xe2\x82", b"\4\x1b[M !!\x1b[200~x\x1b[201~"),
)
_GROUPS, _MODES = (None, 7, 8), tuple(InputMode)
_SOURCES = (ShellData.TYPED, ShellData.ANSWER, ShellData.SCREEN, ShellData.PRESS, ShellData.RELEASE)
_MOST_SHELLS, _MOST_READS = 16, 128


def target(data: bytes) -> None:
    """The first byte of a piece says what happens, and which group has the foreground."""
    askers, moments, text = Askers(), Moments(), TextPieces()
    now, position, output, shown = 0.0, 0, b"", b""
    for piece in pieces(data):
        now += 0.1
        number, rest = (piece[0], piece[1:]) if piece else (0, b"")
        group, mode = _GROUPS[number // 8 % 3], _MODES[number // 32 % len(_MODES)]
        match number % 8:
            case 0 | 5:
                collected = len(rest) % 3 if askers.counts(group) else None
                assert 0 <= askers.read(rest, group, collected) <= len(rest)
                moments.read(len(rest), group, now, drained=number % 8 == 0)
                position += len(rest)
                if rest:
                    output += rest
                    shown += text.feed(rest)
            case 1:
                askers.line_given(group, len(rest) % 3, mode)
            case 2:
                askers.answered(group)
                for seen in (0, position, position + 1):
                    is_alone = True if askers.doubts(group, mode) else None
                    askers.is_for_another(seen, group, mode, rest, is_alone=is_alone)
                    took = {source: moments.takes(source, seen, group, now) for source in _SOURCES}
                    assert took[ShellData.TYPED]
                    assert seen <= position or not took[ShellData.ANSWER], "an answer to output of the future"
            case 3:
                moments.interrupted(len(rest), now)
            case 4:
                assert 0 <= keys(rest) <= len(rest)
                assert waits([rest]).isprintable()
            case _:
                moments.reads_on(now - 1.0, now)
        assert len(askers._shells) <= _MOST_SHELLS
        assert len(moments._reads) <= _MOST_READS + 1
    shown += text.feed(b"")
    assert shown.decode() == output.decode(errors="replace")
