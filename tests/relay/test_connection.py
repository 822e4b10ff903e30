"""What time does to a connection: signs of life, silence, and clients that take nothing."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from natpass_relay.backlog import MemoryAccount
from natpass_relay.clients import Client, Role
from natpass_relay.connection import Connection, ConnectionHub
from natpass_relay.life import STUCK_SECONDS
from natpass_relay.routing import Route
from natpass_relay.sources import source_of
from natpass_wire.aio.sockets import FrameSocket
from natpass_wire.pb.envelope_pb2 import Msg, MsgType


@dataclass
class FakeSocket:
    """A socket whose counters the test turns."""

    received_bytes: int = 0
    sent_bytes: int = 0
    waiting_bytes: int = 0
    untaken_bytes: int = 0
    writable: bool = True
    frames: list[bytes] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.frames.append(data)
        self.sent_bytes += len(data)

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def lift_allowance(self) -> None:
        """No-op: it has none."""

    def close(self) -> None:
        self.writable = True


class FakeHub:
    def __init__(self) -> None:
        self.heard: list[Connection] = []
        account = MemoryAccount[Connection, Route](1 << 30)
        self.delivery = SimpleNamespace(account=account, keep_budgets=lambda *_: None)

    def client_heard(self, connection: Connection) -> None:
        self.heard.append(connection)

    def drained(self, connection: Connection) -> None:
        pass

    def lost(self, connection: Connection, error: Exception | None) -> None:
        pass


def a_connection(*, speaks_v2: bool = True) -> tuple[Connection, FakeSocket, FakeHub]:
    hub = FakeHub()
    connection = Connection(cast("ConnectionHub", hub))
    socket = FakeSocket()
    connection.socket = connection.outbox.socket = cast("FrameSocket", socket)
    connection.enter(Client("a", Role.AGENT), source_of("192.0.2.1"), 0.0, speaks_v2=speaks_v2)
    return connection, socket, hub


def first_complaint(connection: Connection, seconds: int) -> tuple[int, str] | None:
    for second in range(1, seconds + 1):
        if (reason := connection.tick(float(second))) is not None:
            return second, reason
    return None


@pytest.mark.parametrize(("speaks_v2", "limit"), [(True, 15), (False, 600)])
def test_silence_has_its_limit(speaks_v2: bool, limit: int) -> None:
    connection, _, _ = a_connection(speaks_v2=speaks_v2)
    assert first_complaint(connection, 700) == (limit, f"silent for {limit} s")


def test_any_byte_is_life() -> None:
    connection, socket, _ = a_connection()
    for second in range(1, 100):
        socket.received_bytes += second % 14 == 0
        assert connection.tick(float(second)) is None


@pytest.mark.parametrize(("speaks_v2", "interval"), [(True, 5), (False, 10)])
def test_a_sign_of_life_is_sent_when_nothing_else_was(speaks_v2: bool, interval: int) -> None:
    connection, socket, _ = a_connection(speaks_v2=speaks_v2)
    for second in range(1, 21):
        socket.received_bytes += 1
        connection.tick(float(second))
    assert len(socket.frames) in {20 // interval, 20 // interval - 1}
    message = Msg.FromString(socket.frames[0][6:])
    assert (message.type, message.from_id, message.to) == (MsgType.keepalive, "server", "a")


def test_no_sign_of_life_is_sent_to_one_that_gets_data() -> None:
    connection, socket, _ = a_connection()
    for second in range(1, 30):
        socket.received_bytes += 1
        socket.sent_bytes += 100
        connection.tick(float(second))
    assert socket.frames == []


def test_silence_does_not_count_while_we_do_not_read() -> None:
    connection, socket, _ = a_connection()
    slow, slow_socket, _ = a_connection()
    slow_socket.writable = False
    connection.wait_for(slow)
    assert socket.calls == ["pause"]
    assert first_complaint(connection, 100) is None
    slow_socket.writable = True
    slow.writable_changed(True)
    assert socket.calls == ["pause", "resume"]
    assert connection.tick(101.0) is None


def behind() -> tuple[Connection, FakeSocket, FakeHub]:
    """Return a connection that has asked for more answers than it has taken, and is about to be asked for life."""
    connection, socket, hub = a_connection()
    socket.writable = False
    for _ in range(5000):
        if not connection.is_behind:
            connection.send(Msg(type=MsgType.pong, from_id="server", to="a"), is_answer=True)
    assert connection.is_behind
    connection.probe(Msg(type=MsgType.ping, from_id="server", to="a"))
    socket.untaken_bytes = socket.sent_bytes
    return connection, socket, hub


def test_who_is_behind_is_not_read_and_lives_as_long_as_it_takes_bytes() -> None:
    connection, socket, hub = behind()
    assert socket.calls == ["pause"]
    connection.look_for_life()
    assert not hub.heard
    for second in range(1, 60):
        socket.sent_bytes += second % 14 == 0
        assert connection.tick(float(second)) is None
    connection.look_for_life()
    assert hub.heard == [connection]
    socket.writable = True
    connection.writable_changed(True)
    assert (socket.calls, connection.is_behind) == (["pause", "resume"], False)


def test_who_is_behind_and_takes_nothing_is_dead() -> None:
    connection, _, _ = behind()
    assert first_complaint(connection, 100) == (15, "silent for 15 s")


def test_who_is_behind_and_waits_for_another_is_read_once_both_is_over() -> None:
    connection, socket, _ = behind()
    slow, slow_socket, _ = a_connection()
    slow_socket.writable = False
    connection.wait_for(slow)
    socket.writable = slow_socket.writable = True
    connection.writable_changed(True)
    assert "resume" not in socket.calls
    slow.writable_changed(True)
    assert socket.calls[-1] == "resume"


def test_one_waits_for_all_that_are_slow() -> None:
    connection, socket, _ = a_connection()
    slow = [a_connection() for _ in range(2)]
    for other, other_socket, _ in slow:
        other_socket.writable = False
        connection.wait_for(other)
    slow[0][0].writable_changed(True)
    assert socket.calls == ["pause"]
    slow[1][0].socket_lost(None)
    assert socket.calls == ["pause", "resume"]
    assert not connection.is_held


def test_who_holds_up_another_for_twenty_seconds_is_too_slow() -> None:
    connection, socket, _ = a_connection()
    slow, slow_socket, _ = a_connection()
    slow_socket.writable = False
    connection.wait_for(slow)
    seconds = [second for second in range(1, 24) if connection.tick(float(second)) or connection.too_slow]
    assert seconds == [21, 22, 23]  # the first second was not a whole one
    assert connection.too_slow == [slow]
    connection.go_on_without(slow)
    connection.go_on_without(slow)
    assert socket.calls == ["pause", "resume"]
    connection.tick(24.0)
    assert connection.too_slow == []


def test_who_is_slow_but_steady_is_not_too_slow() -> None:
    connection, _, _ = a_connection()
    slow, slow_socket, _ = a_connection()
    slow_socket.writable = False
    for second in range(1, 100):
        connection.wait_for(slow)
        connection.tick(float(second))
        slow.writable_changed(True)  # just for a moment
        assert connection.too_slow == []


def test_who_takes_nothing_for_a_minute_is_given_up() -> None:
    connection, socket, _ = a_connection()
    socket.sent_bytes, socket.waiting_bytes, socket.writable = 2_000_000, 1_500_000, False
    found = None
    for second in range(1, 100):
        socket.received_bytes += 1
        if (reason := connection.tick(float(second))) is not None:
            found = second, reason
            break
    assert found == (STUCK_SECONDS + 1, "took none of 1500000 waiting bytes for 60 s")


def test_who_takes_a_little_is_not_given_up_though_more_and_more_waits() -> None:
    connection, socket, _ = a_connection()
    for second in range(1, 300):
        socket.received_bytes += 1
        socket.sent_bytes += 1000
        socket.waiting_bytes += 999
        assert connection.tick(float(second)) is None


def test_a_probe_is_answered_by_any_byte_and_by_one_we_do_not_listen_to() -> None:
    connection, socket, hub = a_connection()
    connection.probe(Msg(type=MsgType.ping))
    connection.look_for_life()
    assert hub.heard == []
    socket.received_bytes += 1  # not even a frame
    connection.look_for_life()
    connection.look_for_life()
    assert hub.heard == [connection]
    connection.probe(Msg(type=MsgType.ping))
    slow, slow_socket, _ = a_connection()
    slow_socket.writable = False
    connection.wait_for(slow)
    connection.look_for_life()
    assert hub.heard == [connection, connection]
