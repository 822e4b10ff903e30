"""The kind bench: measures the way to an agent."""

from natpass_tui.links.kind import Kind
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest

KIND = Kind(
    name="bench",
    wire=ConnectRequest.bench,
    words=Words(noun="bench", at="of"),
    instead="answer no measurements",
)
