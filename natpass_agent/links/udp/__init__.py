"""The kind udp (docs/wire.md §4): datagrams of an existing program, on a link of their own."""

# Why: docs/decisions/092-forwards-of-existing-programs.md

from typing import TYPE_CHECKING

from natpass_agent.links.kind import Kind, Limits, Services
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.kind import KindServer


def _server(services: Services) -> "KindServer":
    from natpass_agent.links.udp.server import UdpServer  # noqa: PLC0415 - the descriptor is cheap to import

    return UdpServer(services.targets)


KIND = Kind(
    number=ConnectRequest.udp,
    wire_name="udp",
    name="forward",
    make_server=_server,
    limits=Limits(holds_process=False, places=256, answer_seconds=9.0),
)
