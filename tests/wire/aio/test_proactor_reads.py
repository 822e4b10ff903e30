"""A channel's socket on a loop that goes on with what it has read after `pause_reading`, as Windows' does."""

import asyncio
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.aio import channel_socket
from natpass_wire.aio.channel_socket import ChannelSocket
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.errors import LocalProtocolError


class Link:
    """A link whose other end gives credit when the test says so."""

    def __init__(self, credit: int) -> None:
        self.credit = credit
        self.sent = bytearray()
        self.is_ended = False
        self.why = ""

    def space(self, channel: int) -> int:
        return self.credit

    def write(self, channel: int, data: bytes) -> None:
        if len(data) > self.credit or self.is_ended:
            raise LocalProtocolError("there is no room for it")
        self.credit -= len(data)
        self.sent += data

    def end(self, channel: int) -> None:
        self.is_ended = True

    def reset(self, channel: int, text: str) -> None:
        self.why = text


class Transport:
    """A proactor's transport: it copies what it has read into the protocol's buffers, piece by piece."""

    is_reading = True
    is_aborted = False

    def __init__(self, protocol: ChannelSocket) -> None:
        self.protocol = protocol
        protocol.connection_made(cast("asyncio.BaseTransport", self))

    def feed(self, data: bytes) -> None:
        """As `asyncio.protocols._feed_data_to_buffered_proto`: it looks at no pause."""
        while data and not self.is_aborted:
            buffer = self.protocol.get_buffer(len(data))
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            self.protocol.buffer_updated(size)
            data = data[size:]

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def abort(self) -> None:
        self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_aborted

    def set_write_buffer_limits(self, high: int) -> None:
        """Take no note."""

    def get_extra_info(self, name: str) -> Any:
        return None


class Socket(ChannelSocket):
    """A channel's socket."""

    def connected(self, transport: asyncio.Transport) -> None:
        self.channel = 2


@given(st.binary(max_size=300), st.lists(st.integers(1, 60), min_size=1), st.booleans())
def test_what_is_read_beyond_the_credit_goes_out_in_order_and_the_end_behind_it(
    data: bytes, credits_: list[int], ends: bool
) -> None:
    link = Link(credits_[0])
    socket = Socket(cast("ChannelLink", link))
    transport = Transport(socket)
    transport.feed(data)
    if ends:
        socket.eof_received()
    at = 0
    while bytes(link.sent) != data:
        assert not transport.is_reading
        assert not link.is_ended
        at += 1
        link.credit += credits_[at % len(credits_)]
        socket.writable()
    if not link.credit:
        link.credit = 1
        socket.writable()
    assert (transport.is_reading or ends, link.is_ended, socket.traffic.sent) == (True, ends, len(data))


def test_a_loop_that_never_stops_reading_is_cut_off() -> None:
    link = Link(10)
    transport = Transport(Socket(cast("ChannelLink", link)))
    transport.feed(bytes(3 * channel_socket._MOST_BEYOND))
    assert transport.is_aborted
    assert "told not to" in link.why
    assert link.sent == bytes(10)
