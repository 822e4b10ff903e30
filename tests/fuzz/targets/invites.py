"""Steps of invites: from a guest to the relay and the inviter, and back."""

from contextlib import suppress

from natpass_relay.clients import Client, Role
from natpass_relay.invites import Invites
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite import steps
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.invite_pb2 import Guest, Invite, InviteStep
from natpass_wire.pb.login_pb2 import HandshakePayload
from tests.fuzz.targets.pieces import joined, pieces

_STEP = InviteStep(spake2=b"A" * 33).SerializeToString()
_GUEST = Msg(type=MsgType.handshake, hsp=HandshakePayload(guest=Guest(nameplate=7, data=_STEP))).SerializeToString()
_OPEN = Msg(type=MsgType.invite, invite=Invite(step=Invite.OPEN, nameplate=7)).SerializeToString()
_SAID = Msg(type=MsgType.invite, invite=Invite(step=Invite.SAID, guest=1, data=_STEP)).SerializeToString()
SEEDS = (joined(_OPEN, _GUEST, _SAID, _GUEST, _SAID), joined(_OPEN, _OPEN, _GUEST))


def target(data: bytes) -> None:
    """Each piece is a message of the inviter or of a guest."""
    invites: Invites[int] = Invites(lambda: b"B" * 33)
    inviter, guests = Client("inviter", Role.CONSOLE), 0
    for piece in pieces(data):
        try:
            message = Msg.FromString(piece)
        except Exception:  # noqa: BLE001 - protobuf's; it ends the connection before this
            continue
        with suppress(RemoteProtocolError):
            if message.type == MsgType.invite:
                invites.inviter_says(inviter, message.invite)
                steps.read(message.invite.data, steps.MOST_INVITER_BYTES)
            else:
                guests += message.hsp.guest.nameplate > 0
                invites.guest_says(guests, message.hsp.guest, 0.0)
                steps.read(message.hsp.guest.data, steps.MOST_GUEST_BYTES)
    invites.removed(inviter, 0.0)
