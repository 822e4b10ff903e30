"""Which addresses can be listened on together, and what is dialled to reach them."""

from ipaddress import ip_address

import pytest

from natpass_relay.addresses import ListenAddress, clash, plain, to_dial
from natpass_relay.greeting import Greeting, reachable
from natpass_wire.aio.dial import RelayAddress


def places(*texts: str) -> list[ListenAddress]:
    found = []
    for text in texts:
        host, _, port = text.rpartition(":")
        found.append(ListenAddress(plain(ip_address(host.strip("[]"))), int(port), text))
    return found


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (["127.0.0.1:1", "127.0.0.1:2"], None),
        (["127.0.0.1:1", "[::1]:1"], None),
        (["0.0.0.0:1", "[::1]:1"], None),
        (["0.0.0.0:0", "[::]:0", "0.0.0.0:0"], None),
        (["0.0.0.0:1", "[::]:2"], None),
        (["127.0.0.1:1", "127.0.0.1:1"], "--listen 127.0.0.1:1 is given twice"),
        (["[::1]:1", "[0:0::1]:1"], "--listen [::1]:1 and [0:0::1]:1 are the same address"),
        (["[::ffff:127.0.0.1]:1", "127.0.0.1:1"], "are the same address"),
        (["0.0.0.0:1", "[::]:1"], "--listen [::]:1 includes 0.0.0.0:1 already: leave one of them out"),
        (["[::]:1", "0.0.0.0:1"], "--listen [::]:1 includes 0.0.0.0:1 already"),
        (["[::]:1", "192.0.2.7:2", "192.0.2.7:1"], "--listen [::]:1 includes 192.0.2.7:1 already"),
        (["0.0.0.0:1", "127.0.0.1:1"], "--listen 0.0.0.0:1 includes 127.0.0.1:1 already"),
        (["[::]:1", "[2001:db8::7]:1"], "--listen [::]:1 includes [2001:db8::7]:1 already"),
    ],
)
def test_what_excludes_each_other(said: list[str], fault: str | None) -> None:
    found = clash(places(*said))
    assert (fault in found) if fault is not None and found is not None else (found == fault)


def test_a_name_of_all_addresses_does_not_clash_with_itself() -> None:
    both = [ListenAddress(ip_address(ip), 1, "*:1") for ip in ("0.0.0.0", "::")]
    assert clash(both) == "--listen *:1: say [::]:1 for all addresses, 0.0.0.0:1 for those of IPv4"
    assert clash([ListenAddress(ip_address(ip), 1, "localhost:1") for ip in ("127.0.0.1", "::1")]) is None


LOOPBACK = ["127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("listening", "local", "dialled"),
    [
        ("192.0.2.7", ["192.0.2.1"], ["192.0.2.7"]),
        ("::1", ["192.0.2.1"], ["::1"]),
        ("0.0.0.0", ["192.0.2.1", "2001:db8::1", "192.0.2.2", *LOOPBACK], ["192.0.2.1"]),
        ("::", ["2001:db8::1", "192.0.2.1", "192.0.2.2", "2001:db8::2", *LOOPBACK], ["192.0.2.1", "2001:db8::1"]),
        ("::", ["192.0.2.1", "fe80::1", *LOOPBACK], ["192.0.2.1"]),  # link-local: of no use without a scope
        ("::", ["2001:db8::1", *LOOPBACK], ["2001:db8::1"]),
        ("0.0.0.0", ["2001:db8::1", *LOOPBACK], ["127.0.0.1"]),  # never a family that is not listened on
        ("::", LOOPBACK, ["127.0.0.1"]),
        ("::", ["::1"], ["::1"]),
        ("0.0.0.0", [], ["127.0.0.1"]),
    ],
)
def test_what_reaches_an_address(listening: str, local: list[str], dialled: list[str]) -> None:
    assert [str(ip) for ip in to_dial(ip_address(listening), [ip_address(text) for text in local])] == dialled


def test_what_is_printed_for_several_addresses() -> None:
    listening = [RelayAddress("0.0.0.0", 1), RelayAddress("::1", 2), RelayAddress("192.0.2.1", 1)]
    dialled = reachable(listening, [ip_address("192.0.2.1")])
    assert dialled == [RelayAddress("192.0.2.1", 1), RelayAddress("::1", 2)]
    lines = Greeting(listening, dialled, None, secret="s" * 16, secret_file=None).lines()
    assert [line for line in lines if "listening" in line] == [
        "listening on 0.0.0.0:1",
        "listening on [::1]:2",
        "listening on 192.0.2.1:1",
    ]
    assert [line for line in lines if line.startswith("natpass-")] == [
        f"natpass-agent --relay 192.0.2.1:1 --secret {'s' * 16} --no-tls --insecure",
        f"natpass-tui --relay 192.0.2.1:1 --secret {'s' * 16} --no-tls --insecure",
        f"natpass-agent --relay [::1]:2 --secret {'s' * 16} --no-tls",
        f"natpass-tui --relay [::1]:2 --secret {'s' * 16} --no-tls",
    ]
