"""Inviters and guests at a real relay, over real sockets."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from natpass_relay import guests as relay_guests
from natpass_relay.clients import Client
from natpass_relay.connection import Connection
from natpass_relay.entrance import Entrance
from natpass_relay.invite_cli import InviteCommand
from natpass_relay.invites import Invites, Tell
from natpass_relay.inviting import Inviting
from natpass_relay.sources import source_of
from natpass_wire import envelope
from natpass_wire.aio import guest as guest_side
from natpass_wire.aio.dial import RelayAddress
from natpass_wire.aio.guest import join
from natpass_wire.aio.reach import DialError
from natpass_wire.errors import UserError
from natpass_wire.invite.code import Code
from natpass_wire.invite.inviter import How, InviteOutcome, Inviter
from natpass_wire.invite.pake import Exchange
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.invite_pb2 import Guest, Invite, InviteStep
from natpass_wire.pb.login_pb2 import HandshakePayload, Refusal
from natpass_wire.program.settings import CommonSettings
from natpass_wire.program.state import StateDir
from tests.relay.raw import Raw
from tests.support.relay import CONSOLE, TestRelay, running_relay
from tests.support.waiting import patience, wait_for

pytestmark = pytest.mark.both_loops

SECRET = "a secret that only tests know"


@dataclass
class Invited:
    """An invite that is open."""

    relay: TestRelay
    task: "asyncio.Task[InviteOutcome]"
    code: Code
    now: list[float] = field(default_factory=lambda: [0.0])
    inviters: list[Inviter] = field(default_factory=list)

    async def join(self, code: Code | None = None) -> str:
        kept: list[str] = []
        await join(self.relay.address, code or self.code, "web", kept.append, tls=self.relay.tls)
        (secret,) = kept
        return secret

    @property
    def wrong(self) -> Code:
        return Code(self.code.nameplate, "acorn-acorn-acorn" if "acorn" not in self.code.words else "agent-agent-agent")


@contextlib.asynccontextmanager
async def invited(relay: TestRelay, name: str = "invite-1") -> AsyncIterator[Invited]:
    codes: asyncio.Queue[Code] = asyncio.Queue()
    now, inviters = [0.0], []
    inviting = Inviting(SECRET, lambda: now[0])
    running = inviting.run(relay.target(name, CONSOLE), codes.put_nowait, lambda inviter, _: inviters.append(inviter))
    task = relay.tasks.start(running, name)
    async with asyncio.timeout(patience(10)):
        code = await codes.get()
    try:
        yield Invited(relay, task, code, now, inviters)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_guest_gets_the_secret_and_the_inviter_is_told_who() -> None:
    async with running_relay() as relay, invited(relay) as invite:
        assert await invite.join() == SECRET
        assert await invite.task == InviteOutcome(How.JOINED, "web")
        with pytest.raises(UserError, match="there is no invite"):
            await invite.join()


async def test_a_hundred_at_once_join_exactly_one() -> None:
    async with running_relay() as relay, invited(relay) as invite:
        results = await asyncio.gather(*(invite.join() for _ in range(100)), return_exceptions=True)
        assert results.count(SECRET) == 1
        assert all(isinstance(result, UserError) for result in results if result != SECRET)
        assert await invite.task == InviteOutcome(How.JOINED, "web")


async def test_a_hundred_wrong_ones_at_once_get_three_guesses() -> None:
    async with running_relay() as relay, invited(relay) as invite:
        results = await asyncio.gather(*(invite.join(invite.wrong) for _ in range(100)), return_exceptions=True)
        assert sum("wrong invite code" in str(result) for result in results) == 3
        assert [result for result in results if not isinstance(result, UserError)] == []
        assert await invite.task == InviteOutcome(How.WRONG_CODES)


async def test_it_expires() -> None:
    async with running_relay() as relay, invited(relay) as invite:
        invite.now[0] = 599.9
        with pytest.raises(UserError, match="wrong invite code"):
            await invite.join(invite.wrong)
        invite.now[0] = 600.0
        with pytest.raises(UserError, match=r"expired|there is no invite|withdrawn"):
            await invite.join()
        assert await invite.task == InviteOutcome(How.EXPIRED)


async def test_guests_that_stall_block_nobody() -> None:
    async with running_relay() as relay, invited(relay) as invite, contextlib.AsyncExitStack() as stack:
        guests = [await stack.enter_async_context(Raw.connect(relay)) for _ in range(20)]
        for stalled in guests:
            stalled.send(envelope.to_frame(hello(invite.code.nameplate, b"A" + bytes(32))))
        for stalled in guests:
            assert (await stalled.receive()).hsp.guest.data
        assert await invite.join() == SECRET


async def test_a_guest_that_never_goes_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_guests, "GUEST_SECONDS", 0.0)
    async with running_relay() as relay, invited(relay) as invite, Raw.connect(relay) as stalled:
        stalled.send(envelope.to_frame(hello(invite.code.nameplate, b"A" + bytes(32))))
        while not (message := await stalled.receive()).hsp.HasField("refusal"):
            pass
        assert message.hsp.refusal.code == Refusal.OVERLOADED
        await stalled.closed()


async def test_who_keeps_nothing_is_not_said_to_have_joined() -> None:
    def fails(_: str) -> None:
        raise UserError("the disk is full")

    async with running_relay() as relay, invited(relay) as invite:
        with pytest.raises(UserError, match="disk is full"):
            await join(relay.address, invite.code, "web", fails, tls=False)
        assert await invite.task == InviteOutcome(How.UNSURE, "web")


async def test_a_slow_end_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is kept, and the invite is used up: whoever reads that it failed asks for another one."""
    loop = asyncio.get_running_loop()
    late = loop.time() + 1.0
    close = guest_side._Visit.close

    async def close_late(visit: guest_side._Visit) -> None:
        await wait_for(lambda: loop.time() > late)
        await close(visit)

    monkeypatch.setattr(relay_guests, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(guest_side, "JOIN_SECONDS", 0.9)
    monkeypatch.setattr(guest_side._Visit, "close", close_late)
    async with running_relay() as relay, invited(relay) as invite:
        await join(relay.address, invite.code, "web", lambda _: None, tls=False)
        assert await invite.task == InviteOutcome(How.JOINED, "web")


async def test_who_interrupts_too_late_is_told_who_has_the_secret(capsys: pytest.CaptureFixture[str]) -> None:
    async with running_relay(key=LoginKey.from_secret(SECRET)) as relay:
        common = CommonSettings(SECRET, None, False, StateDir(Path("none")), "info", None)
        command = InviteCommand("natpass-relay", common, relay.address, relay.address, tls=False, secret=SECRET)
        inviting = relay.tasks.start(command.run(), "invite")
        said = ""

        def code() -> str:
            nonlocal said
            said += capsys.readouterr().out
            return said.partition("--invite ")[2].partition(" ")[0]

        def interrupt(_: str) -> None:
            inviting.cancel()

        await wait_for(code)
        with contextlib.suppress(DialError):
            await join(relay.address, Code.parse(code()), "web", interrupt, tls=False)
        assert await inviting == 130
        told = capsys.readouterr().err
        assert "web was sent the secret, but did not confirm that it kept it" in told
        assert "withdrawn" not in told


async def test_a_guest_reaches_nobody_else() -> None:
    async with running_relay() as relay, invited(relay) as invite:
        console = await relay.join("c", CONSOLE)
        before = len(console.messages)
        for second in (
            Msg(type=MsgType.ping, to="server"),
            Msg(type=MsgType.forward, to="c", link_id="f0"),
            Msg(type=MsgType.handshake, to="server", hsp=HandshakePayload(enc=bytes(64))),
        ):
            async with Raw.connect(relay) as raw:
                raw.send(envelope.to_frame(hello(invite.code.nameplate, b"A" + bytes(32))))
                await raw.receive()
                raw.send(envelope.to_frame(second))
                await raw.closed()
        assert len(console.messages) == before
        assert relay.server.hub.clients == 2
        assert await invite.join() == SECRET


async def test_who_has_begun_a_login_is_no_guest() -> None:
    async with running_relay() as relay, invited(relay) as invite, Raw.connect(relay) as raw:
        await raw.log_in("c")
        raw.send(envelope.to_frame(hello(invite.code.nameplate, b"x")))
        assert await invite.join() == SECRET
        assert await invite.task == InviteOutcome(How.JOINED, "web")


async def test_with_the_inviter_its_guests_go() -> None:
    async with running_relay() as relay:
        async with invited(relay) as invite, Raw.connect(relay) as raw:
            raw.send(envelope.to_frame(hello(invite.code.nameplate, b"A" + bytes(32))))
            await raw.receive()
            invite.task.cancel()
            failure = InviteStep.FromString((await raw.receive()).hsp.guest.data).failure
            assert failure == InviteStep.WITHDRAWN
            await raw.closed()
        await wait_for(lambda: relay.server.hub.connections == 0)


async def test_a_relay_guesses_at_no_code_but_the_one_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It could call one number after the other taken, and have three guesses at each."""
    said: list[Invite] = []

    def guess(_: Invites[Connection], client: Client, invite: Invite) -> list[Tell]:
        said.append(invite)
        hello = InviteStep(spake2=b"A" + bytes(32)).SerializeToString()
        return [Tell(client, Invite(step=Invite.SAID, guest=1, data=hello)), Tell(client, Invite(step=Invite.TAKEN))]

    monkeypatch.setattr(Invites, "inviter_says", guess)
    async with running_relay() as relay:
        shown: list[Code] = []
        inviting = Inviting(SECRET, lambda: 0.0)
        with pytest.raises(UserError, match="connection to the relay was lost"):
            await inviting.run(relay.target("invite-1", CONSOLE), shown.append, lambda *_: None)
        assert not shown
    assert [invite.step for invite in said] == [Invite.OPEN]


async def test_a_relay_opens_one_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else it says in one breath, the code that it may guess at stays the same."""

    def both(_: Invites[Connection], client: Client, __: Invite) -> list[Tell]:
        return [Tell(client, Invite(step=step)) for step in (Invite.TAKEN, Invite.OPENED)]

    monkeypatch.setattr(Invites, "inviter_says", both)
    async with running_relay() as relay:
        shown: list[Code] = []
        inviting = Inviting(SECRET, lambda: 0.0)
        with pytest.raises(UserError, match="connection to the relay was lost"):
            await inviting.run(relay.target("invite-1", CONSOLE), shown.append, lambda *_: None)
        assert not shown


#: An address of this machine that stands for a proxy; inviters come from another one.
PROXY = "127.0.0.2"


@contextlib.asynccontextmanager
async def guest_from(relay: TestRelay, host: str) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(relay.address.host, relay.address.port, local_addr=(PROXY, 0))
    try:
        writer.write(f"PROXY TCP4 {host} 203.0.113.1 40000 6154\r\n".encode())
        yield Raw(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def relay_behind_a_proxy() -> AsyncIterator[TestRelay]:
    async with running_relay(trusted_proxies=(ip_network(PROXY),)) as relay:
        yield relay


async def answers(relay: TestRelay, host: str, nameplate: int) -> tuple[list[InviteStep | Refusal], list[float]]:
    """Guess at a code; return what a guest is told, and the seconds until then."""
    clock = asyncio.get_running_loop().time
    said: list[InviteStep | Refusal] = []
    took: list[float] = []
    confirmation = InviteStep(confirmation=bytes(32), sealed=b"x" * 20).SerializeToString()
    async with guest_from(relay, host) as raw:
        for message in (
            hello(nameplate, b"A" + Ed25519PrivateKey.generate().public_key().public_bytes_raw()),
            Msg(type=MsgType.handshake, to="server", hsp=HandshakePayload(guest=Guest(data=confirmation))),
        ):
            begun = clock()
            raw.send(envelope.to_frame(message))
            answer = (await raw.receive()).hsp
            took.append(clock() - begun)
            if answer.HasField("refusal"):
                return [*said, answer.refusal], took
            said.append(InviteStep.FromString(answer.guest.data))
    return said, took


async def test_a_number_that_nobody_has_cannot_be_told_from_one_whose_code_is_wrong() -> None:
    async with relay_behind_a_proxy() as relay, invited(relay) as invite:
        other = invite.code.nameplate % 9999 + 1
        told = {number: await answers(relay, "192.0.2.1", number) for number in (invite.code.nameplate, other)}
        for (first, last), took in told.values():
            assert isinstance(first, InviteStep)
            assert (len(first.spake2), first.spake2[:1]) == (33, b"B")
            assert last == InviteStep(failure=InviteStep.WRONG_CODE, tries_left=2)
            assert all(seconds >= relay_guests.ANSWER_SECONDS * 0.9 for seconds in took)
        a_message_of_the_group(told[other][0][0].spake2)  # type: ignore[union-attr]


def a_message_of_the_group(message: bytes) -> None:
    Exchange(Code(1, "acorn-acorn-acorn"), is_guest=True, entropy=secrets.token_bytes).finish(message)


async def test_tries_are_counted_by_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_guests, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(relay_guests, "MOST_OWED", 3 * relay_guests.TRY_SECONDS)
    async with relay_behind_a_proxy() as relay, invited(relay) as invite:
        free = [invite.code.nameplate % 9990 + number for number in range(1, 6)]
        for number in free[:3]:
            assert len((await answers(relay, "192.0.2.1", number))[0]) == 2
        (refused,), _ = await answers(relay, "192.0.2.1", invite.code.nameplate)
        assert isinstance(refused, Refusal)
        assert (refused.code, "too many tries" in refused.text) == (Refusal.OVERLOADED, True)
        assert len((await answers(relay, "192.0.2.2", free[3]))[0]) == 2
        assert await invite.join() == SECRET


async def test_who_has_joined_pays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_guests, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(relay_guests, "MOST_OWED", 2 * relay_guests.TRY_SECONDS)
    here = source_of("192.0.2.1")
    monkeypatch.setattr(Entrance, "source", lambda *_: here)
    async with running_relay() as relay:
        for number in range(4):
            async with invited(relay, f"invite-{number}") as invite:
                assert await invite.join() == SECRET
                await invite.task


async def test_a_relay_that_is_too_old_is_told_apart() -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(old, "127.0.0.1", 0)
    async with server:
        host, client = server.sockets[0].getsockname()
        with pytest.raises(DialError, match="too old for invites"):
            await join(RelayAddress(host, client), Code(7, "acorn-acorn-acorn"), "web", print, tls=False)


def hello(nameplate: int, spake2: bytes) -> Msg:
    data = InviteStep(spake2=spake2).SerializeToString()
    return Msg(type=MsgType.handshake, to="server", hsp=HandshakePayload(guest=Guest(nameplate=nameplate, data=data)))
