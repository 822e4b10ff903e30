"""The shell kind: a program on a pty (docs/wire.md §4)."""

from typing import TYPE_CHECKING

from natpass_agent.links.kind import Kind, Services
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.kind import KindServer


def _server(services: Services) -> "KindServer":
    from natpass_agent.links.shell.server import ShellServer  # noqa: PLC0415 - the descriptor is cheap to import
    from natpass_agent.platform import pty  # noqa: PLC0415 - the descriptor is cheap to import

    return ShellServer(pty.service(), services.programs, services.arriving)


KIND = Kind(
    number=ConnectRequest.shell,
    wire_name="shell",
    name="shell",
    make_server=_server,
    serves="shells",
    keeps="shell",
)
