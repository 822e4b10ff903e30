"""Sockets that listen: both families, several at once, on the loop of Linux and on the one of Windows."""

import errno
import re
import shlex
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from natpass_relay.greeting import reachable
from natpass_relay.invite_cli import invite
from natpass_relay.listening import listen_on
from natpass_relay.local import local_addresses
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.errors import UserError
from natpass_wire.program.settings import CommonSettings
from natpass_wire.program.state import StateDir
from tests.end_to_end.agent_programs import Program
from tests.relay.raw import Raw
from tests.support.relay import CONSOLE, TestRelay, running_relay, tls_files

pytestmark = [pytest.mark.both_loops, pytest.mark.programs]

SECRET = "0123456789abcdef"
#: `Program` has a secret of its own in the environment.
NOTHING = {"NATPASS_SECRET": ""}


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@needs_ipv6
@pytest.mark.parametrize(
    "hosts", [["::"], ["0.0.0.0", "::1"], ["127.0.0.1", "::1", "127.0.0.2"], ["::", "0.0.0.0"], ["localhost"]], ids=str
)
async def test_clients_get_in_at_every_address_that_is_printed(hosts: list[str], tmp_path: Path) -> None:
    listen = tuple(RelayAddress(host, 0) for host in hosts)
    async with running_relay(tls_files(tmp_path), listen=listen) as relay:
        addresses = reachable(relay.addresses, local_addresses())
        assert len({address.port for address in addresses}) >= len(hosts)
        for number, address in enumerate(addresses):
            client = TestRelay(relay.server, [address], relay.tls, relay.tasks)
            assert (await client.join(f"tui-{number}", CONSOLE)).client.connection is not None
        assert relay.server.hub.clients == len(addresses)


@needs_ipv6
async def test_dual_stack_takes_ipv4_and_calls_its_clients_by_their_ipv4_address() -> None:
    async with running_relay(listen=(RelayAddress("::", 0),)) as relay:
        port = relay.address.port
        for host, shown in (("127.0.0.1", r"127\.0\.0\.1:\d+"), ("::1", r"\[::1\]:\d+")):
            there = TestRelay(relay.server, [RelayAddress(host, port)], False, relay.tasks)
            async with Raw.connect(there) as client:
                await client.log_in(f"from {host}")
                found = relay.server.hub.router.client(f"from {host}")
                assert found is not None
                assert re.fullmatch(shown, relay.server.hub.connection_to(found).address)


@needs_ipv6
def test_dual_stack_is_not_left_to_a_setting_of_the_system() -> None:
    (listener,) = listen_on([RelayAddress("::", 0)])
    with listener:
        assert listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0


def test_a_system_without_ipv6_is_told_of_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def without_ipv6(family: int = -1, *given: Any, **more: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *given, **more)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    with pytest.raises(UserError, match=r"cannot listen on \[::\]:6154: this system has no IPv6 \(0\.0\.0\.0:6154 is"):
        listen_on([RelayAddress("::", 6154)])
    for found in listen_on([RelayAddress("localhost", 0)]):  # which may be ::1 as well
        with found:
            assert found.family == socket.AF_INET


def test_no_socket_is_left_when_one_can_not_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        with pytest.raises(UserError, match="Address already in use"):
            listen_on([RelayAddress("127.0.0.1", port), RelayAddress(*taken.getsockname())])
        for again in listen_on([RelayAddress("127.0.0.1", port)]):
            again.close()


def test_of_two_that_listen_at_once_only_one_has_the_port() -> None:
    (first,) = listen_on([RelayAddress("127.0.0.1", 0)])
    with first, pytest.raises(UserError, match="Address already in use"):
        listen_on([RelayAddress(*first.getsockname())])


# the program


@needs_ipv6
@pytest.mark.parametrize("listen", [["[::]:0"], ["0.0.0.0:0", "[::1]:0"]], ids=str)
def test_every_line_that_is_printed_works_when_it_is_pasted(tmp_path: Path, listen: list[str]) -> None:
    options = [word for address in listen for word in ("--listen", address)]
    options += ["--state-dir", str(tmp_path / "state")]
    with Program("natpass_relay", options, tmp_path, NOTHING) as relay:
        relay.said(r"natpass-tui .*\n(?!natpass)")
        assert "another machine gets the secret by a one-time code, which this prints:\nnatpass-relay i" in relay.output
        lines = [line for line in relay.output.splitlines() if line.startswith("natpass-")]
        assert len(lines) >= 2 * len(listen)
        for line in lines:
            program, *words = shlex.split(line)
            state = ["--state-dir", str(tmp_path / program)]
            if program == "natpass-agent":
                with Program("natpass_agent", [*words, *state], tmp_path, NOTHING) as agent:
                    agent.said("logged in at")
            elif words[0] == "invite":
                with Program("natpass_relay", [*words, *state], tmp_path, NOTHING) as invite:
                    invite.said("one-time code")
            else:
                with Program("natpass_tui", [*words, *state, "agents"], tmp_path, NOTHING) as console:
                    assert console.status() == 0, console.output


def test_listen_in_the_config_file_is_a_list_or_one(tmp_path: Path) -> None:
    for number, (value, count) in enumerate([('"127.0.0.1:0"', 1), ('["127.0.0.1:0", "127.0.0.2:0"]', 2)]):
        config = tmp_path / f"{number}.toml"
        config.write_text(f"listen = {value}\n")
        options = ["--config", str(config), "--state-dir", str(tmp_path / "state")]
        with Program("natpass_relay", options, tmp_path) as relay:
            relay.said("natpass-tui ")
            assert relay.output.count("listening on ") == count


def test_what_the_command_line_says_takes_the_place_of_the_config_file_s_list(tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    config.write_text('listen = ["127.0.0.1:0", "127.0.0.2:0"]\n')
    options = ["--config", str(config), "--state-dir", str(tmp_path / "state"), "--listen", "127.0.0.3:0"]
    with Program("natpass_relay", options, tmp_path) as relay:
        relay.said("natpass-tui ")
        assert relay.output.count("listening on ") == relay.output.count("listening on 127.0.0.3:") == 1


def invited(*listen: str, relay: RelayAddress | None = None) -> tuple[str, str]:
    """Return where an invite looks for its relay, and what it tells the guest."""
    common = CommonSettings(SECRET, None, True, StateDir.at(Path("/nowhere")), "info", None)
    addresses = tuple(RelayAddress(host, int(port)) for host, _, port in (text.rpartition(":") for text in listen))
    values = {"listen": addresses, "relay": relay, "no_tls": False}
    command = invite("natpass-relay", values, common, SECRET)
    return str(command._target.address), str(command._shown)


def test_an_invite_finds_the_relay_of_this_machine_by_what_it_listens_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("natpass_relay.invite_cli.local_addresses", lambda: [ip_address("192.0.2.1")])
    assert invited("0.0.0.0:1") == ("127.0.0.1:1", "192.0.2.1:1")
    assert invited(":::1") == ("127.0.0.1:1", "192.0.2.1:1")
    assert invited("192.0.2.1:1", "127.0.0.1:2") == ("127.0.0.1:2", "192.0.2.1:1")
    assert invited("::1:1", "192.0.2.1:1") == ("[::1]:1", "192.0.2.1:1")
    assert invited("192.0.2.1:0", "192.0.2.1:3") == ("192.0.2.1:3", "192.0.2.1:3")
    assert invited("0.0.0.0:1", relay=RelayAddress("r", 5)) == ("r:5", "r:5")
    with pytest.raises(UserError, match="which relay"):
        invited("0.0.0.0:0")
