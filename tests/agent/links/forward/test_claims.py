"""Who gets a listener: what a killed console leaves, and what a refused one is told."""

import logging
import re
from ipaddress import ip_address
from pathlib import Path

import pytest

from natpass_agent.targets.targets import Rules
from natpass_wire.aio.link import Detached
from natpass_wire.channels.events import Endpoint
from natpass_wire.identity.authorized import Rights
from natpass_wire.identity.patterns import parse
from natpass_wire.pb.forward_pb2 import ChannelRefused
from tests.agent.links.forward.world import forwarded, rights
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops


def place_in(folder: Path, kind: str, port: int) -> Endpoint:
    return Endpoint(path=f"{folder}/s".encode()) if kind == "path" else Endpoint("", port, datagrams=kind == "udp")


@pytest.mark.parametrize("kind", ["tcp", "udp", "path"])
async def test_the_listener_of_a_killed_console_is_for_the_next_one_of_its_key(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    given = rights(listen="localhost:*,unix:*")
    async with forwarded(given) as killed:
        at = place_in(tmp_path, kind, 0)
        _, first = await killed.listen(at)
        assert first.address is not None
        at = place_in(tmp_path, kind, first.address[1])
        async with forwarded(given, server=killed.server) as twin:
            _, user = await twin.listen(at)  # it may well be alive: there are two consoles with this key
            assert user.reason == ChannelRefused.IN_USE
            assert "your own key, which is connected; natpass-agent end there" in str(user.why)
        killed.at_agent.detached = Detached("its console is gone", 0.0)
        async with forwarded(given, server=killed.server, key=b"o" * 32) as other:
            _, user = await other.listen(at)
            assert user.reason == ChannelRefused.IN_USE
            assert re.match(r"in use by \S+ \(key SHA256:\S+\), whose link natpass-agent end there", str(user.why))
        async with forwarded(given, server=killed.server) as following:
            _, user = await following.listen(at)
            assert user.address == first.address
            await wait_for(
                lambda: first.why == "another console of the same key listens there now", "the old one's end"
            )
            assert not killed.session.listeners
            assert any("which is out of reach" in line and "takes it over" in line for line in caplog.messages)
            assert kind != "path" or (tmp_path / "s").is_socket()


@pytest.mark.parametrize("at", [Endpoint("0.0.0.0", 8080), Endpoint("::", 0), Endpoint("*", 80), Endpoint(path=b"/s")])
@pytest.mark.parametrize("given", ["neither", "option", "line", "both"])
async def test_what_would_allow_a_listener_is_said_and_does(at: Endpoint, given: str) -> None:
    patterns = parse("10.0.0.1:1")
    has_option, has_line = given in {"option", "both"}, given in {"line", "both"}
    async with forwarded(
        Rights(listen=patterns if has_line else None), rules=Rules(listen=patterns if has_option else None)
    ) as world:
        _, user = await world.listen(at)
    assert user.reason == ChannelRefused.NOT_ALLOWED
    option = re.search(r"--allow-listen '(\S+)'", str(user.why))
    line = re.search(r'listen="(\S+)" in its authorized_consoles', str(user.why))
    assert (option is not None, line is not None) == ((True, False) if given == "neither" else (has_option, has_line))
    assert "listen= in its authorized_consoles" in str(user.why) or given != "neither"
    allows = Rules(
        listen=parse(option[1]) if option is not None and given != "line" else None,
    ).listen(Rights(listen=parse(line[1]) if line is not None and given in {"line", "both"} else None))
    if at.path:
        assert allows.allows_path("/s")
    else:
        for ip in {"*": ("0.0.0.0", "::")}.get(at.host, (at.host,)):
            assert allows.allows(ip_address(ip), at.port or 4711, {})
