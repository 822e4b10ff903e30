"""Messages: parse and build them, and read an envelope without parsing its message.

A relay that forwards a frame needs the addressing fields only. In a **canonical** envelope they stand at the start, in
the order of their numbers and each at most once, and one payload field follows that ends with the message:

    type 1 | from 2 | [from_idx 3] | to 4 | [to_idx 5] | [link_id 6] | payload field, number >= 10

Protobuf lets the last duplicate of a field win, so reading the first one is right only if none can follow. A canonical
envelope guarantees that; everything else has to be parsed.
"""

from typing import cast

from google.protobuf.message import DecodeError

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.frame import MAX_PAYLOAD_BYTES, encode_frame
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

#: Tags of the envelope's fields: number << 3 | wire type (0 varint, 2 length-delimited).
_TYPE, _FROM, _FROM_IDX, _TO, _TO_IDX, _LINK_ID = 0x08, 0x12, 0x18, 0x22, 0x28, 0x32
_FIRST_PAYLOAD_NUMBER = 10
_MOST_TAG = 0xFFFF_FFFF  # parsers refuse longer ones, or read their low 32 bits: another field's tag
_RECORD_TAG = b"\xc2\x07"  # record = 120, length-delimited
_MORE = 0x80  # varint: another byte follows
_TOO_LONG = 1 << 35  # a varint of more than 5 bytes: no tag, and no size that fits


def parse(payload: bytes) -> Msg:
    """Return the message in a frame's payload. Unknown fields are kept and sent again with it.

    Raises:
        RemoteProtocolError: it is not a valid message.
    """
    try:
        return Msg.FromString(payload)
    except DecodeError as error:
        raise RemoteProtocolError("a frame does not carry a message") from error


def fits(message: Msg) -> bool:
    """Tell whether a frame can carry `message`."""
    return 0 < message.ByteSize() <= MAX_PAYLOAD_BYTES


def to_frame(message: Msg) -> bytes:
    """Return the frame that carries `message`.

    Raises:
        LocalProtocolError: it does not fit into one frame.
    """
    payload = message.SerializeToString()
    if not payload:
        raise LocalProtocolError("an empty message has no frame")
    return encode_frame(payload)


def canonical_envelope_end(view: memoryview, start: int, end: int) -> int:
    """Return where the addressing fields of the message at `view[start:end]` end, 0 if its envelope is not canonical.

    Parse the message after a 0. Only the fields' tags are checked here. To check their values, and that the sender may
    use them, parse the message once; after that, equal bytes mean equal fields.
    """
    try:
        at = start
        if view[at] != _TYPE:
            return 0
        at = _skip_varint(view, at + 1)
        if view[at] != _FROM:
            return 0
        at = _skip_string(view, at + 1)
        if view[at] == _FROM_IDX:
            at = _skip_varint(view, at + 1)
        if view[at] != _TO:
            return 0
        at = _skip_string(view, at + 1)
        if view[at] == _TO_IDX:
            at = _skip_varint(view, at + 1)
        if view[at] != _LINK_ID:
            return 0
        at = _skip_string(view, at + 1)
        return at if is_last_payload(view, at, end) else 0
    except IndexError:  # the bytes ended within a field
        return 0


def is_canonical(payload: bytes) -> bool:
    """Tell whether the message in a frame's payload has a canonical envelope."""
    return canonical_envelope_end(memoryview(payload), 0, len(payload)) > 0


def _skip_varint(view: memoryview, at: int) -> int:
    while view[at] & _MORE:
        at += 1
    return at + 1


def _skip_string(view: memoryview, at: int) -> int:
    size = view[at]
    if size >= _MORE:  # 128 bytes or more: no id is that long, and the size itself would take two bytes
        raise IndexError
    return at + 1 + size


def is_last_payload(view: memoryview, at: int, end: int) -> bool:
    """Tell whether `view[at:end]` is nothing, or one length-delimited payload field that ends at `end`.

    Raises:
        IndexError: the bytes ended within the field.
    """
    if at >= end:
        return at == end
    tag, at = _varint(view, at)
    if tag & 7 != 2 or tag >> 3 < _FIRST_PAYLOAD_NUMBER or tag > _MOST_TAG:
        return False
    size, at = _varint(view, at)
    return at + size == end


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """Return the varint at `at` (at most 5 bytes of it) and the position after it."""
    value = view[at]
    if value < _MORE:
        return value, at + 1
    value &= 0x7F
    for shift in range(7, 35, 7):
        at += 1
        byte = view[at]
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value, at + 1
    return _TOO_LONG, at + 1


def type_of(message: bytes) -> tuple[MsgType, int]:
    """Return the type of a serialised message without addresses, and where its payload field begins.

    Raises:
        LocalProtocolError: it is not such a message.
    """
    try:
        has_type = message[0] == _TYPE
        at = 2 if message[1] < _MORE else 3  # a varint; no type needs more than two bytes
        number = message[1] if at == 2 else message[1] & 0x7F | message[2] << 7
        whole = has_type and number < 1 << 14 and is_last_payload(memoryview(message), at, len(message))
    except IndexError:
        whole = False
    if not whole:
        raise LocalProtocolError("no type, or a truncated payload")
    return cast("MsgType", number), at


def record_head(size: int) -> bytes:
    """Return the bytes between the envelope and the `size` bytes of the record in a message of type `record`.

    That is the tag and size of `Msg.record` (120), and those of its field `data` (1): see `record_in`.
    """
    data = b"\x0a" + encode_varint(size)
    return _RECORD_TAG + encode_varint(len(data) + size) + data


def record_in(payload: bytes, at: int) -> bytes | None:
    """Return the record in a message of type `record`, None if only parsing can find it.

    Args:
        payload: the message; a single record should follow its canonical envelope and end with it.
        at: where the envelope ends.
    """
    try:
        if not payload.startswith(_RECORD_TAG, at):
            return None
        view = memoryview(payload)
        size, at = _varint(view, at + len(_RECORD_TAG))
        if at + size != len(payload) or view[at] != 0x0A:
            return None
        size, at = _varint(view, at + 1)
        return payload[at:] if at + size == len(payload) else None
    except IndexError:
        return None


def encode_varint(value: int) -> bytes:
    """Return a number as protobuf writes it."""
    out = bytearray()
    while value >= _MORE:
        out.append(value & 0x7F | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)
