"""Two ends of a link with channels: no byte lost or doubled, credit kept, turns fair, hostile frames refused."""

import secrets
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from natpass_wire.channels.channel import FIRST_WINDOW, MAX_WINDOW, SEND_BYTES, SEND_DATAGRAMS
from natpass_wire.channels.events import (
    ChannelAsked,
    ChannelEnded,
    ChannelNotOpened,
    ChannelOpened,
    ChannelReceived,
    ChannelReset,
    Endpoint,
    ListenAsked,
)
from natpass_wire.channels.mux import MAX_CHANNELS, MAX_DATAGRAM, MAX_FRAMES, QUANTUM, ChannelMux
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.pb.forward_pb2 import ChannelFrame, ChannelRefused, Channels, ForwardAddress
from natpass_wire.pb.forward_pb2 import ChannelOpen as OpenFrame
from natpass_wire.stream.receiver import Room

WEB = Endpoint("10.0.0.7", 80)
UDP = Endpoint("10.0.0.7", 53, datagrams=True)


@dataclass
class Heard:
    """One end, and all that it has heard."""

    mux: ChannelMux
    asked: list[ChannelAsked | ListenAsked] = field(default_factory=list)
    received: dict[int, bytes] = field(default_factory=lambda: defaultdict(bytes))
    unread: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    datagrams: list[bytes] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)
    gone: dict[int, str] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)

    def take(self, message: Channels) -> None:
        for event in self.mux.receive(Channels.FromString(message.SerializeToString())):
            match event:
                case ChannelReceived(channel, data):
                    self.received[channel] += data
                    self.unread[channel] += len(data)
                    self.datagrams.append(data)
                case ChannelEnded(channel):
                    self.ended.add(channel)
                case ChannelReset(channel, text) | ChannelNotOpened(channel, _, text):
                    self.gone[channel] = text
                case ChannelOpened(channel):
                    self.opened.add(channel)
                case ChannelAsked() | ListenAsked():
                    self.asked.append(event)

    def read(self, channel: int, size: int = 1 << 30) -> None:
        size = min(size, self.unread[channel])
        self.unread[channel] -= size
        self.mux.consumed(channel, size)


def ends(room: Room | None = None) -> tuple[Heard, Heard]:
    return Heard(ChannelMux(is_console=True, room=room)), Heard(ChannelMux(is_console=False, room=room))


def next_message(end: Heard, most: int) -> tuple[Channels, bool]:
    found = end.mux.next_message(most)
    assert found is not None
    return found[0].channels, found[1]


def pass_on(sender: Heard, receiver: Heard, most: int = 60_000) -> int:
    """Carry all that one end has to say; return how many messages."""
    count = 0
    while (found := sender.mux.next_message(most)) is not None:
        receiver.take(found[0].channels)
        count += 1
    return count


def settle(one: Heard, other: Heard) -> None:
    while pass_on(one, other) + pass_on(other, one):
        pass


def connected(room: Room | None = None) -> tuple[Heard, Heard, int]:
    console, agent = ends(room)
    channel = console.mux.ask(WEB)
    settle(console, agent)
    agent.mux.accept(channel, "10.0.0.7", 80)
    settle(console, agent)
    return console, agent, channel


def test_a_connection_is_asked_for_and_carries_bytes_both_ways() -> None:
    console, agent, channel = connected()
    assert agent.asked == [ChannelAsked(channel, WEB)]
    assert console.opened == {channel}
    console.mux.write(channel, b"GET /")
    agent.mux.write(channel, b"200")
    settle(console, agent)
    assert (agent.received[channel], console.received[channel]) == (b"GET /", b"200")


def test_both_halves_close_and_the_channel_is_gone() -> None:
    console, agent, channel = connected()
    console.mux.write(channel, b"last")
    console.mux.end(channel)
    settle(console, agent)
    assert agent.received[channel] == b"last"
    assert agent.ended == {channel}
    agent.mux.write(channel, b"answer")  # the other half is open
    agent.mux.end(channel)
    settle(console, agent)
    assert console.received[channel] == b"answer"
    assert console.ended == {channel}
    assert (len(console.mux), len(agent.mux)) == (0, 0)


def test_bytes_may_follow_the_question_at_once() -> None:
    console, agent = ends()
    channel = console.mux.ask(WEB)
    console.mux.write(channel, b"x" * FIRST_WINDOW)
    assert console.mux.space(channel) == 0
    settle(console, agent)
    assert len(agent.received[channel]) == FIRST_WINDOW


def test_a_refusal_says_why() -> None:
    console, agent = ends()
    channel = console.mux.ask(WEB)
    settle(console, agent)
    agent.mux.refuse(channel, ChannelRefused.NOT_LISTENING, "connection refused")
    settle(console, agent)
    assert console.gone == {channel: "connection refused"}
    assert (len(console.mux), len(agent.mux)) == (0, 0)


def test_a_listener_brings_connections() -> None:
    console, agent = ends()
    listener = console.mux.listen(Endpoint("", 8080))
    settle(console, agent)
    assert agent.asked == [ListenAsked(listener, Endpoint("", 8080))]
    agent.mux.accept(listener, "127.0.0.1", 8080)
    channel = agent.mux.ask(Endpoint(), listener, "10.1.1.1:5")
    settle(console, agent)
    assert console.asked == [ChannelAsked(channel, Endpoint(), listener, "10.1.1.1:5")]
    console.mux.reset(listener, "removed")
    settle(console, agent)
    assert agent.gone == {listener: "removed"}


def test_a_reset_drops_what_waits_and_late_frames_are_ignored() -> None:
    console, agent, channel = connected()
    console.mux.write(channel, b"never")
    console.mux.reset(channel, "gone")
    agent.mux.write(channel, b"late")
    late = next_message(agent, 60_000)
    settle(console, agent)
    console.take(late[0])
    assert agent.gone == {channel: "gone"}
    assert channel not in agent.received
    assert channel not in console.received


def test_what_was_never_told_is_never_taken_back() -> None:
    console, agent = ends()
    for _ in range(3 * MAX_CHANNELS):
        console.mux.reset(console.mux.ask(WEB))
    assert not console.mux.has_output
    channel = console.mux.ask(WEB)
    settle(console, agent)
    assert agent.asked == [ChannelAsked(channel, WEB)]


def test_a_reader_that_stops_stops_its_sender_and_no_other() -> None:
    console, agent, slow = connected()
    fast = console.mux.ask(WEB)
    settle(console, agent)
    total = {slow: 0, fast: 0}
    for _ in range(20):
        for channel in (slow, fast):
            size = console.mux.space(channel)
            console.mux.write(channel, bytes(size))
            total[channel] += size
        pass_on(console, agent)
        agent.read(fast)
        pass_on(agent, console)
    assert total[slow] == FIRST_WINDOW
    assert total[fast] > 20 * FIRST_WINDOW
    assert console.mux.writable() == []
    agent.read(slow)
    pass_on(agent, console)
    assert console.mux.writable() == [slow]
    assert console.mux.writable() == []


def test_a_window_grows_within_the_budget_and_gives_it_back() -> None:
    room = Room()
    before = room.units
    console, agent, channel = connected(room)
    most = 0
    for _ in range(8):  # round trips
        most = 0
        while size := console.mux.space(channel):
            console.mux.write(channel, bytes(size))
            most += size
            pass_on(console, agent)
        agent.received.clear()
        agent.datagrams.clear()
        agent.read(channel)
        pass_on(agent, console)
    assert most == MAX_WINDOW
    assert room.units == before - (MAX_WINDOW - FIRST_WINDOW)
    console.mux.reset(channel)
    settle(console, agent)
    assert room.units == before


def test_a_key_press_goes_before_downloads() -> None:
    console, agent, bulk = connected()
    second, key = console.mux.ask(WEB), console.mux.ask(WEB)
    settle(console, agent)
    for channel in (bulk, second):
        console.mux.write(channel, bytes(console.mux.space(channel)))
    found = next_message(console, 40_000)  # each has had its first turn
    assert {frame.id for frame in found[0].frames} == {bulk, second}
    console.mux.write(key, b"l")
    found = next_message(console, 40_000)
    assert key in {frame.id for frame in found[0].frames[:2]}


def test_turns_are_fair_by_bytes() -> None:
    console, agent, big = connected()
    small = console.mux.ask(WEB)
    settle(console, agent)
    carried = dict.fromkeys((big, small), 0)
    for _ in range(400):
        for channel, size in ((big, 1 << 30), (small, 700)):
            console.mux.write(channel, bytes(min(size, console.mux.space(channel))))
        found = next_message(console, 3_000)
        agent.take(found[0])
        for frame in found[0].frames:
            carried[frame.id] += len(frame.data)
        for channel in (big, small):
            agent.read(channel)
        pass_on(agent, console)
    assert carried[small] >= 400 * 700 - SEND_BYTES
    assert carried[big] >= 400 * 1_500 - 2 * QUANTUM


def test_datagrams_stay_whole_and_the_newest_win() -> None:
    console, agent = ends()
    flow = console.mux.ask(UDP)
    settle(console, agent)
    sent = [bytes([number]) * number for number in range(SEND_DATAGRAMS + 10)]
    for datagram in sent:
        assert console.mux.write_datagram(flow, datagram)
    assert console.mux.dropped(flow) == 10
    found = next_message(console, 60_000)
    assert found[1]  # lost ones are not sent again
    agent.take(found[0])
    pass_on(console, agent)
    assert agent.datagrams == sent[10:]
    assert console.mux.write_datagram(flow, bytes(MAX_DATAGRAM))
    assert not console.mux.write_datagram(flow, bytes(MAX_DATAGRAM + 1))
    found = next_message(console, 10)
    assert len(found[0].frames[0].datagram) == MAX_DATAGRAM  # whole, whatever the room


def test_datagrams_and_bytes_take_turns() -> None:
    console, agent, channel = connected()
    flow = console.mux.ask(UDP)
    settle(console, agent)
    order = []
    for _ in range(6):
        console.mux.write(channel, bytes(min(1000, console.mux.space(channel))))
        for _ in range(3):
            console.mux.write_datagram(flow, bytes(1000))
        found = next_message(console, 1000)
        order.append(found[1])
        agent.take(found[0])
    assert order == [True, False] * 3


def test_too_many_channels_are_refused_and_none_disturbed() -> None:
    console, agent, channel = connected()
    frames = [ChannelFrame(id=2 * n, open=OpenFrame(address=ForwardAddress(host="x", port=1))) for n in range(2, 4000)]
    for start in range(0, len(frames), MAX_FRAMES):
        agent.take(Channels(frames=frames[start : start + MAX_FRAMES]))
    assert len(agent.mux) == MAX_CHANNELS
    while len(console.mux) < MAX_CHANNELS:
        console.mux.ask(WEB)
    with pytest.raises(LocalProtocolError):
        console.mux.ask(WEB)
    agent.mux.write(channel, b"alive")
    found = [agent.mux.next_message(60_000) for _ in range(20)]
    refused = sum(frame.HasField("refused") for each in found if each for frame in each[0].channels.frames)
    assert refused == 3998 - (MAX_CHANNELS - 1)


def test_who_asks_and_reads_no_answer_is_read_no_further() -> None:
    _, agent = ends()
    number = 0
    while not agent.mux.is_congested:
        number += 2
        agent.take(Channels(frames=[ChannelFrame(id=number, open=OpenFrame(address=ForwardAddress(host="x")))]))
        assert number < 100_000
    while agent.mux.next_message(60_000) is not None:
        pass
    assert not agent.mux.is_congested


WHICH, SIZE = st.integers(0, 5), st.integers(1, 90_000)
FRAME = ChannelFrame
ASK = OpenFrame(address=ForwardAddress(host="x", port=1))


@pytest.mark.parametrize(
    "frames",
    [
        [FRAME(id=2, open=ASK), FRAME(id=2, open=ASK)],
        [FRAME(id=4, open=ASK), FRAME(id=2, open=ASK)],
        [FRAME(id=3, open=ASK)],
        [FRAME(id=0, open=ASK)],
        [FRAME(id=2, data=b"x")],
        [FRAME(id=1, data=b"x")],
        [FRAME(id=2, open=ASK), FRAME(id=2, data=b"")],
        [FRAME(id=2, open=ASK), *(FRAME(id=2, data=bytes(33 * 1024)) for _ in range(2))],
        [FRAME(id=2, open=ASK), FRAME(id=2, end=True), FRAME(id=2, data=b"x")],
        [FRAME(id=2, open=ASK), FRAME(id=2, end=True), FRAME(id=2, end=True)],
        [FRAME(id=2, open=ASK), FRAME(id=2, limit=1)],
        [FRAME(id=2, open=ASK), FRAME(id=2, datagram=b"x")],
        [FRAME(id=2, open=ASK), FRAME(id=2, opened=FRAME().opened)],
        [FRAME(id=2, listen=ForwardAddress()), FRAME(id=2, data=b"x")],
        [FRAME(id=2, listen=ForwardAddress()), FRAME(id=2, end=True)],
        [FRAME(id=2, open=OpenFrame(address=ForwardAddress(host="x", port=65536)))],
        [FRAME(id=2, open=OpenFrame(address=ForwardAddress(host="x" * 257)))],
        [FRAME(id=2, open=OpenFrame(address=ForwardAddress(host="a\x1b[2J")))],
        [FRAME(id=2, open=OpenFrame(address=ForwardAddress(path=b"/a\0b")))],
        [FRAME(id=2, open=ASK)] + [FRAME(id=2, limit=FIRST_WINDOW + n) for n in range(1, MAX_FRAMES + 1)],
    ],
    ids=range(20),
)
def test_broken_rules_end_the_link(frames: list[ChannelFrame]) -> None:
    with pytest.raises(RemoteProtocolError):
        ChannelMux(is_console=False).receive(Channels(frames=frames))


def test_an_agent_asks_for_no_listener() -> None:
    with pytest.raises(RemoteProtocolError):
        ChannelMux(is_console=True).receive(Channels(frames=[FRAME(id=1, listen=ForwardAddress())]))


class AnyOrder(RuleBasedStateMachine):
    """Whatever the order of calls and messages: bytes arrive in order and once, and so do ends."""

    def __init__(self) -> None:
        super().__init__()
        self.console, self.agent = ends()
        self.channels: list[int] = []
        self.written: dict[tuple[bool, int], bytes] = defaultdict(bytes)
        self.was_ended: set[tuple[bool, int]] = set()
        self.was_reset: set[int] = set()

    def end_of(self, by_console: bool) -> Heard:
        return self.console if by_console else self.agent

    def channel(self, which: int) -> int:
        return self.channels[which % len(self.channels)] if self.channels else 0

    @rule(by_console=st.booleans())
    def ask(self, by_console: bool) -> None:
        address, listener = (WEB, 0) if by_console else (Endpoint(), 2)
        self.channels.append(self.end_of(by_console).mux.ask(address, listener))

    @rule(by_console=st.booleans(), which=WHICH)
    def accept(self, by_console: bool, which: int) -> None:
        self.end_of(by_console).mux.accept(self.channel(which))

    @rule(by_console=st.booleans(), which=WHICH, size=SIZE)
    def write(self, by_console: bool, which: int, size: int) -> None:
        channel, mux = self.channel(which), self.end_of(by_console).mux
        data = secrets.token_bytes(min(size, mux.space(channel)))
        mux.write(channel, data)
        self.written[by_console, channel] += data

    @rule(by_console=st.booleans(), which=WHICH, size=SIZE)
    def read(self, by_console: bool, which: int, size: int) -> None:
        self.end_of(by_console).read(self.channel(which), size)

    @rule(by_console=st.booleans(), which=WHICH)
    def close(self, by_console: bool, which: int) -> None:
        channel, mux = self.channel(which), self.end_of(by_console).mux
        if channel in mux:
            self.was_ended.add((by_console, channel))
        mux.end(channel)

    @rule(by_console=st.booleans(), which=WHICH)
    def reset(self, by_console: bool, which: int) -> None:
        channel, mux = self.channel(which), self.end_of(by_console).mux
        if channel in mux:
            self.was_reset.add(channel)
        mux.reset(channel)

    @rule(by_console=st.booleans(), size=SIZE)
    def send(self, by_console: bool, size: int) -> None:
        found = self.end_of(by_console).mux.next_message(size)
        if found is not None:
            self.end_of(not by_console).take(found[0].channels)

    def teardown(self) -> None:
        for _ in range(200):
            for channel in self.channels:
                self.console.read(channel)
                self.agent.read(channel)
            if not pass_on(self.console, self.agent) + pass_on(self.agent, self.console):
                break
        else:
            raise AssertionError("the two ends never have enough")
        for channel in self.channels:
            self.check(channel, by_console=True)
            self.check(channel, by_console=False)

    def check(self, channel: int, *, by_console: bool) -> None:
        receiver = self.end_of(not by_console)
        assert self.written[by_console, channel].startswith(receiver.received[channel])
        if channel in self.was_reset:
            assert channel not in receiver.mux
        else:
            assert receiver.received[channel] == self.written[by_console, channel]
            assert (channel in receiver.ended) == ((by_console, channel) in self.was_ended)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
