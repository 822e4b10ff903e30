"""The relay's fast path: it sends a message where the router would, or leaves it to be parsed."""

from natpass_relay.clients import Client, Role
from natpass_relay.fastpath import PLAIN_DATA, FastRoutes
from natpass_relay.routing import Forward, Router
from natpass_wire import envelope
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse
from natpass_wire.pb.shell_pb2 import ShellData
from tests.fuzz.targets.pieces import joined, pieces

_LINKS = ("1" * 16, "2" * 16)


def _data(link_id: str, size: int, kind: MsgType = MsgType.shell_data) -> bytes:
    message = Msg(type=kind, from_id="opener", to="target", link_id=link_id)
    if kind == MsgType.record:
        message.record.data = bytes(size)
    else:
        message.sdata.CopyFrom(ShellData(data=bytes(size)))
    return message.SerializeToString()


SEEDS = (
    joined(_data(_LINKS[0], 5), _data(_LINKS[0], 5), _data(_LINKS[0], 200), _data(_LINKS[0], 300)),
    joined(_data(_LINKS[1], 5, MsgType.record), _data(_LINKS[1], 128, MsgType.record), _data(_LINKS[0], 7)),
    joined(_data(_LINKS[0], 5), Msg(type=MsgType.disconnect, from_id="opener", to="target").SerializeToString()),
)


def target(data: bytes) -> None:
    """Each piece is a message of the opener, which has two links."""
    router, opener, other = Router(), Client("opener", Role.CONSOLE), Client("target", Role.AGENT)
    router.add(opener)
    router.add(other)
    for link_id in _LINKS:
        asked = Msg(type=MsgType.connect_req, to="target", link_id=link_id)
        asked.creq.CopyFrom(ConnectRequest(name="x", kind=ConnectRequest.shell))
        router.receive(opener, asked)
        answer = Msg(type=MsgType.connect_rep, to="opener", link_id=link_id)
        answer.crep.CopyFrom(ConnectResponse(ok=True))
        router.receive(other, answer)
    fast: FastRoutes[Client] = FastRoutes()
    for payload in pieces(data):
        found = fast.find(payload, 0, len(payload))
        try:
            message = envelope.parse(payload)
        except RemoteProtocolError:
            assert found is None, "the fast path would forward what does not parse"
            continue
        for command in router.receive(opener, message):
            if found is not None:
                assert isinstance(command, Forward)
                assert command.as_it_came
                assert command.client is found.to
                assert command.route is found.route
                assert message.type in PLAIN_DATA
                found = None
            if isinstance(command, Forward) and command.as_it_came and envelope.is_canonical(payload):
                fast.learn(payload, message.type, command.route, command.client)
        assert found is None, "the fast path would forward what the router drops"
