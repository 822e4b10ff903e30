"""The program behind `natpass-relay invite`: a client of the relay that waits for a guest."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable

from natpass_wire.aio.dial import RelayTarget, dial
from natpass_wire.aio.relay_connection import RelayConnection
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import LoginRefusedError, NatpassError, RemoteProtocolError, UserError
from natpass_wire.ids import RELAY_ID
from natpass_wire.invite.code import RANDOM_BYTES, Code
from natpass_wire.invite.inviter import LIFETIME_SECONDS, InviteOutcome, Inviter, Say
from natpass_wire.keepalive import Keepalive
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.invite_pb2 import Invite

log = logging.getLogger(__name__)

CAPABILITY = "invite"
#: Numbers that are tried before giving up; at least half of all are free.
_MOST_NUMBERS = 40
_ANSWER_SECONDS = 10.0
_TICK_SECONDS = 0.25


class Inviting:
    """One invite on one connection.

    Args:
        secret: what a guest gets.
        clock: seconds of a monotonic clock.
        lifetime: seconds for which the code is good.
    """

    def __init__(self, secret: str, clock: Callable[[], float], lifetime: float = LIFETIME_SECONDS) -> None:
        self._secret = secret
        self._clock = clock
        self._lifetime = lifetime
        self._answers: asyncio.Queue[Invite.Step] = asyncio.Queue()  # one for each question of ours
        self._changed = asyncio.Event()
        self._connection: RelayConnection | None = None
        #: The inviter whose number is being claimed. Guests are not served yet: nobody knows its code.
        self._asked: tuple[Code, Inviter] | None = None
        self._opened: tuple[Code, Inviter] | None = None

    @property
    def outcome(self) -> InviteOutcome | None:
        """How the invite ended, also if `run` was cancelled; None if it was never open."""
        return self._opened[1].outcome if self._opened is not None else None

    async def run(
        self, target: RelayTarget, on_code: Callable[[Code], None], on_tick: Callable[[Inviter, float], None]
    ) -> InviteOutcome:
        """Log in, wait for a guest, and return how it ended. Cancelled, it withdraws the invite.

        Args:
            target: the relay, and who we are.
            on_code: called with the code once it is valid.
            on_tick: called now and then with the inviter and the time.

        Raises:
            UserError: the connection or the invite failed, with the reason.
        """
        try:
            logged_in = await dial(target, ReadBuffers())
        except LoginRefusedError as error:
            raise UserError(f"the relay refuses the login: {error.text}") from error
        except NatpassError as error:
            raise UserError(str(error)) from error
        if CAPABILITY not in logged_in.capabilities:
            logged_in.socket.close()
            raise UserError(f"the relay at {target.address} is too old for invites")
        now = asyncio.get_running_loop().time()
        connection = self._connection = RelayConnection(
            logged_in.socket,
            target.claims.client_id,
            Keepalive.start(now, logged_in.keepalive_interval, logged_in.silence),
            pings=logged_in.pings,
            on_relay_message=self._relay_says,
            capabilities=logged_in.capabilities,
        )
        logged_in.hand_over(connection)
        tasks = Tasks()
        tasks.start(self._watch(connection), "connection")
        try:
            code, inviter = await self._open(connection)
            on_code(code)
            return await self._wait(connection, inviter, on_tick)
        finally:
            with contextlib.suppress(NatpassError):
                self._say(self._opened[1].withdraw() if self._opened is not None else [])
            connection.close()
            await asyncio.wait([connection.ended])
            await tasks.close()

    async def _watch(self, connection: RelayConnection) -> None:
        await connection.run()
        self._changed.set()
        self._answers.put_nowait(Invite.UNSET)

    async def _open(self, connection: RelayConnection) -> tuple[Code, Inviter]:
        """Find a free number; return the code, and the inviter that waits for guests."""
        for _ in range(_MOST_NUMBERS):
            code = Code.make(secrets.token_bytes(RANDOM_BYTES))
            expires_at = self._clock() + self._lifetime
            inviter = Inviter(code, self._secret, expires_at=expires_at, entropy=secrets.token_bytes)
            self._asked = code, inviter
            self._send(Invite(step=Invite.OPEN, nameplate=code.nameplate))
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    step = await self._answers.get()
            except TimeoutError as error:
                raise UserError("the relay does not answer") from error
            if connection.ended.done():
                raise UserError(f"the connection to the relay was lost: {connection.ended.result()}")
            if self._opened is not None:
                return self._opened
            if step != Invite.TAKEN:
                break
        raise UserError("the relay has too many invites already; try again later")

    async def _wait(
        self, connection: RelayConnection, inviter: Inviter, on_tick: Callable[[Inviter, float], None]
    ) -> InviteOutcome:
        while inviter.outcome is None:
            if connection.ended.done():
                if inviter.is_given:
                    inviter.withdraw()
                    continue
                why = connection.ended.result()
                raise UserError(f"the connection to the relay was lost, and the invite with it: {why}")
            now = self._clock()
            self._say(inviter.tick(now))
            on_tick(inviter, now)
            self._changed.clear()
            if inviter.outcome is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_SECONDS):
                        await self._changed.wait()
        return inviter.outcome

    def _relay_says(self, message: Msg) -> None:
        """Take the relay's message about invites.

        Only one code in all may have guests. Else a relay that called number after number taken would get three
        guesses at each.
        """
        if message.type != MsgType.invite:
            return
        invite = message.invite
        match invite.step, self._asked, self._opened:
            case Invite.OPENED | Invite.TAKEN | Invite.FULL, tuple(), None:
                self._opened = self._asked if invite.step == Invite.OPENED else None
                self._asked = None
                self._answers.put_nowait(invite.step)
            case Invite.SAID, _, (_, inviter):
                self._say(inviter.receive(invite.guest, invite.data, self._clock()))
            case Invite.GONE, _, (_, inviter):
                inviter.gone(invite.guest)
            case _:
                raise RemoteProtocolError("the relay sent an invalid invite message")
        self._changed.set()

    def _say(self, says: list[Say]) -> None:
        for say in says:
            step = Invite.GONE if say.last else Invite.SAID
            self._send(Invite(step=step, guest=say.guest, data=say.data))

    def _send(self, invite: Invite) -> None:
        connection = self._connection
        if connection is None or connection.ended.done():
            return
        message = Msg(type=MsgType.invite, from_id=connection.client_id, to=RELAY_ID)
        message.invite.CopyFrom(invite)
        connection.send(message)
