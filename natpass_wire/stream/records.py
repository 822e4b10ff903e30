"""The records of a stream: their bytes, and their size in units."""

from google.protobuf.message import DecodeError

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.stream_pb2 import StreamHello, StreamRecord

STREAM_ID_BYTES = 16
#: The units of a record in addition to its content. A record of one byte takes about so much of our memory, and on the
#: wire with frame and envelope. Without this, a window would not bound many small records.
RECORD_UNITS = 64
#: An end has the size of its record alone; a skip has the size of the records that it replaces.
MAX_POSITION = 1 << 62


def parse(data: bytes) -> StreamRecord:
    """Return the record in a transport's bytes.

    Raises:
        RemoteProtocolError: it is not a valid record.
    """
    try:
        return StreamRecord.FromString(data)
    except DecodeError as error:
        raise RemoteProtocolError("a record that can't be read") from error


def parse_hello(data: bytes) -> StreamRecord:
    """Return the first record of a link, which is a hello.

    Raises:
        RemoteProtocolError: it is not, or the hello is invalid.
    """
    record = parse(data)
    if record.WhichOneof("content") != "hello":
        raise RemoteProtocolError("a stream's link does not begin with a hello")
    check_hello(record.hello)
    return record


def check_hello(hello: StreamHello) -> None:
    """Check the fields of a hello.

    Raises:
        RemoteProtocolError: one is invalid.
    """
    if len(hello.stream_id) != STREAM_ID_BYTES:
        raise RemoteProtocolError(f"a stream id has {STREAM_ID_BYTES} bytes, not {len(hello.stream_id)}")
