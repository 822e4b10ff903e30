"""The file authorized_consoles: nothing is granted that a line does not say."""

from datetime import UTC, datetime

from natpass_wire.identity.authorized import AuthorizedConsoles, Rights
from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import MalformedError

_KEYS = tuple(str(PublicKey(bytes([number]) * 32)) for number in (1, 2))
SEEDS = (
    f"# hello\n{_KEYS[0]} anna's laptop\n".encode(),
    f'kinds="shell,exec",expiry-time="2026-12-31" {_KEYS[0]} x\nread-only {_KEYS[1]}\n'.encode(),
    f"read-only,\n{_KEYS[0]}\n{_KEYS[0]} twice\n".encode(),
    f"\ufeff{_KEYS[0]}\r\nread-only\t{_KEYS[1]} kinds=x".encode(),
)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def target(data: bytes) -> None:
    """Check each grant against the words of the lines."""
    try:
        consoles = AuthorizedConsoles.parse(data, ("shell", "exec", "desktop"))
    except MalformedError:
        return
    assert not set(consoles.grants) & set(consoles.refused)
    lines = data.split(b"\n")
    for key, grant in consoles.grants.items():
        own = [line for line in lines if str(key).encode() in line and not line.lstrip(b" \t\r").startswith(b"#")]
        own = [line for line in own if not line.removeprefix(b"\xef\xbb\xbf").startswith(b"#")]
        assert own, "a grant without a line"
        head = own[0].split(str(key).encode())[0]
        if b"read-only" in head:
            assert grant.rights.read_only
        if b"kinds" in head:
            assert grant.rights.kinds is not None
        if b"expiry" in head:
            assert grant.until is not None
        found = consoles.rights_of(key, _NOW)
        assert isinstance(found, Rights | str)
    for fault in consoles.faults:
        assert str(fault).isprintable()
