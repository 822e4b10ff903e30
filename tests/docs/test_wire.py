"""The page of the protocol has every message, field and number of ours, and of existing programs."""

import re

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor

from natpass_wire.pb import desktop_pb2, envelope_pb2, exec_pb2, link_pb2, login_pb2, roster_pb2, shell_pb2, stream_pb2
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.docs.pages import DOCS, text

PAGE = re.sub(r"\s+", " ", text(DOCS / "wire.md"))
FILES: list[FileDescriptor] = [
    module.DESCRIPTOR for module in (desktop_pb2, exec_pb2, link_pb2, login_pb2, roster_pb2, shell_pb2, stream_pb2)
]
#: The first number of ours.
OURS = 100


@pytest.mark.parametrize("kind", [value for value in MsgType.items() if value[1] >= OURS], ids=str)
def test_message_types(kind: tuple[str, int]) -> None:
    name, number = kind
    assert f"**{name}** {number}" in PAGE


@pytest.mark.parametrize("kind", [v for v in MsgType.items() if v[1] < OURS and not v[0].startswith("code_")], ids=str)
def test_message_types_of_existing_programs(kind: tuple[str, int]) -> None:
    name, number = kind
    assert f"| {name} | {number} |" in PAGE


def test_payloads() -> None:
    fields = [field for field in Msg.DESCRIPTOR.fields if field.number >= 10 and not field.name.startswith("cs")]
    assert not [f for f in fields if f"`{f.name}` {f.number}" not in PAGE]


def ours(message: Descriptor) -> list[tuple[str, int]]:
    return [(field.name, field.number) for field in message.fields if field.number >= OURS]


def test_our_fields_in_existing_messages() -> None:
    found = [field for file in FILES for message in file.message_types_by_name.values() for field in ours(message)]
    assert found
    assert not [(name, number) for name, number in found if not re.search(rf"\b{name}`? {number}\b", PAGE)]


def test_fields_of_stream_records() -> None:
    fields = stream_pb2.StreamRecord.DESCRIPTOR.fields
    assert not [field.name for field in fields if f"| {field.name} | {field.number} |" not in PAGE]


def test_envelope() -> None:
    fields = [field for field in envelope_pb2.Msg.DESCRIPTOR.fields if field.number < 10]
    assert not [field.name for field in fields if f"| {field.name} | {field.number} |" not in PAGE]
