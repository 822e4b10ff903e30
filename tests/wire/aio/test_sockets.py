"""The contract of frame sockets: plain and TLS, on uvloop and on asyncio's loop, against real sockets."""

import asyncio
import fcntl
import gc
import random
import socket
import ssl
import struct
import sys
import tracemalloc

import pytest

from natpass_wire.aio import sockets
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.short_records import SHORT_RECORD
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import encode_frame
from tests.support.waiting import wait_for
from tests.wire.aio.plugs import HOST, ChunkingProxy, Recorder, Tls, connected, listening

pytestmark = pytest.mark.both_loops


def payloads(seed: int, count: int, largest: int = 65_535) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.choice([1, 20, 64, 1000, chance.randint(1, largest)])) for _ in range(count)]


async def send_all(own: FrameSocket, handler: Recorder, messages: list[bytes]) -> None:
    for message in messages:
        await wait_for(lambda: own.writable or handler.lost)
        own.write(encode_frame(message))


async def test_large_transfers_both_ways_in_any_pieces(tls: Tls | None) -> None:
    there, back = payloads(1, 200), payloads(2, 200)
    async with connected(tls, through=ChunkingProxy(seed=3)) as pair, asyncio.TaskGroup() as tasks:
        tasks.create_task(send_all(pair.client, pair.at_client, there), name="there")
        tasks.create_task(send_all(pair.server, pair.at_server, back), name="back")
        await wait_for(lambda: len(pair.at_server.payloads) == 200 and len(pair.at_client.payloads) == 200)
        assert pair.at_server.payloads == there
        assert pair.at_client.payloads == back


async def test_small_pieces(tls: Tls | None) -> None:
    there = payloads(1, 60, largest=300)
    async with connected(tls, through=ChunkingProxy(seed=4, largest=7)) as pair:
        await send_all(pair.client, pair.at_client, there)
        await wait_for(lambda: len(pair.at_server.payloads) == len(there))
        assert pair.at_server.payloads == there


async def test_a_slow_receiver_is_felt_and_nothing_is_lost(tls: Tls | None) -> None:
    messages = [bytes([number % 256]) * 60_000 for number in range(300)]
    async with connected(tls) as pair, asyncio.TaskGroup() as tasks:
        pair.server.pause_reading()
        tasks.create_task(send_all(pair.client, pair.at_client, messages), name="sender")
        await wait_for(lambda: pair.at_client.writable == [False])
        await wait_for(lambda: not pair.client.writable)
        assert 64 * 1024 < pair.client.waiting_bytes < 64 * 1024 + 2 * 65_536
        assert len(pair.at_server.payloads) <= 8  # what was read with what made it pause
        pair.server.resume_reading()
        await wait_for(lambda: len(pair.at_server.payloads) == 300)
        assert pair.at_server.payloads == messages
        await wait_for(lambda: pair.client.waiting_bytes == 0)
        await wait_for(lambda: pair.client.writable)
        assert pair.at_client.writable == [False, True] * (len(pair.at_client.writable) // 2)


@pytest.mark.skipif(sys.platform != "linux", reason="SIOCOUTQNSD is Linux's")
async def test_the_system_takes_no_more_than_it_sends_soon(tls: Tls | None) -> None:
    """What it has taken, no other frame can overtake: neither another link's, nor an urgent one."""
    frame = encode_frame(bytes(60_000))
    async with connected(tls) as pair:
        for _ in range(100):  # it learns that the line is fast
            await wait_for(lambda: pair.client.writable)
            pair.client.write(frame)
        await wait_for(lambda: len(pair.at_server.payloads) == 100)
        pair.server.pause_reading()
        while pair.client.waiting_bytes < 64 * 1024:
            pair.client.write(frame)
            await asyncio.sleep(0)
        assert pair.client._transport is not None
        descriptor = pair.client._transport.get_extra_info("socket").fileno()
        if sys.platform != "win32":  # for mypy
            (unsent,) = struct.unpack("i", fcntl.ioctl(descriptor, 0x894B, bytes(4)))  # SIOCOUTQNSD, linux/sockios.h
            assert unsent <= sockets.UNSENT_BYTES + 2 * len(frame)


async def test_the_bytes_of_a_view_are_taken_at_the_call(tls: Tls | None) -> None:
    """A relay writes slices of the buffer that the next read overwrites."""
    frame = encode_frame(b"x" * 60_000)
    async with connected(tls, high_water=64 * 1024 * 1024) as pair:
        pair.server.pause_reading()
        buffer = bytearray(frame)
        for _ in range(200):
            buffer[:] = frame
            pair.client.write(memoryview(buffer))
            buffer[:] = bytes(len(buffer))
        assert pair.client.waiting_bytes
        pair.server.resume_reading()
        await wait_for(lambda: len(pair.at_server.payloads) == 200 or pair.at_server.lost)
        assert pair.at_server.payloads == [b"x" * 60_000] * 200


async def test_the_first_bytes_go_in_tls_records_of_one_segment(certified: Tls) -> None:
    frame = encode_frame(bytes(60_000))
    async with connected(certified) as pair:
        before = pair.client.sent_bytes
        pair.client.write(frame)
        around = pair.client.sent_bytes - before - len(frame)  # 22 bytes a record with TLS 1.3 (RFC 8446 §5.2)
        assert around == 22 * -(-len(frame) // SHORT_RECORD)
        await wait_for(lambda: pair.at_server.payloads)
        assert pair.at_server.payloads == [bytes(60_000)]


async def test_close_sends_what_waits(tls: Tls | None) -> None:
    messages = [bytes([number]) * 60_000 for number in range(100)]
    async with connected(tls, high_water=64 * 1024 * 1024) as pair:
        pair.server.pause_reading()
        for message in messages:
            pair.client.write(encode_frame(message))
        pair.client.close()
        pair.client.write(encode_frame(b"too late"))
        pair.server.resume_reading()
        assert await pair.at_server.until_lost() is None
        assert await pair.at_client.until_lost() is None
        assert pair.at_server.payloads == messages


async def test_what_was_said_last_arrives_although_the_peer_was_talking(tls: Tls | None) -> None:
    """A refusal to one who sends all the time: with unread bytes in it, a socket that is closed is reset."""
    async with connected(tls, high_water=64 * 1024 * 1024) as pair:
        pair.client.pause_reading()
        pair.server.pause_reading()
        for number in range(20):
            pair.server.write(encode_frame(bytes(60_000)))
            pair.client.write(encode_frame(bytes([number]) * 60_000))
        pair.client.close()
        pair.client.pause_reading()  # it is not for the owner to say any more
        pair.server.resume_reading()
        assert await pair.at_server.until_lost() is None
        assert await pair.at_client.until_lost() is None
        assert pair.at_server.payloads == [bytes([number]) * 60_000 for number in range(20)]
        assert pair.at_client.payloads == []


async def test_who_does_not_close_its_side_is_waited_for_only_so_long(
    tls: Tls | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "LINGER_SECONDS", 0.1)
    async with connected(tls) as pair:
        pair.server.pause_reading()  # it sees no end
        pair.client.close()
        assert await pair.at_client.until_lost() is None
        assert not pair.at_server.lost


async def test_close_waits_for_a_dead_peer_only_so_long(tls: Tls | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CLOSE_SECONDS", 0.1)
    async with connected(tls, high_water=64 * 1024 * 1024) as pair:
        pair.server.pause_reading()
        for _ in range(200):
            pair.client.write(encode_frame(bytes(60_000)))
        pair.client.close()
        await pair.at_client.until_lost()
        assert len(pair.at_server.payloads) < 200


async def test_abort_ends_at_once_with_its_error(tls: Tls | None) -> None:
    async with connected(tls) as pair:
        why = TimeoutError("no sign of life")
        pair.client.abort(why)
        assert await pair.at_client.until_lost() is why
        await pair.at_server.until_lost()
        pair.client.abort()
        pair.client.close()
        pair.client.write(encode_frame(b"x"))
        pair.client.pause_reading()
        pair.client.resume_reading()
        assert pair.client.waiting_bytes == 0


async def test_an_end_within_a_frame_is_blamed_on_the_peer(tls: Tls | None) -> None:
    async with connected(tls) as pair:
        pair.client.write(encode_frame(b"whole") + encode_frame(b"half")[:-2])
        pair.client.close()
        error = await pair.at_server.until_lost()
        assert isinstance(error, RemoteProtocolError)
        assert "within a frame" in str(error)
        assert pair.at_server.payloads == [b"whole"]


async def test_a_peer_that_closes_tls_and_not_tcp_has_closed(certified: Tls) -> None:
    async with connected(certified) as pair:
        tls, transport = pair.client._tls, pair.client._transport
        assert tls is not None
        assert transport is not None
        pair.client.write(encode_frame(b"whole"))
        tls.close()
        transport.write(tls.outgoing.read())
        assert await pair.at_server.until_lost() is None
        assert pair.at_server.payloads == [b"whole"]


async def test_a_broken_frame_ends_the_connection_after_the_good_ones(tls: Tls | None) -> None:
    async with connected(tls) as pair:
        pair.client.write(encode_frame(b"good") + encode_frame(b"bad")[:-1] + b"!" + encode_frame(b"later"))
        error = await pair.at_server.until_lost()
        assert isinstance(error, RemoteProtocolError)
        assert "crc32" in str(error)
        assert pair.at_server.payloads == [b"good"]
        await pair.at_client.until_lost()


async def test_a_handler_that_blames_the_peer_still_has_its_say(tls: Tls | None) -> None:
    async with connected(tls) as pair:

        def refuse(payload: bytes) -> None:
            pair.server.write(encode_frame(b"no: " + payload))
            raise RemoteProtocolError("not like this")

        pair.at_server.on_payload = refuse
        pair.client.write(encode_frame(b"a") + encode_frame(b"b"))
        assert str(await pair.at_server.until_lost()) == "not like this"
        assert await pair.at_client.until_lost() is None
        assert pair.at_client.payloads == [b"no: a"]


async def test_closing_while_frames_arrive_ends_them(tls: Tls | None) -> None:
    async with connected(tls) as pair:
        pair.at_server.on_payload = lambda payload: pair.server.abort()
        for number in range(50):
            pair.client.write(encode_frame(bytes([number]) * 10_000))
        await pair.at_server.until_lost()
        await pair.at_client.until_lost()


async def test_bytes_are_counted_even_without_a_whole_frame(tls: Tls | None) -> None:
    async with connected(tls) as pair:
        before = pair.server.received_bytes
        pair.client.write(encode_frame(b"slow")[:3])
        await wait_for(lambda: pair.server.received_bytes > before)
        assert pair.at_server.payloads == []
        pair.client.write(encode_frame(b"slow")[3:])
        await wait_for(lambda: pair.at_server.payloads == [b"slow"])
        assert pair.client.sent_bytes == pair.server.received_bytes


async def test_names_of_the_connection(certified: Tls) -> None:
    async with connected(certified) as pair:
        assert pair.client.peer_certificate() == certified.certificate.der
        assert pair.server.peer_certificate() is None
        assert pair.client.peer_address.startswith(HOST + ":")
    assert pair.client.peer_address == "unknown"
    async with connected(None) as pair:
        assert pair.client.peer_certificate() is None


async def test_tls_has_no_version_before_1_2(certified: Tls) -> None:
    for context in (certified.server, certified.client):
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


async def garbage_to(factory: "FrameSocket", garbage: bytes) -> None:
    """Connect a bare socket to a frame socket's listener, and say something."""
    loop = asyncio.get_running_loop()
    async with listening(lambda: factory) as port:
        with socket.create_connection((HOST, port)) as bare:
            bare.setblocking(False)
            await loop.sock_sendall(bare, garbage)
            handler = factory.handler
            assert isinstance(handler, Recorder)
            await handler.until_lost()


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", bytes(100), b"\x15\x03\x03\x00\x02\x02\x28", encode_frame(b"plain")]
)
async def test_plaintext_at_a_tls_port_is_blamed_on_the_peer(certified: Tls, garbage: bytes) -> None:
    handler = Recorder()
    await garbage_to(FrameSocket(handler, ReadBuffers(), tls=certified.server, server_side=True), garbage)
    assert not handler.ready
    assert isinstance(handler.lost[0], RemoteProtocolError)
    assert "TLS" in str(handler.lost[0])


async def test_tls_at_a_plaintext_port_is_blamed_on_the_peer(certified: Tls) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = certified.client.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    handler = Recorder()
    # A client's hello looks like the start of a frame of 0x1603 bytes: it takes another byte's worth of them to tell.
    await garbage_to(FrameSocket(handler, ReadBuffers()), outgoing.read() + bytes(0x1603))
    assert isinstance(handler.lost[0], RemoteProtocolError)


async def test_garbage_within_tls_is_blamed_on_the_peer(certified: Tls) -> None:
    async with connected(certified) as pair:
        transport = pair.client._transport
        assert transport is not None
        transport.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        error = await pair.at_server.until_lost()
        assert isinstance(error, RemoteProtocolError)
        assert "TLS failed" in str(error)


async def test_a_connection_that_ends_before_tls_is_up_is_reported(certified: Tls) -> None:
    handler = Recorder()
    own = FrameSocket(handler, ReadBuffers(), tls=certified.server, server_side=True)
    async with listening(lambda: own) as port:
        socket.create_connection((HOST, port)).close()
        assert await handler.until_lost() is None
    assert not handler.ready


async def test_connections_share_their_buffers(tls: Tls | None) -> None:
    """What one connection left incomplete is its own, though all read into the same memory."""
    buffers, count = ReadBuffers(), 40
    loop = asyncio.get_running_loop()
    served: list[Recorder] = []

    def serve() -> FrameSocket:
        served.append(Recorder())
        context = tls.server if tls else None
        return FrameSocket(served[-1], buffers, tls=context, server_side=True)

    handlers = [Recorder() for _ in range(count)]
    clients = [FrameSocket(handler, buffers, tls=tls.client if tls else None) for handler in handlers]
    frames = [encode_frame(bytes([number]) * 3000) * 5 for number in range(count)]
    async with listening(serve) as port:
        for client in clients:
            await loop.create_connection(lambda client=client: client, HOST, port)  # type: ignore[misc]
        await wait_for(lambda: all(handler.ready for handler in handlers))
        for start in range(0, len(frames[0]), 700):
            for client, frame in zip(clients, frames, strict=True):
                client.write(frame[start : start + 700])
            await asyncio.sleep(0)
        await wait_for(lambda: sum(len(handler.payloads) for handler in served) == 5 * count)
        assert sorted(handler.payloads[0][0] for handler in served) == list(range(count))
        for handler in served:
            assert handler.payloads == [handler.payloads[0]] * 5
            assert len(set(handler.payloads[0])) == 1
        for client in clients:
            client.close()
        await wait_for(lambda: all(handler.lost for handler in [*handlers, *served]))


async def test_an_idle_connection_holds_little_memory_after_a_burst(certified: Tls) -> None:
    """Python's own share; OpenSSL's state comes to it. The event loops' own TLS keeps hundreds of KiB here."""
    async with connected(certified) as pair:
        pair.client.write(encode_frame(bytes(100)))
        await wait_for(lambda: pair.at_server.payloads)
        pair.at_server.payloads.clear()
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(100):
                pair.client.write(encode_frame(bytes(60_000)))
            await wait_for(lambda: len(pair.at_server.payloads) == 100)
            pair.at_server.payloads.clear()
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] < 100_000
        finally:
            tracemalloc.stop()
        assert pair.server._decoder.waiting_bytes == 0
        assert pair.server._tls is not None
        assert pair.server._tls._incoming.pending == pair.server._tls.outgoing.pending == 0
