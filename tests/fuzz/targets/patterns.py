"""PATTERNs of what may be reached: nothing is allowed that the text does not name."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from natpass_wire.identity import patterns

SEEDS = (
    b"10.0.0.7:80, 10.0.0.0/8:22,[fd00::7]:443\n10.0.0.7\n80",
    b"localhost:*,db.example.org:5432,*:443,[::ffff:10.0.0.0/104]:8000-8999\n::ffff:10.1.2.3\n8080",
    b"unix:/run/app.sock,unix:/run/*/app.sock,unix:*\n/run/x/app.sock\n1",
    b"none\n1.2.3.4\n5",
)
_NAMED = {"db.example.org": [ip_address("192.0.2.1"), ip_address("2001:db8::1")]}


def target(data: bytes) -> None:
    """A line of patterns, one with an address or a path, and one with a port."""
    text, address, port = [*data.decode(errors="surrogateescape").split("\n"), "", ""][:3]
    found, fault = None, ""
    try:
        found = patterns.parse(text)
    except ValueError as error:
        fault = str(error)
    assert fault.isprintable(), "a text that is not safe to print"
    if found is None:
        return
    assert patterns.texts(found).isprintable()
    again = patterns.parse(patterns.texts(found).replace("nothing", "none"))
    assert again == found, "the text says something else"
    reach = patterns.Reach((found,))
    if reach.allows_path(address):
        assert "unix:" in text
    try:
        asked, number = ip_address(address), int(port[:6])
    except ValueError:
        return
    for each in (asked, patterns.plain(asked), patterns.dialled(asked)):
        if reach.allows(each, number, _NAMED):
            assert any(_says(pattern, patterns.plain(each), number) for pattern in found), "allowed, and not named"
        assert not patterns.Reach((found, ())).allows(each, number, _NAMED), "allowed by an empty list"


def _says(pattern: patterns.TargetPattern, address: IPv4Address | IPv6Address, number: int) -> bool:
    """Tell in another way whether a pattern names an address and port: by its text."""
    host, _, port = pattern.text.rpartition(":")
    low, _, high = ("0-65535" if port == "*" else port).partition("-")
    if not int(low) <= number <= int(high or low):
        return False
    host = host.removeprefix("[").removesuffix("]").lower().removesuffix(".")
    if host == "*":
        return True
    if host == "localhost":
        return address.is_loopback
    if host in _NAMED:
        return address in _NAMED[host]
    try:
        network = ip_network(host)
    except ValueError:
        return False  # a name without an address
    if network.version == address.version:
        return address in network
    mapped = IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed) if address.version == 4 else address
    return mapped in network
