"""Rules of forwards, as options and in config files: a rule whose text means the same, or one line that says why."""

import tomllib

from natpass_tui.links.forward import rules
from natpass_wire.errors import UserError

SEEDS = (
    b"L8080:db:5432",
    b"L[::1]:8080:[fd00::1]:80",
    b"R*:0:/run/a\\:b.sock",
    b"R/run/a.sock:/run/b.sock",
    b"D:1080",
    b"U5353:10.0.0.1:53",
    b'T[[forward]]\nagent = "box"\nlocal = ["8080:db:80", "/run/x:/run/y"]\ndynamic = 1080\n',
    b'T[[forward]]\nagent = "a"\nudp = "1:b:2"\n[[forward]]\nagent = "b"\nremote = "0:c:3"\n',
)
_DIRECTIONS = {direction.letter.encode(): direction for direction in rules.Direction}


def target(data: bytes) -> None:
    """The first byte is the option's letter, or T for a config file."""
    text = data[1:].decode(errors="surrogateescape")
    direction = _DIRECTIONS.get(data[:1])
    fault = ""
    try:
        found = [rules.parse(direction, text)] if direction is not None else _tables(text)
    except UserError as error:
        found, fault = [], str(error)
    assert fault.isprintable(), "a text that is not safe to print"
    for rule in found:
        assert rule.option.isprintable()
        assert rules.parse(rule.direction, str(rule)) == rule, "its text is another rule"
        for end in (rule.listen, rule.target):
            if end is not None and not end.path:
                assert 0 <= end.port <= 0xFFFF


def _tables(text: str) -> list[rules.ForwardRule]:
    try:
        tables = tomllib.loads(text).get("forward", [])
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return []
    if not isinstance(tables, list):
        return []
    return [rule for each in rules.parse_tables(tables).values() for rule in each]
