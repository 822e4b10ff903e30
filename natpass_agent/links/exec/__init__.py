"""The exec kind: a command without a terminal. `request` is pure, `pump` carries bytes, `server` serves."""

from typing import TYPE_CHECKING

from natpass_agent.links.kind import Kind, Services
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.kind import KindServer


def _server(services: Services) -> "KindServer":
    from natpass_agent.links.exec.server import ExecServer  # noqa: PLC0415 - the descriptor is cheap to import
    from natpass_agent.platform import processes  # noqa: PLC0415 - the descriptor is cheap to import

    return ExecServer(processes.service(), services.programs, services.arriving)


KIND = Kind(
    number=ConnectRequest.exec,
    wire_name="exec",
    name="exec",
    make_server=_server,
    keeps="command",
)
