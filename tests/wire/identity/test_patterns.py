"""Patterns of what may be reached: what they allow, and what is no pattern."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.identity.patterns import LOOPBACK, Reach, TargetPattern, dialled, parse

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), st.integers(0, 2**32 - 1).map(IPv4Address))
PORTS = st.integers(1, 0xFFFF)


def allows(pattern: str, address: str, port: int, **named: str) -> bool:
    names = {name: [ip_address(found)] for name, found in named.items()}
    return TargetPattern.parse(pattern).allows(ip_address(address), port, names)


@pytest.mark.parametrize(
    ("pattern", "address", "port"),
    [
        ("10.0.0.7:80", "10.0.0.7", 80),
        ("10.0.0.0/8:22", "10.255.0.1", 22),
        ("10.0.0.7:80", "::ffff:10.0.0.7", 80),
        ("[::ffff:10.0.0.7]:80", "10.0.0.7", 80),
        ("[::ffff:10.0.0.0/104]:80", "10.0.0.7", 80),
        ("[fd00::/8]:443", "fd12::1", 443),
        ("[fe80::1]:443", "fe80::1%2", 443),
        ("localhost:8000-8999", "127.0.0.9", 8999),
        ("localhost:*", "::1", 1),
        ("localhost:*", "::ffff:127.0.0.1", 1),
        ("*:443", "2001:db8::1", 443),
        ("*:*", "0.0.0.0", 0),
    ],
)
def test_what_a_pattern_allows(pattern: str, address: str, port: int) -> None:
    assert allows(pattern, address, port)


@pytest.mark.parametrize(
    ("pattern", "address", "port"),
    [
        ("10.0.0.7:80", "10.0.0.8", 80),
        ("10.0.0.7:80", "10.0.0.7", 81),
        ("10.0.0.7:8000-8999", "10.0.0.7", 7999),
        ("[::/0]:*", "127.0.0.1", 1),
        ("0.0.0.0/0:*", "::1", 1),
        ("[::/0]:*", "::ffff:127.0.0.1", 1),
        ("localhost:*", "128.0.0.1", 1),
        ("localhost:*", "0.0.0.0", 1),
        ("*:1-65535", "127.0.0.1", 0),
        ("unix:*", "127.0.0.1", 80),
        ("db.example:5432", "10.0.0.7", 5432),
    ],
)
def test_what_it_does_not(pattern: str, address: str, port: int) -> None:
    assert not allows(pattern, address, port)


def test_a_name_stands_for_what_it_resolves_to() -> None:
    pattern = TargetPattern.parse("DB.example.:5432")
    assert pattern.name == "db.example"
    assert pattern.allows(ip_address("10.0.0.7"), 5432, {"db.example": [ip_address("::ffff:10.0.0.7")]})
    assert not pattern.allows(ip_address("10.0.0.8"), 5432, {"db.example": [ip_address("10.0.0.7")]})
    assert Reach((parse("db.example:5432,*:80"),)).names(5432) == {"db.example"}
    assert Reach((parse("db.example:5432,*:80"),)).names(80) == set()


@pytest.mark.parametrize(
    ("pattern", "path", "is_allowed"),
    [
        ("unix:/run/app.sock", "/run/app.sock", True),
        ("unix:/run/*.sock", "/run/app.sock", True),
        ("unix:/run/*.sock", "/run/user/app.sock", False),
        ("unix:/run/*/app.sock", "/run/user/app.sock", True),
        ("unix:/run", "/run/app.sock", False),
        ("unix:*", "/anything", True),
        ("*:*", "/anything", False),
    ],
)
def test_paths(pattern: str, path: str, is_allowed: bool) -> None:
    assert TargetPattern.parse(pattern).allows_path(path) is is_allowed


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ":80",
            "10.0.0.7",
            "10.0.0.7:",
            "10.0.0.7:0",
            "10.0.0.7:65536",
            "10.0.0.7:9-8",
            "10.0.0.7:-1",
            "fd00::7:80",
        ),
        *("10.0.0.7/8:80", "10.0.0.0/33:80", "127.1:80", "2130706433:80", "0x7f.1:80", "0x7f000001:80", "1.2.3.4.5:80"),
        *(
            "[fe80::1%eth0]:80",
            "a b:80",
            "-x:80",
            "x-:80",
            "[x:80",
            "unix:",
            "unix:run",
            "unix:/run/../etc",
            "a\x1b:80",
        ),
        *('"x":80', "ünïcode:80", "10.0.0.7:²"),
    ],
)
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|host|port|HOST|path") as error:
        TargetPattern.parse(text)
    assert str(error.value).isprintable()


@given(st.text(max_size=40) | st.from_regex(r"[\[\]0-9a-f:./*%-]{1,30}", fullmatch=True))
def test_any_text_is_a_pattern_or_none(text: str) -> None:
    try:
        pattern = TargetPattern.parse(text)
    except ValueError:
        return
    assert bool(pattern.networks) + bool(pattern.name) + bool(pattern.path) == 1


@given(ADDRESSES, PORTS, st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_a_network_allows_what_it_contains_however_that_is_written(
    address: IPv4Address | IPv6Address, port: int, base: int, length: int
) -> None:
    network = IPv4Network((base, length), strict=False)
    pattern = TargetPattern.parse(f"{network}:*")
    plain = address.ipv4_mapped if isinstance(address, IPv6Address) else address
    assert pattern.allows(address, port, {}) == (plain is not None and plain in network)
    if isinstance(address, IPv4Address):
        mapped = IPv6Address(f"::ffff:{address}")
        assert pattern.allows(mapped, port, {}) == pattern.allows(address, port, {})


@given(ADDRESSES)
def test_what_is_dialled_is_never_a_second_way_to_write_something_else(address: IPv4Address | IPv6Address) -> None:
    found = dialled(address)
    assert not found.is_unspecified
    assert dialled(found) == found
    assert not (isinstance(found, IPv6Address) and found.ipv4_mapped)


def test_all_lists_have_to_allow_it() -> None:
    wide, narrow = parse("10.0.0.0/8:*"), parse("*:22,*:80")
    limits = Reach((wide, narrow))
    assert limits.allows(ip_address("10.1.1.1"), 22, {})
    assert not limits.allows(ip_address("10.1.1.1"), 23, {})
    assert not limits.allows(ip_address("11.1.1.1"), 22, {})
    assert Reach().allows(ip_address("11.1.1.1"), 22, {})
    assert not Reach((parse("none"),)).allows(ip_address("10.1.1.1"), 22, {})
    assert limits.text == "10.0.0.0/8:*, and of these only *:22, *:80"
    assert Reach((LOOPBACK,)).text == "localhost:*"
