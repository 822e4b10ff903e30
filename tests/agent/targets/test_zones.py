"""Link-local addresses, which mean nothing without their interface, on a network of two real machines."""

import subprocess
import sys

import pytest

from tests.end_to_end.agent_programs import LOOPS, ROOT
from tests.support.namespaces import ip, two_machines

assert sys.platform != "win32"

pytestmark = pytest.mark.programs

LISTEN = """
import socket
with socket.create_server(("::", 0), family=socket.AF_INET6) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        server.accept()[0].close()
"""
#: Looks an address up and connects, as a forward does; the interface may be named or numbered.
CONNECT = """
import socket, sys
from natpass_agent.targets import dial
from natpass_agent.targets.resolve import Resolver
from natpass_wire.aio import runtime
from natpass_wire.identity.patterns import Reach
from natpass_wire.channels.events import Endpoint

async def connect(host):
    found, _ = await Resolver().allowed(Endpoint(host, int(sys.argv[1])), Reach(()))
    sock, address = await dial.connect(found)
    with sock, dial.datagram_socket(found[0]) as datagrams:
        print(sock.getpeername()[:2] == datagrams.getpeername()[:2] == ("fe80::77:1", int(sys.argv[1])))

for zone in ("cable", str(socket.if_nametoindex("cable"))):
    runtime.run(connect(f"fe80::77:1%{zone}"))
"""


@pytest.mark.parametrize("loop", LOOPS)
def test_a_link_local_address_is_reached_through_its_interface(loop: str) -> None:
    with two_machines() as machines:
        for machine, address in ((machines.relay, "fe80::77:1/64"), (machines.laptop, "fe80::77:2/64")):
            ip("-n", machine, "addr", "add", address, "dev", "cable", "nodad")
        words = [*machines.on_relay(), sys.executable, "-c", LISTEN]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            words = [*machines.on_laptop(), sys.executable, "-c", LOOPS[loop] + CONNECT, port]
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
            server.kill()
        assert (done.stdout, done.stderr) == ("True\nTrue\n", "")
