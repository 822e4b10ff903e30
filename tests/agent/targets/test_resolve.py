"""No address outside the rules is ever dialled, whatever the name service says, and when."""

import os
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_agent.targets.reasons import RefusedError
from natpass_agent.targets.resolve import Resolver, ip_of
from natpass_wire.channels.events import Endpoint
from natpass_wire.identity.patterns import Reach, parse
from natpass_wire.pb.forward_pb2 import ChannelRefused

TRICKY = ["127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "10.0.0.7", "::ffff:10.0.0.7"]
ADDRESSES = st.sampled_from(TRICKY) | st.ip_addresses().map(str)
RULES = st.sampled_from(
    ["none", "*:80", "localhost:80", "10.0.0.0/8:*", "[::/0]:80", "0.0.0.0/0:80", "db:80", "127.0.0.1:80,[fd00::/8]:*"]
)


class Names:
    """A name service whose answers change from one question to the next."""

    def __init__(self, *answers: list[str], db: list[str] | None = None) -> None:
        self.answers = list(answers)
        self.db = db or []
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        answers = [self.db] if host == "db" else self.answers
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family(each), socket.SOCK_STREAM, 6, "", where(each, port)) for each in found]


def family(address: str) -> int:
    return int(socket.AF_INET6 if ":" in address else socket.AF_INET)


def where(address: str, port: int) -> tuple[Any, ...]:
    return (address, port, 0, 0) if ":" in address else (address, port)


def meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """What a connection to this address gets to, told in another way than the code does."""
    if isinstance(address, IPv6Address) and int(address) >> 32 == 0xFFFF:
        address = IPv4Address(int(address) & 0xFFFFFFFF)
    if int(address) == 0:
        return IPv4Address("127.0.0.1") if address.version == 4 else IPv6Address("::1")
    return address


@given(st.lists(ADDRESSES, min_size=1, max_size=5), st.lists(ADDRESSES, max_size=3), RULES)
async def test_only_allowed_addresses_come_out_and_they_are_what_is_dialled(
    found: list[str], of_db: list[str], rules: str
) -> None:
    limits = Reach((parse(rules),))
    named = {"db": [meant(ip_address(each)) for each in of_db]}
    resolver_names = Names(found, ["127.0.0.1", "169.254.169.254"], db=of_db)

    resolver = Resolver(resolver_names)
    if not any(limits.allows(meant(ip_address(each)), 80, named) for each in found):
        with pytest.raises(RefusedError) as refused:
            await resolver.allowed(Endpoint("web", 80), limits)
        assert refused.value.reason == ChannelRefused.NOT_ALLOWED
        return
    allowed, _ = await resolver.allowed(Endpoint("web", 80), limits)
    asked_for = {meant(ip_address(each)) for each in found}
    assert allowed
    for each in allowed:  # numeric, so that nothing is looked up again, and with the family that fits
        assert ip_of(each) in asked_for
        assert limits.allows(ip_of(each), 80, named)
        assert each.family == family(each.host)
    assert resolver_names.asked.count("web") == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "0", "127.1", "0x7f.1"]
)
async def test_no_way_of_writing_it_reaches_loopback_if_only_others_are_allowed(host: str) -> None:
    for rules in ("10.0.0.0/8:*", "[fd00::/8]:*", "128.0.0.0/1:*", "none"):
        with pytest.raises(RefusedError) as refused:
            await Resolver().allowed(Endpoint(host, 80), Reach((parse(rules),)))
        assert refused.value.reason in {ChannelRefused.NOT_ALLOWED, ChannelRefused.NO_HOST}


@pytest.mark.parametrize(
    ("host", "text"),
    [("no-such.invalid", r"no-such.invalid: "), ("a" * 80, "not a host name"), ("", "no host")],
)
async def test_what_has_no_address_is_refused_in_one_line(host: str, text: str) -> None:
    def none(host: str, port: int) -> list[tuple[Any, ...]]:
        host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(RefusedError, match=text) as refused:
        await Resolver(none).addresses(host, 80)
    assert refused.value.reason == ChannelRefused.NO_HOST
    assert str(refused.value).isprintable()


async def test_a_path_is_held_against_the_rules_without_its_links(tmp_path: Path) -> None:
    folder = Path(os.path.realpath(tmp_path))  # noqa: ASYNC240 - a test
    (folder / "allowed").mkdir()
    (folder / "secret").touch()
    (folder / "allowed" / "good").touch()
    (folder / "allowed" / "bad").symlink_to(folder / "secret")
    (folder / "alias").symlink_to(folder / "allowed")
    resolver = Resolver()

    async def path(of: Path | str, rules: str) -> str:
        return await resolver.path(Endpoint(path=str(of).encode()), Reach((parse(rules),)))

    good = str(folder / "allowed" / "good")
    assert await path(good, f"unix:{folder}/allowed/*") == good
    assert await path(folder / "alias" / "good", f"unix:{folder}/alias/*") == good
    assert await path(folder / "alias" / "good", "unix:*") == good
    for forbidden in (folder / "allowed" / "bad", f"{folder}/allowed/../secret", folder / "secret"):
        with pytest.raises(RefusedError) as refused:
            await path(forbidden, f"unix:{folder}/allowed/*")
        assert refused.value.reason == ChannelRefused.NOT_ALLOWED
