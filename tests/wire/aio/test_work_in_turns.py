"""What a peer can have done in one turn of the loop, and that nothing of the rest is lost."""

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from natpass_wire.aio.relay_connection import FRAMES_A_TURN, RelayConnection
from natpass_wire.aio.sockets import FIRST_READ_BYTES, FrameSocket
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.frame import Batch, encode_frame
from natpass_wire.pb.envelope_pb2 import Msg, MsgType, Ping
from tests.support.waiting import wait_for
from tests.wire.aio.plugs import Pair, Recorder, Tls, connected
from tests.wire.aio.stub import StubRelay
from tests.wire.aio.watched import running, target

pytestmark = pytest.mark.both_loops


@dataclass
class Slow(Recorder):
    """Takes so many frames in one turn, and notes in which iteration of the loop."""

    most: int = 3
    iteration: int = 0
    taken: list[tuple[int, int]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    holds: FrameSocket | None = None

    def batch_received(self, batch: Batch) -> int | None:
        self.sizes.append(len(batch.view))
        count = min(self.most, len(batch.bounds) - 1)
        self.payloads += list(batch.payloads())[:count]
        self.taken.append((self.iteration, count))
        if self.holds is not None:
            self.holds.pause_reading()
        return count

    async def count_iterations(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.iteration += 1


def slow(pair: Pair, most: int) -> Slow:
    """Let the server's end take so many frames in one turn."""
    handler = Slow(ready=True, most=most)
    pair.server.handler = pair.at_server = handler
    return handler


async def until(handler: Slow, count: int) -> None:
    counting = asyncio.get_running_loop().create_task(handler.count_iterations(), name="iterations")
    try:
        await wait_for(lambda: len(handler.payloads) >= count or handler.lost)
    finally:
        counting.cancel()


async def test_what_is_more_than_a_turn_comes_later_all_of_it_and_in_order(tls: Tls | None) -> None:
    chance = random.Random(5)
    messages = [chance.randbytes(chance.choice([1, 5, 300, 20_000])) for _ in range(400)]
    async with connected(tls, high_water=1 << 26) as pair:
        handler = slow(pair, 3)
        for message in messages:
            pair.client.write(encode_frame(message))
        await until(handler, len(messages))
        assert handler.payloads == messages
        in_one = [sum(count for at, count in handler.taken if at == one) for one, _ in handler.taken]
        # A turn that was left over, and the read after it; and the frame that was incomplete before that.
        assert max(in_one) <= 2 * handler.most + 1
        assert max(handler.sizes) <= FIRST_READ_BYTES + 65_541  # with the end of a frame from the read before


async def test_a_held_socket_keeps_what_is_left_over_and_goes_on(tls: Tls | None) -> None:
    messages = [b"%d" % number for number in range(100)]
    async with connected(tls) as pair:
        handler = slow(pair, 10)
        handler.holds = pair.server
        pair.client.write(b"".join(map(encode_frame, messages)))
        for turns in range(1, 4):
            await wait_for(lambda count=10 * turns: len(handler.payloads) == count)  # type: ignore[misc]
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(handler.payloads) == 10 * turns
            pair.server.resume_reading()
        handler.holds = None
        pair.server.resume_reading()
        await until(handler, 100)
        assert handler.payloads == messages


async def test_what_came_before_the_end_is_taken_before_it(tls: Tls | None) -> None:
    messages = [b"%d" % number for number in range(100)]
    async with connected(tls) as pair:
        handler = slow(pair, 1)
        pair.client.write(b"".join(map(encode_frame, messages)))
        pair.client.close()
        assert await handler.until_lost() is None
        assert handler.payloads == messages


async def test_a_closed_socket_forgets_what_is_left_over(tls: Tls | None) -> None:
    async with connected(tls) as pair:
        handler = slow(pair, 1)
        pair.client.write(encode_frame(b"x") * 1000)
        await wait_for(lambda: handler.payloads)
        pair.server.close()
        count = len(handler.payloads)
        assert count < 1000
        assert await handler.until_lost() is None
        assert len(handler.payloads) == count


async def test_a_full_read_ends_the_turn(tls: Tls | None) -> None:
    """libuv would read up to 32 times in a row, and decrypt and route all of that before anything else."""
    async with connected(tls, high_water=1 << 26) as pair:
        handler = slow(pair, 1 << 30)
        pair.server.pause_reading()
        for number in range(100):
            pair.client.write(encode_frame(bytes([number]) * 60_000))
        pair.server.resume_reading()
        await until(handler, 100)
        assert [payload[0] for payload in handler.payloads] == list(range(100))
        reads = [sum(1 for at, _ in handler.taken if at == one) for one, _ in handler.taken]
        assert max(reads) <= 3  # one read: the frame that was incomplete, and those behind it
        assert max(handler.sizes) > 4 * FIRST_READ_BYTES  # who costs little is read in large pieces


@pytest.mark.parametrize("excess", [0, 1])
async def test_so_many_bytes_before_the_login_and_no_more(tls: Tls | None, excess: int) -> None:
    async with connected(tls) as pair:
        handler = slow(pair, 1000)
        pair.client.write(encode_frame(b"hello"))
        await wait_for(lambda: handler.payloads)
        pair.server._allowance = pair.server.received_bytes + 30_000
        before = pair.client.sent_bytes
        while pair.client.sent_bytes - before < 30_000 - 200:
            pair.client.write(encode_frame(bytes(100)))
        lacking = 30_000 + excess - (pair.client.sent_bytes - before)
        assert pair.client._transport is not None
        await wait_for(lambda: pair.server.received_bytes == pair.client.sent_bytes or handler.lost)
        assert not handler.lost
        pair.client._transport.write(bytes([23, 3, 3, 1, 0]) + bytes(lacking - 5) if tls else b"\xff" * lacking)
        if excess:
            error = await handler.until_lost()
            assert isinstance(error, RemoteProtocolError)
            assert "before the login" in str(error)
        else:
            await wait_for(lambda: pair.server.received_bytes == pair.server._allowance)
            assert not handler.lost


async def test_what_comes_with_the_end_of_the_login_is_taken(tls: Tls | None) -> None:
    """Also if it is more than may come before: whoever has logged in may go on at once."""

    class Login(Slow):
        socket: FrameSocket

        def batch_received(self, batch: Batch) -> int | None:
            self.socket.lift_allowance()
            return super().batch_received(batch)

    messages = [bytes([number]) * 1000 for number in range(60)]
    async with connected(tls, high_water=1 << 26) as pair:
        handler = Login(ready=True, most=50)
        handler.socket = pair.server
        pair.server.handler = pair.at_server = handler
        pair.server._allowance = pair.server.received_bytes + 5000
        pair.client.write(b"".join(map(encode_frame, messages)))
        await until(handler, 60)
        assert handler.payloads == messages


async def test_a_relays_small_messages_leave_its_client_time_for_others(
    tls: Tls | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, count = StubRelay(tls=tls), 3000
    clock, heard = Slow(), dict[int, int]()
    receive = RelayConnection._receive

    def counted(self: RelayConnection, message: Msg) -> None:
        heard[clock.iteration] = heard.get(clock.iteration, 0) + 1
        receive(self, message)

    monkeypatch.setattr(RelayConnection, "_receive", counted)
    async with relay.running() as port, running(target(port, tls=tls is not None)) as watched:
        await watched.client.online()
        guest = await relay.guest()
        counting = asyncio.get_running_loop().create_task(clock.count_iterations(), name="iterations")
        try:
            for number in range(count):
                guest.send(Msg(type=MsgType.ping, ping=Ping(nonce=number)))
            await wait_for(lambda: len(guest.of_type(MsgType.pong)) == count)
        finally:
            counting.cancel()
        assert [message.ping.nonce for message in guest.of_type(MsgType.pong)] == list(range(count))
        assert max(heard.values()) <= 2 * FRAMES_A_TURN


@dataclass
class Faulty(Slow):
    """Has a bug that shows in a later turn."""

    def batch_received(self, batch: Batch) -> int | None:
        if self.taken:
            raise LookupError("a bug of ours")
        return super().batch_received(batch)


async def test_a_bug_in_a_later_turn_closes_the_connection_and_is_logged(tls: Tls | None) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context.get("exception")))
    async with connected(tls) as pair:
        handler = Faulty(ready=True, most=1)
        pair.server.handler = pair.at_server = handler
        pair.client.write(encode_frame(b"one") + encode_frame(b"two"))
        await wait_for(lambda: handler.lost)
    assert [type(error) for error in told] == [LookupError]
