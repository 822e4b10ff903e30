"""Forwards: connections of a console to what this machine reaches, and from listeners here, all in one link.

`session` serves a link, `connections` and `datagrams` have the sockets, `listeners` those that wait; rules, names and
connecting are in `natpass_agent.targets`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from natpass_agent.links.kind import Kind, Limits, Option, Services
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.kind import KindServer
    from natpass_wire.identity.authorized import Rights

_PATTERNS = "HOST:PORT, where HOST is an address, a network such as 10.0.0.0/8, localhost, a name or *, and PORT a "
_PATTERNS += "number, a range or *; or unix:/PATH. Repeatable; none: nothing."


def _server(services: Services) -> "KindServer":
    from natpass_agent.links.forward.server import ForwardServer  # noqa: PLC0415 - the descriptor is cheap to import

    return ForwardServer(services.targets)


def _check(pattern: str) -> None:
    from natpass_wire.identity import patterns  # noqa: PLC0415 - the descriptor is cheap to import

    patterns.parse(pattern)


def _extent(rights: "Rights", options: Mapping[str, Sequence[str]]) -> str:
    from natpass_agent.targets.targets import Rules  # noqa: PLC0415 - the descriptor is cheap to import

    return Rules.of(options).extent(rights)


KIND = Kind(
    number=ConnectRequest.forward,
    wire_name="forward",
    name="forward",
    make_server=_server,
    allows_unsealed=False,
    limits=Limits(holds_process=False, places=16),
    serves="forwards",
    keeps="forward",
    options=(
        Option(
            "allow-forward",
            "PATTERN",
            f"What forwards may reach; default: all that this machine does. {_PATTERNS}",
            is_repeatable=True,
            check=_check,
        ),
        Option(
            "allow-listen",
            "PATTERN",
            "Where forwards may listen at this machine (-R); default: on loopback. PATTERN as for --allow-forward.",
            is_repeatable=True,
            check=_check,
        ),
    ),
    extent=_extent,
)
