"""No field of a peer's message, however extreme, raises anything but a complaint about the peer."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.errors import LoginRefusedError, RelayNotTrustedError, RemoteProtocolError
from natpass_wire.invite.steps import read
from natpass_wire.links import End, LinkTable
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.invite_pb2 import InviteStep
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.roster_pb2 import Roster
from natpass_wire.pb.stream_pb2 import StreamRecord
from natpass_wire.roster import RosterMirror
from natpass_wire.stream.core import StreamCore
from natpass_wire.stream.records import parse_hello
from tests.support.extremes import extreme, message

KEY = LoginKey(bytes(32))


@given(st.lists(extreme(Msg), max_size=5))
def test_links(messages: list[Msg]) -> None:
    for table in (LinkTable("a", accepts=True), LinkTable("a", accepts=False)):
        state, _ = table.open("b", "0123456789abcdef", ConnectRequest())
        for each in messages:
            if each.type == MsgType.disconnect:
                End.from_message(each)
            for peer, link in ((each.from_id, each.link_id), (state.peer, state.link_id)):
                again = Msg()
                again.CopyFrom(each)
                again.from_id, again.to, again.link_id = peer, "a", link
                with suppress(RemoteProtocolError):
                    table.receive(again)


@given(st.lists(extreme(StreamRecord), max_size=6))
def test_streams(records: list[StreamRecord]) -> None:
    for opens in (True, False):
        core = StreamCore(bytes(16), ConnectRequest() if opens else None)
        with suppress(RemoteProtocolError):
            if opens:
                core.attach()
                core.receive(StreamRecord(reply={"ok": True}).SerializeToString(), 0.0)
            for record in records:
                data = record.SerializeToString()
                if not opens and not core.is_attached:
                    hello = parse_hello(data).hello
                    core.attach_by(hello)
                    core.accept()
                else:
                    core.receive(data, 1.0)
                while core.next(1.0) is not None:
                    pass


@given(st.lists(extreme(StreamRecord), max_size=6))
def test_streams_that_were_asked_for(records: list[StreamRecord]) -> None:
    core = StreamCore(bytes(16))
    core.attach_by(StreamRecord(hello={"stream_id": bytes(16), "ack": {"window": 65_536}}).hello)
    core.accept()
    core.send(b"x")
    with suppress(RemoteProtocolError):
        for record in records:
            core.receive(record.SerializeToString(), 1.0)
            while core.next(1.0) is not None:
                pass


@given(st.lists(message(MsgType.handshake, "hsp"), min_size=1, max_size=3))
def test_logins(messages: list[Msg]) -> None:
    claims = v2.Claims("a", Role.ROLE_AGENT, (), "test", bytes(16))
    client = v2.ClientLogin(KEY, claims, v2.NO_TLS, bytes(32))
    client.hello()
    for each in messages:
        with suppress(RemoteProtocolError, LoginRefusedError, RelayNotTrustedError):
            client.receive(each)


@given(st.lists(extreme(Roster), max_size=4))
def test_rosters(messages: list[Roster]) -> None:
    mirror = RosterMirror()
    for each in messages:
        mirror.receive(each)


@given(extreme(InviteStep))
def test_invites(step: InviteStep) -> None:
    with suppress(RemoteProtocolError):
        read(step.SerializeToString(), 4096)
