"""The fast path: it takes what the router would decide the same way, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.clients import Client, Role
from natpass_relay.fastpath import MAX_ENVELOPES, PLAIN_DATA, FastRoutes
from natpass_relay.routing import Route
from natpass_wire import envelope
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.desktop_pb2 import VncImage
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import Data
from natpass_wire.pb.shell_pb2 import ShellData


def a_link() -> Route:
    return Route(Client("c", Role.CONSOLE), Client("a", Role.AGENT), "0123456789abcdef", ("a", "c", "0123456789abcdef"))


def shell_data(content: bytes, link_id: str = "0123456789abcdef", to: str = "a") -> bytes:
    message = Msg(type=MsgType.shell_data, from_id="c", to=to, link_id=link_id, sdata=ShellData(data=content))
    return message.SerializeToString()


def learned(route: Route, payload: bytes | None = None) -> FastRoutes[str]:
    cache: FastRoutes[str] = FastRoutes()
    cache.learn(payload or shell_data(b"first"), MsgType.shell_data, route, "agent")
    assert len(cache) == 1
    return cache


@given(st.integers(1, 61_440), st.integers(0, 20))
def test_data_of_any_size_is_found_anywhere_in_a_buffer(size: int, offset: int) -> None:
    cache = learned(a_link())
    payload = shell_data(bytes(size))
    fast_route = cache.find(bytes(offset) + payload + b"more", offset, offset + len(payload))
    assert fast_route is not None
    assert fast_route.to == "agent"
    assert payload.startswith(fast_route.prefix(len(payload)))


def test_an_ended_link_is_not_found() -> None:
    route = a_link()
    cache = learned(route)
    route.ended = True
    assert cache.find(shell_data(b"x"), 0, len(shell_data(b"x"))) is None


def test_what_is_not_plain_data_is_not_remembered() -> None:
    cache: FastRoutes[str] = FastRoutes()
    image = Msg(type=MsgType.vnc_image, from_id="c", to="a", link_id="l", vimg=VncImage(data=b"x"))
    cache.learn(image.SerializeToString(), MsgType.vnc_image, a_link(), "agent")
    cache.learn(shell_data(b"x") + shell_data(b"x"), MsgType.shell_data, a_link(), "agent")  # every field twice
    assert len(cache) == 0


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def head(kind: MsgType) -> bytes:
    return Msg(type=kind, from_id="c", to="a", link_id="0123456789abcdef").SerializeToString()


_PAYLOAD_NUMBERS = sorted(field.number for field in Msg.DESCRIPTOR.oneofs_by_name["payload"].fields)


@given(
    st.sampled_from(list(MsgType.values())),
    st.sampled_from([*_PAYLOAD_NUMBERS, 99, 536_870_911]),
    st.binary(min_size=1, max_size=8),
)
def test_whatever_was_learned_what_is_found_always_parses(kind: MsgType, number: int, second: bytes) -> None:
    cache: FastRoutes[str] = FastRoutes()
    tag = varint(number << 3 | 2)
    first = head(kind) + tag + varint(2 + len(second)) + b"\x0a" + varint(len(second)) + b"x" * len(second)
    cache.learn(first, kind, a_link(), "agent")
    again = first[: -len(second)] + second
    if cache.find(again, 0, len(again)) is not None:
        envelope.parse(again)
        assert (kind, number) in {(MsgType.forward, 13), (MsgType.shell_data, 21), (MsgType.record, 120)}


def test_a_payload_field_that_holds_a_string_is_not_remembered() -> None:
    cache: FastRoutes[str] = FastRoutes()
    for kind in (MsgType.shell_data, MsgType.forward):
        cache.learn(head(kind) + b"\x5a\x06\x0a\x04good", kind, a_link(), "agent")  # creq = 11, its name = 1
        cache.learn(head(kind) + b"\xaa\x81\x00\x06\x0a\x04good", kind, a_link(), "agent")  # sdata's tag, too long
    cache.learn(head(MsgType.forward) + b"\xaa\x01\x06\x0a\x04good", MsgType.forward, a_link(), "agent")
    assert len(cache) == 0


@pytest.mark.parametrize("kind", list(PLAIN_DATA))
def test_what_is_remembered_is_plain_data_only(kind: MsgType) -> None:
    (name,) = (f.name for f in Msg.DESCRIPTOR.fields if varint(f.number << 3 | 2) == PLAIN_DATA[kind])
    payload = Msg.DESCRIPTOR.fields_by_name[name].message_type
    assert payload is not None
    content, *ours = payload.fields
    assert (content.name, content.number, content.type) == ("data", 1, content.TYPE_BYTES)
    assert all(field.number >= 100 for field in ours)  # a message that has one of these is parsed, see below


@pytest.mark.parametrize(
    "payload",
    [
        shell_data(b"x", to="b"),
        shell_data(b"x", link_id="0123456789abcdee"),
        shell_data(b"xyz") + b"\x22\x01b",  # another `to` after the payload: the last one wins
        shell_data(b""),
        shell_data(b"xyz")[:-1],
        Msg(
            type=MsgType.shell_data,
            from_id="c",
            to="a",
            link_id="0123456789abcdef",
            sdata=ShellData(data=b"x", source=ShellData.ANSWER),
        ).SerializeToString(),
        Msg(
            type=MsgType.forward, from_id="c", to="a", link_id="0123456789abcdef", data=Data(data=b"x")
        ).SerializeToString(),
    ],
)
def test_what_differs_in_anything_is_parsed(payload: bytes) -> None:
    assert learned(a_link()).find(payload, 0, len(payload)) is None


@given(st.binary(max_size=60), st.data())
def test_whatever_is_found_parses_to_the_same_addresses(noise: bytes, draw: st.DataObject) -> None:
    cache = learned(a_link())
    good = shell_data(draw.draw(st.binary(min_size=1, max_size=300)))
    cut = draw.draw(st.integers(0, len(good)))
    payload = draw.draw(st.sampled_from([good[:cut] + noise, good[:cut] + noise + good[cut:], good + noise]))
    if cache.find(payload, 0, len(payload)) is not None:
        message = envelope.parse(payload)
        assert (message.type, message.from_id, message.to, message.link_id) == (
            MsgType.shell_data,
            "c",
            "a",
            "0123456789abcdef",
        )
        assert message.HasField("sdata")


def test_a_payload_that_does_not_parse_is_left_to_the_parser() -> None:
    broken = shell_data(b"abc").replace(b"\x0a\x03abc", b"\x0a\x7fabc")  # a size beyond the end
    with pytest.raises(RemoteProtocolError):
        envelope.parse(broken)
    assert learned(a_link()).find(broken, 0, len(broken)) is None


def test_one_link_can_t_fill_memory() -> None:
    cache: FastRoutes[str] = FastRoutes()
    route = a_link()
    for idx in range(100):  # an index that the sender writes out, each time another
        message = Msg(type=MsgType.shell_data, from_id="c", from_idx=idx + 1, to="a", link_id="l")
        message.sdata.data = b"x"
        cache.learn(message.SerializeToString(), MsgType.shell_data, route, "agent")
    assert len(cache) == MAX_ENVELOPES


def test_ended_links_are_swept_out() -> None:
    cache: FastRoutes[str] = FastRoutes()
    for number in range(10_000):
        route = a_link()
        cache.learn(shell_data(b"x", link_id=f"{number:016x}"), MsgType.shell_data, route, "agent")
        route.ended = True
        assert len(cache) <= 64


def test_a_link_id_that_comes_back_leads_to_the_new_link() -> None:
    old, new = a_link(), a_link()
    cache = learned(old)
    old.ended = True
    cache.learn(shell_data(b"x"), MsgType.shell_data, new, "successor")
    fast_route = cache.find(shell_data(b"y"), 0, len(shell_data(b"y")))
    assert fast_route is not None
    assert fast_route.to == "successor"
    assert len(cache) == 1
