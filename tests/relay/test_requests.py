"""Requests for links: counted by client and by network, before they reach an agent."""

import pytest

from natpass_relay import requests
from natpass_relay.clients import Client, Role
from natpass_relay.requests import ORIGIN_BYTES, Requests
from natpass_relay.sources import source_of
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest

AGENT, EXISTING = Client("a", Role.AGENT), Client("old", Role.LEGACY)


def console(name: str = "c") -> Client:
    return Client(name, Role.CONSOLE)


def origin(of: Requests, host: str, target: Client = AGENT, was: bytes = b"") -> bytes:
    message = Msg(type=MsgType.connect_req, creq=ConnectRequest(origin=was))
    of.stamp(message, source_of(host), target)
    return message.creq.origin


def test_a_client_that_asks_for_too_many_leaves_enough_to_its_neighbours() -> None:
    counted, greedy = Requests(b"key"), console()
    assert sum(counted.admit(greedy, source_of("192.0.2.7"), 0.0) for _ in range(100_000)) == requests.OF_CLIENT[1]
    assert all(counted.admit(console("next"), source_of("192.0.2.7"), 0.0) for _ in range(100))
    assert counted.admit(greedy, source_of("192.0.2.7"), 1.0), "it goes on later"


@pytest.mark.parametrize(("step", "limit"), [(1, requests.OF_NETWORK), (2**64, requests.OF_SITE)])
def test_many_clients_of_one_network_share_its_limit(step: int, limit: tuple[float, float]) -> None:
    counted, taken = Requests(b"key"), 0
    for number in range(200):
        one = console(str(number))
        host = f"2001:db8:0:{(number * step >> 64) & 0xFFFF:x}::{number & 0xFFFF:x}"
        taken += sum(counted.admit(one, source_of(host), 0.0) for _ in range(200))
    assert taken == limit[1]
    assert counted.admit(console(), source_of("2001:db8:1::1"), 0.0)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_counted_only_if_a_trusted_proxy_says_so(host: str) -> None:
    counted = Requests(b"key")
    assert all(counted.admit(console(), source_of(host), 0.0) for _ in range(10_000))
    taken = sum(counted.admit(console(), source_of(host, is_proxied=True), 0.0) for _ in range(10_000))
    assert taken == requests.OF_NETWORK[1]


def test_targets_learn_which_requests_come_from_one_network_and_not_which() -> None:
    one, other = Requests(b"one"), Requests(b"other")
    assert origin(one, "2001:db8::1") == origin(one, "2001:db8::2", was=b"forged")
    assert origin(one, "2001:db8::1") != origin(one, "2001:db8:0:1::1")
    assert origin(one, "192.0.2.7") != origin(other, "192.0.2.7")
    assert len(origin(one, "127.0.0.1")) == ORIGIN_BYTES


def test_existing_programs_are_told_nothing() -> None:
    assert not origin(Requests(b"key"), "192.0.2.7", EXISTING, was=b"forged")


def test_the_table_of_names_is_bounded() -> None:
    counted = Requests(b"key")
    for number in range(requests._MOST_NAMES + 10):
        counted.stamp(Msg(), source_of(f"10.0.{number >> 8}.{number & 255}"), AGENT)
    assert len(counted._names) == requests._MOST_NAMES
