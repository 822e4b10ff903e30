"""Messages of invites and their bytes, by hand as in `golden`."""

from natpass_wire.pb import invite_pb2 as invite
from natpass_wire.pb import login_pb2 as login
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.wire.golden import Golden

INVITES = [
    Golden(
        "invite",
        Msg(
            type=MsgType.invite,
            from_id="server",
            to="c",
            invite=invite.Invite(step=invite.Invite.SAID, nameplate=7, guest=300, data=b"d"),
        ),
        """08 73  12 06 'server'  22 01 'c'
           9a 07 0a      # invite 115
             08 05       # step 1: SAID 5
             10 07       # nameplate 2
             18 ac 02    # guest 3: 300
             22 01 'd'   # data 4""",
    ),
    Golden(
        "guest",
        Msg(
            type=MsgType.handshake,
            to="server",
            hsp=login.HandshakePayload(guest=invite.Guest(nameplate=7, data=b"d")),
        ),
        """08 01  22 06 'server'
           52 08           # hsp 10
             ca 06 05      # guest 105
               08 07       # nameplate 1
               12 01 'd'   # data 2""",
    ),
]

_STEP = invite.InviteStep

STEPS = [
    ("spake2", _STEP(spake2=b"s"), "0a 01 's'"),
    ("confirmation", _STEP(confirmation=b"c", sealed=b"s"), "12 01 'c'  1a 01 's'"),
    ("kept", _STEP(kept=b"k"), "22 01 'k'"),
    ("wrong code", _STEP(failure=_STEP.WRONG_CODE, tries_left=2), "28 01  30 02"),
]
