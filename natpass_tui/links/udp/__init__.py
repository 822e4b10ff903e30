"""The kind udp: datagrams through an existing agent (docs/wire.md §4). The kind forward opens such links."""

from natpass_tui.links.kind import Kind, PlainRules
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest

KIND = Kind(
    name="udp",
    wire=ConnectRequest.udp,
    words=Words(noun="datagrams", at="through"),
    plain=PlainRules(),
)
