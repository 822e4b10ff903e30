"""What is logged when links are cut."""

import logging

import pytest

from natpass_relay.clients import Client, Role
from natpass_relay.delivery import Delivery
from natpass_relay.routing import Router
from natpass_wire.pb.envelope_pb2 import Msg, MsgType


def test_who_has_many_ids_fills_no_log_with_links_that_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    router = Router()
    delivery = Delivery(router, {}, lambda _client, _reason: None, lambda: now)
    target = Client("agent", Role.AGENT)
    router.add(target)
    with caplog.at_level(logging.WARNING):
        for number in range(1000):
            opener = Client(f"console-{number % 100}", Role.CONSOLE)
            router.add(opener)
            router.receive(opener, Msg(type=MsgType.connect_req, to="agent", link_id="l"))
            (route,) = router._routes_of[opener]
            delivery.cut(route)
            router.remove(opener)
    assert len(caplog.messages) == 1
    now += 60
    router.add(opener)
    router.receive(opener, Msg(type=MsgType.connect_req, to="agent", link_id="l"))
    (route,) = router._routes_of[opener]
    delivery.cut(route)
    assert "999 times more" in caplog.messages[1]
    assert "console-99 with agent" in caplog.messages[1]
