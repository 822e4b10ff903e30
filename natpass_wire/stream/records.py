"""The records of a stream: their bytes, and what each counts."""

from google.protobuf.message import DecodeError

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.stream_pb2 import StreamHello, StreamRecord

STREAM_ID_BYTES = 16
#: What a record counts beside its content. A record of one byte takes about so much of our memory, and on the wire
#: with frame and envelope: were it free, a window of small ones would be no bound.
RECORD_UNITS = 64
#: A skip or an end counts its record alone, as far as positions go: a skip stands for what it names.
MAX_POSITION = 1 << 62


def parse(data: bytes) -> StreamRecord:
    """Return the record in a transport's bytes.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        return StreamRecord.FromString(data)
    except DecodeError as error:
        raise RemoteProtocolError("a record that can't be read") from error


def parse_hello(data: bytes) -> StreamRecord:
    """Return the record that a link begins with, which holds a hello.

    Raises:
        RemoteProtocolError: it does not, or there is something wrong with it.
    """
    record = parse(data)
    if record.WhichOneof("content") != "hello":
        raise RemoteProtocolError("a stream's link does not begin with a hello")
    check_hello(record.hello)
    return record


def check_hello(hello: StreamHello) -> None:
    """Check what can be checked of a hello by itself.

    Raises:
        RemoteProtocolError: there is something wrong with it.
    """
    if len(hello.stream_id) != STREAM_ID_BYTES:
        raise RemoteProtocolError(f"a stream id has {STREAM_ID_BYTES} bytes, not {len(hello.stream_id)}")


def size_of(record: StreamRecord) -> int:
    """Return the units that a record takes of its stream: 0 for one without a position (hello, reply, a lone ack)."""
    match record.WhichOneof("content"):
        case "message":
            return RECORD_UNITS + len(record.message)
        case "skip":
            return int(record.skip)
        case "end":
            return RECORD_UNITS
    return 0
