"""The kind bench (docs/wire.md §4): existing programs measure a link's answer, our console everything else."""

# Why: docs/decisions/093-a-bench-in-the-link.md

from typing import TYPE_CHECKING

from natpass_agent.links.kind import Kind, Limits, Services
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.kind import KindServer


def _server(_: Services) -> "KindServer":
    from natpass_agent.links.bench.server import BenchServer  # noqa: PLC0415 - the descriptor is cheap to import

    return BenchServer()


KIND = Kind(
    number=ConnectRequest.bench,
    wire_name="bench",
    name="bench",
    make_server=_server,
    limits=Limits(holds_process=False, places=2, keep_seconds=10.0),
)
