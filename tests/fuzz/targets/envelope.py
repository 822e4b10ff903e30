"""Envelopes: what is read without parsing is what parsing gives."""

from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.shell_pb2 import ShellData

_SHELL = Msg(type=MsgType.shell_data, from_id="a", to="b", link_id="0" * 16, sdata=ShellData(data=b"x" * 200))
_RECORD = Msg(type=MsgType.record, from_id="a", from_idx=1, to="b", to_idx=300, link_id="0" * 16)
_RECORD.record.data = b"r" * 20
SEEDS = (
    _SHELL.SerializeToString(),
    _RECORD.SerializeToString(),
    Msg(type=MsgType.shell_data, sdata=ShellData(data=b"x")).SerializeToString(),
)


def target(data: bytes) -> None:
    """Compare both readings."""
    try:
        message = envelope.parse(data)
    except RemoteProtocolError:
        message = None
    at = envelope.canonical_envelope_end(memoryview(data), 0, len(data))
    if at and message is not None:
        head = Msg.FromString(data[:at])
        assert _addresses(head) == _addresses(message)
        record = envelope.record_in(data, at)
        if record is not None and message.type == MsgType.record:
            assert record == message.record.data
    try:
        number, payload = envelope.type_of(data)
    except LocalProtocolError:
        return
    if message is not None:
        assert number == message.type
        assert payload <= len(data)


def _addresses(message: Msg) -> tuple[object, ...]:
    return message.type, message.from_id, message.from_idx, message.to, message.to_idx, message.link_id
