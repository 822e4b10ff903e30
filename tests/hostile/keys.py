"""Attacks with the relay's own keys, in place of either end."""

import secrets
import time
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, StreamAnswer
from natpass_wire.pb.stream_pb2 import StreamAck, StreamHello, StreamRecord
from natpass_wire.sealed.handshake import LinkContext, OpenerHandshake, TargetHandshake
from natpass_wire.sealed.noise import KEY_BYTES
from natpass_wire.sealed.transport import SealedTransport
from tests.hostile.attack import LinkAttack, PlaceAttack, Scene
from tests.hostile.forgery import evil_hello
from tests.hostile.relay import REQUEST, UP, Place, SeenLink, ViolationError
from tests.hostile.world import PSK


class OwnKeys(LinkAttack):
    """The relay poses as the agent, with its own keys and without the secret."""

    name = "own keys"
    weight = 1.0
    psk: ClassVar[bool] = False

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._identity = X25519PrivateKey.generate()
        self._target: TargetHandshake | None = None

    def strikes(self, place: Place) -> bool:
        """Tell whether this is the request."""
        return place == REQUEST

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Answer it: that needs no secret."""
        context = LinkContext(link.opener, link.target, link.link_id)
        psk = PSK.key if self.psk else self.random.randbytes(32)
        self._target = TargetHandshake(self._identity, psk, context, X25519PrivateKey.generate(), time.monotonic)
        second = self._target.second(message.creq.offer.handshake)
        rep = ConnectResponse(ok=True, answer=StreamAnswer(version=1, handshake=second))
        self.hit = link
        self.adversary.inject(
            link.opener,
            Msg(type=MsgType.connect_rep, from_id=link.target, to=link.opener, link_id=link.link_id, crep=rep),
        )

    def follow(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Handle what the console sends to us."""
        if link is not self.hit:
            super().follow(link, place, message)
        elif place[0] == UP:
            self.told(link, place, message)

    def told(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Check a console that knows the agent: it must not continue."""
        raise ViolationError(f"{link.opener} accepts a key that is not that of {link.target}, and shows its own")


class OwnKeysWithSecret(OwnKeys):
    """The same by a relay with the secret: a console that knows the agent must not reveal its key."""

    name = "own keys and the secret"
    psk = True


class OwnKeysForStranger(OwnKeys):
    """The relay poses as an agent unknown to the console; without the secret it gets nothing."""

    name = "own keys, for a stranger"
    weight = 0.2
    strange = True
    may_be_later = False

    def told(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Check a console without a key to compare: its messages are unreadable without the secret."""
        assert self._target is not None
        if place != (UP, 0):
            return
        try:
            self._target.third(message.record.data)
        except RemoteProtocolError:
            junk = Msg(type=MsgType.record, from_id=link.target, to=link.opener, link_id=link.link_id)
            junk.record.data = self.random.randbytes(145)
            self.adversary.inject(link.opener, junk)
        else:
            raise ViolationError("a handshake without the secret")


class OwnKeysForAgent(PlaceAttack):
    """The relay poses as the console, with its own keys and without the secret."""

    name = "own keys, at the agent"
    places = ((UP, 1),)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._said = ""

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Open a link in the console's name."""
        self.adversary.forward(message)
        link_id = secrets.token_hex(8)
        context = LinkContext(link.opener, link.target, link_id)
        keys = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        opener = OpenerHandshake(keys[0], self.random.randbytes(32), context, keys[1], time.monotonic)
        first = opener.first()
        if self.random.random() < 0.2:  # a point of small order
            first = bytes(KEY_BYTES) + first[KEY_BYTES:]

        def answered(answer: Msg) -> None:
            if answer.type != MsgType.connect_rep or not answer.crep.ok:
                if answer.type == MsgType.record:
                    raise ViolationError(f"{link.target} speaks with a peer that does not know the secret")
                self._said = answer.end.text or answer.crep.msg
                return
            try:
                opener.second(answer.crep.answer.handshake)
                third, transport = opener.third()
                records = third, transport.seal(evil_hello())
            except RemoteProtocolError:
                records = self.random.randbytes(64), evil_hello()
            for data in records:
                record = Msg(type=MsgType.record, from_id=link.opener, to=link.target, link_id=link_id)
                record.record.data = data
                self.adversary.inject(link.target, record)

        self.adversary.answers[self.makes_up(link.target, link.opener, link_id)] = answered
        request = ConnectRequest(kind=ConnectRequest.stream)
        request.offer.version, request.offer.handshake = 1, first
        self.adversary.inject(
            link.target,
            Msg(type=MsgType.connect_req, from_id=link.opener, to=link.target, link_id=link_id, creq=request),
        )

    def is_done(self) -> bool:
        """Tell whether the agent has refused."""
        return super().is_done() and (self._said != "" or self.is_lost())


class Hijacked(PlaceAttack):
    """The relay knows the secret and even the id of a stream; only the key that opened the stream may resume it."""

    name = "a stream resumed, with own keys and the secret"
    weight = 0.5
    places = ((UP, 2),)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._said = ""

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Open a link in the console's name, and send a hello for its stream."""
        self.adversary.forward(message)
        streams = [stream_id for peer, stream_id in self.scene.operator.client.streams._streams if peer == link.target]
        link_id = secrets.token_hex(8)
        context = LinkContext(link.opener, link.target, link_id)
        keys = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        opener = OpenerHandshake(keys[0], PSK.key, context, keys[1], time.monotonic)
        sealed: list[SealedTransport] = []

        def say(data: bytes) -> None:
            record = Msg(type=MsgType.record, from_id=link.opener, to=link.target, link_id=link_id)
            record.record.data = data
            self.adversary.inject(link.target, record)

        def answered(answer: Msg) -> None:
            if answer.type == MsgType.connect_rep and answer.crep.ok:
                opener.second(answer.crep.answer.handshake)
                third, transport = opener.third()
                sealed.append(transport)
                say(third)
                hello = StreamHello(stream_id=streams[-1], ack=StreamAck(window=65536))
                say(transport.seal(StreamRecord(hello=hello).SerializeToString()))
            elif answer.type == MsgType.record:
                reply = StreamRecord.FromString(sealed[0].open(answer.record.data)).reply
                if reply.reason != ConnectResponse.GONE:
                    raise ViolationError(f"{link.target} resumes a stream for another key")
                self._said = reply.text
            else:
                self._said = self._said or answer.end.text or answer.crep.msg

        self.adversary.answers[self.makes_up(link.target, link.opener, link_id)] = answered
        request = ConnectRequest(kind=ConnectRequest.stream)
        request.offer.version, request.offer.handshake = 1, opener.first()
        asking = Msg(type=MsgType.connect_req, from_id=link.opener, to=link.target, link_id=link_id, creq=request)
        self.adversary.inject(link.target, asking)

    def is_done(self) -> bool:
        """Tell whether the agent has answered that there is no such stream."""
        return super().is_done() and (self._said != "" or self.is_lost())


ATTACKS: tuple[type[LinkAttack], ...] = (
    OwnKeys,
    OwnKeysWithSecret,
    OwnKeysForStranger,
    OwnKeysForAgent,
    Hijacked,
)
