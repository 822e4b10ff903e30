"""The kind tcp (docs/wire.md §4): one connection for an existing program, on a link of its own."""

# Why: docs/decisions/092-forwards-of-existing-programs.md

from typing import TYPE_CHECKING

from natpass_agent.links.kind import Kind, Limits, Services
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.kind import KindServer


def _server(services: Services) -> "KindServer":
    from natpass_agent.links.tcp.server import TcpServer  # noqa: PLC0415 - the descriptor is cheap to import

    return TcpServer(services.targets)


KIND = Kind(
    number=ConnectRequest.tcp,
    wire_name="tcp",
    name="forward",
    make_server=_server,
    limits=Limits(holds_process=False, places=256, answer_seconds=9.0),
)
