"""Hostile messages: any field of any message, absent or at an extreme."""

from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from natpass_wire.pb.envelope_pb2 import Msg, MsgType

M = TypeVar("M", bound=Message)

_32, _64 = 1 << 32, 1 << 64
_SIGNED_32 = st.sampled_from([0, 1, -1, 2, 255, 65_536, (_32 >> 1) - 1, -(_32 >> 1)])
_SIGNED_64 = st.sampled_from([0, 1, -1, (_64 >> 1) - 1, -(_64 >> 1)])
_UNSIGNED_32 = st.sampled_from([0, 1, 2, 9, 80, 255, 32_767, 32_768, 65_535, 65_536, (_32 >> 1), _32 - 1])
#: Also the last millisecond of the year 9999, and the first that `datetime` does not have.
_UNSIGNED_64 = st.sampled_from(
    [0, 1, 64, 65_536, _32 - 1, _32, 253_402_300_799_999, 253_402_300_800_000, _64 >> 1, _64 - 1]
)
_TEXTS = st.sampled_from(
    [
        "",
        "a",
        "server",
        "\0",
        "\n",
        "9" * 5000,
        "é" * 300,
        "\u202e",
        "\N{COMBINING GRAVE ACCENT}" * 9,
        "/",
        "[b]",
        "=",
        "x=y",
    ]
)
_BYTES = st.sampled_from(
    [b"", b"\0", b"a", b"true", bytes(16), bytes(32), b"\xff" * 33, b"\x1b[999999999;999999999H", b"x" * 4000]
)

_VALUES = {
    FieldDescriptor.TYPE_INT32: _SIGNED_32,
    FieldDescriptor.TYPE_SINT32: _SIGNED_32,
    FieldDescriptor.TYPE_INT64: _SIGNED_64,
    FieldDescriptor.TYPE_UINT32: _UNSIGNED_32,
    FieldDescriptor.TYPE_UINT64: _UNSIGNED_64,
    FieldDescriptor.TYPE_FIXED64: _UNSIGNED_64,
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: _TEXTS,
    FieldDescriptor.TYPE_BYTES: _BYTES,
}


def extreme(kind: type[M]) -> st.SearchStrategy[M]:
    """Return messages of a type, as they come from the wire."""
    return _fields(kind.DESCRIPTOR, 4).map(lambda fields: _made(kind, fields))


def message(kind: MsgType, field: str | None = None) -> st.SearchStrategy[Msg]:
    """Return messages of a `MsgType` with extremes in one payload field, in any if that is None."""
    payloads = [each for each in Msg.DESCRIPTOR.oneofs_by_name["payload"].fields if field in {None, each.name}]
    return st.sampled_from(payloads).flatmap(
        lambda payload: _fields(payload.message_type, 4).map(
            lambda fields: _made(Msg, {"type": kind, payload.name: fields})
        )
    )


def _made(kind: type[M], fields: dict[str, Any]) -> M:
    return kind.FromString(kind(**fields).SerializeToString())


def _fields(kind: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return the fields of a message, each of them absent now and then; of a oneof at most one."""
    oneofs = [[field.name for field in oneof.fields] for oneof in kind.oneofs if len(oneof.fields) > 1]
    values = {field.name: _value(field, depth) for field in kind.fields if depth or field.message_type is None}

    def chosen(draw: st.DrawFn) -> dict[str, Any]:
        names = draw(st.sets(st.sampled_from(sorted(values)))) if values else set()
        for oneof in oneofs:
            others = sorted(names & set(oneof))
            names -= set(others[1:])
        return {name: draw(values[name]) for name in sorted(names)}

    return st.composite(chosen)()


def _value(field: Any, depth: int) -> st.SearchStrategy[Any]:
    one: st.SearchStrategy[Any]
    if field.message_type is not None:
        one = st.deferred(lambda: _fields(field.message_type, depth - 1))
    elif field.enum_type is not None:
        numbers = [value.number for value in field.enum_type.values]
        one = st.sampled_from([*numbers, 999, (_32 >> 1) - 1, -(_32 >> 1)])
    else:
        one = _VALUES[field.type]
    return st.lists(one, max_size=3) if field.is_repeated else one
