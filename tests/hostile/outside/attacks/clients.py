"""Attacks of clients: they can log in, or have a key that may do little."""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TypeGuard

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire import envelope
from natpass_wire.aio.carrier import Carrier
from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import LocalProtocolError, NatpassError
from natpass_wire.ids import RELAY_ID
from natpass_wire.links import End
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, ConnectVnc, StreamAnswer, StreamOffer
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.roster_pb2 import About
from natpass_wire.sealed.handshake import FIRST_BYTES, LinkContext, OpenerHandshake
from natpass_wire.stream import VERSION
from natpass_wire.stream.core import Finished, StreamCore, StreamEnded, StreamOpened
from tests.hostile.outside.attack import Attack
from tests.hostile.outside.honest import request
from tests.hostile.outside.plan import Answer, Plan
from tests.hostile.outside.raw import Raw, again_and_again, raw

_RECORD = bytes(32 * 1024)
#: Links of one console to each agent: each has only so much on its way.
_LINKS = 48


# row 1: an inbox that is kept full


async def _full_inbox(plan: Plan) -> Answer:
    """A console that reads nothing asks agents for links; its own agent keeps its inbox full meanwhile."""
    asked = 0

    async def once(number: int) -> None:
        nonlocal asked
        name = secrets.token_hex(3)
        async with raw(plan, f"reads-nothing-{name}") as inbox, _filler(plan, f"fills-{name}", inbox):
            inbox.socket.pause_reading()
            for turn in itertools.count():
                if inbox.gone.is_set():
                    return
                for agent in plan.agents:
                    inbox.send(_request(inbox, agent, f"{turn:016x}", bytes(FIRST_BYTES)))
                    asked += 1
                await asyncio.sleep(0.05)

    begun = await again_and_again(plan.seconds, once)
    return {"requests": asked, "logins": begun}


@contextlib.asynccontextmanager
async def _filler(plan: Plan, name: str, inbox: Raw) -> AsyncIterator[None]:
    """Log in as an agent, take a link of the inbox's console, and send on it more than the relay queues."""
    async with raw(plan, name, Role.ROLE_AGENT) as filler:
        opened = asyncio.Event()

        def asked(message: Msg) -> None:
            if message.type == MsgType.connect_req:
                answer = filler.message(MsgType.connect_rep, inbox.client_id, message.link_id)
                answer.crep.CopyFrom(ConnectResponse(ok=True, answer=StreamAnswer(version=VERSION)))
                filler.send(answer)
                opened.set()

        filler.on_message = asked
        inbox.send(_request(inbox, name, "f" * 16, b""))
        async with asyncio.timeout(5):
            await opened.wait()
        await asyncio.sleep(0.1)
        inbox.socket.pause_reading()
        frame = filler.message(MsgType.record, inbox.client_id, "f" * 16)
        frame.record.data = _RECORD
        data = envelope.to_frame(frame)

        async def fill() -> None:
            while not filler.gone.is_set():
                if filler.socket.waiting_bytes < len(data):
                    filler.write(data)
                else:
                    await asyncio.sleep(0.005)

        async with asyncio.TaskGroup() as group:
            filling = group.create_task(fill())
            try:
                await asyncio.sleep(0.5)
                yield
            finally:
                filling.cancel()


async def _full_inbox_records(plan: Plan) -> Answer:
    """Consoles with the key for commands ask for endless output, and stop reading once it flows."""
    begun = 0

    async def once(number: int) -> None:
        nonlocal begun
        async with _online(plan, f"yes-{secrets.token_hex(3)}") as client:
            opening = [
                client.open_link(agent, request("cat", "/dev/zero")) for agent in plan.agents * plan.whole(_LINKS)
            ]
            links = [found for found in await asyncio.gather(*opening, return_exceptions=True) if _is_link(found)]
            begun += len(links)
            # Until each has a long way: what is on it when the reading ends has to wait somewhere.
            async with asyncio.TaskGroup() as group:
                reading = [group.create_task(_read(link)) for link in links]
                await asyncio.sleep(1.0)
                for task in reading:
                    task.cancel()
            socket = client._socket
            assert socket is not None
            socket.pause_reading()
            await asyncio.sleep(plan.seconds)

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(again_and_again(plan.seconds, once))
    return {"links": begun}


def _is_link(found: Link | BaseException) -> TypeGuard[Link]:
    return not isinstance(found, BaseException)


async def _read(link: Link) -> None:
    with contextlib.suppress(LinkEndedError):
        while True:
            await link.receive_batch()


# row 2: all places of an agent


class _Mute:
    """The passenger of a stream that says hello, and then acknowledges nothing."""

    def __init__(self, core: StreamCore) -> None:
        self._core = core
        self._said = False
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        core.attach()

    def carrier_sealed(self, carrier: Carrier) -> None:
        carrier.wake()

    def carrier_received(self, carrier: Carrier, record: bytes) -> None:
        for event in self._core.receive(record, time.perf_counter()):
            if isinstance(event, StreamOpened | StreamEnded | Finished) and not self.answered.done():
                self.answered.set_result(isinstance(event, StreamOpened))

    def carrier_ended(self, carrier: Carrier, end: End) -> None:
        if not self.answered.done():
            self.answered.set_result(False)

    def next_record(self, carrier: Carrier) -> bytes | None:
        if self._said:
            return None
        self._said = True
        return self._core.next(time.perf_counter())


async def _under_two_ids(
    plan: Plan, name: str, tasks: int, work: Callable[[RelayClient], Coroutine[None, None, None]]
) -> None:
    """Log in two clients with one key, which stay for the attack's time, and let each do `work` in so many tasks."""
    async with (
        _online(plan, f"{name}-{secrets.token_hex(3)}") as one,
        _online(plan, f"{name}-{secrets.token_hex(3)}") as other,
        asyncio.TaskGroup() as group,
    ):
        for client in (one, other):
            for _ in range(tasks):
                group.create_task(work(client))
        await asyncio.sleep(plan.seconds)


async def _unacknowledged(plan: Plan) -> Answer:
    """Commands that have ended, and whose ends are never acknowledged."""
    wanted, opened, asked = 511, 0, 0
    end = asyncio.get_running_loop().time() + plan.seconds

    async def work(client: RelayClient) -> None:
        nonlocal opened, asked
        while opened < wanted and asyncio.get_running_loop().time() < end and client.connection is not None:
            asked += 1
            passenger = _Mute(StreamCore(secrets.token_bytes(16), request("true")))
            try:
                client.connection.carriers.carry(plan.agent, passenger)
                async with asyncio.timeout(5):
                    was_opened = await passenger.answered
                opened += was_opened
            except (LocalProtocolError, TimeoutError):
                await asyncio.sleep(0.1)

    await _under_two_ids(plan, "mute", 8, work)
    return {"asked": asked, "opened": opened}


async def _two_ids(plan: Plan) -> Answer:
    """Commands that go on, under two ids with one key."""
    opened = refused = 0
    end = asyncio.get_running_loop().time() + plan.seconds

    async def work(client: RelayClient) -> None:
        nonlocal opened, refused
        kept: list[Link] = []
        while asyncio.get_running_loop().time() < end:
            try:
                kept.append(await client.open_link(plan.agent, request("sleep", "600")))
                opened += 1
            except NatpassError:
                refused += 1
                await asyncio.sleep(0.2)

    await _under_two_ids(plan, "sleeper", 4, work)
    return {"opened": opened, "refused": refused}


# row 5: arithmetic for anybody


async def _half_made(plan: Plan) -> Answer:
    """Sealed links whose second half never comes: the target has computed, and waits."""
    ephemeral, static = X25519PrivateKey.generate(), X25519PrivateKey.generate()

    def first(client_id: str, link_id: str) -> bytes:
        context = LinkContext(client_id, plan.agent, link_id)
        return OpenerHandshake(static, bytes(32), context, ephemeral, time.monotonic).first()

    return await _requests(plan, plan.whole(2200), first)


async def _garbage(plan: Plan) -> Answer:
    """Sealed links whose first message is garbage."""
    return await _requests(plan, plan.whole(2200), lambda *_: secrets.token_bytes(FIRST_BYTES))


async def _requests(plan: Plan, rate: int, first: Callable[[str, str], bytes]) -> Answer:
    """Send `connect_req` under twenty ids, at a rate."""
    clients = [Raw(f"half-{secrets.token_hex(3)}") for _ in range(20)]
    asked, logins = 0, 0
    loop = asyncio.get_running_loop()
    begin = loop.time()
    refused = 0

    def count(message: Msg) -> None:
        nonlocal refused
        refused += message.type == MsgType.connect_rep and not message.crep.ok

    async with asyncio.TaskGroup() as group:
        logging_in: set[asyncio.Task[bool]] = set()
        for client in clients:
            client.on_message = count
            client.gone.set()
        while (passed := loop.time() - begin) < plan.seconds:
            for number, old in enumerate(clients):
                if old.gone.is_set() and not any(task.get_name() == str(number) for task in logging_in):
                    client = clients[number] = Raw(f"half-{secrets.token_hex(3)}", count)
                    client.gone.set()
                    logins += 1
                    task = group.create_task(_logged_in(client, plan), name=str(number))
                    logging_in.add(task)
                    task.add_done_callback(logging_in.discard)
            ready = [client for client in clients if not client.gone.is_set()]
            for _ in range(min(int(passed * rate) - asked, 50) if ready else 0):
                asked += 1
                client = ready[asked % len(ready)]
                link_id = secrets.token_hex(8)
                client.send(_request(client, plan.agent, link_id, first(client.client_id, link_id)))
            await asyncio.sleep(0.005)
        for task in list(logging_in):
            task.cancel()
    for client in clients:
        if not client.gone.is_set():
            client.close()
    return {"requests": asked, "refused": refused, "logins": logins}


async def _logged_in(client: Raw, plan: Plan) -> bool:
    try:
        await client.log_in(plan)
    except NatpassError:
        await asyncio.sleep(0.5)
        return False
    client.gone.clear()
    return True


# row 6: a worker for each link


async def _desktops(plan: Plan) -> Answer:
    """Links to the desktop, as many as there are."""
    opened = refused = 0
    async with _online(plan, f"looks-{secrets.token_hex(3)}") as client:
        wanted = ConnectRequest(name="look", kind=ConnectRequest.vnc, cvnc=ConnectVnc(fps=1, quality=10))
        kept = []
        for _ in range(plan.whole(12, 4)):
            try:
                kept.append(await client.open_link(plan.agent, wanted))
                opened += 1
            except LinkEndedError:
                refused += 1
        await asyncio.sleep(plan.seconds)
    return {"opened": opened, "refused": refused}


# row 11: a roster that changes


async def _roster(plan: Plan) -> Answer:
    """A hundred agents describe themselves anew, again and again, while a console watches."""
    said = got = 0

    def count(message: Msg) -> None:
        nonlocal got
        got += message.ByteSize()

    async with asyncio.TaskGroup() as group, raw(plan, f"watches-{secrets.token_hex(3)}", on_message=count) as watcher:

        async def talk(number: int) -> None:
            nonlocal said
            name = f"talks-{number}-{secrets.token_hex(3)}"
            async with raw(plan, name, Role.ROLE_AGENT) as agent:
                while not agent.gone.is_set():
                    about = agent.message(MsgType.about, RELAY_ID)
                    about.about.CopyFrom(About(host=secrets.token_hex(60), os=secrets.token_hex(60), version="1"))
                    agent.send(about)
                    said += 1
                    await asyncio.sleep(0.25)

        watch = watcher.message(MsgType.roster_watch, RELAY_ID)
        watch.roster_watch.on = True
        watcher.send(watch)

        async def keep_talking(number: int) -> None:
            await again_and_again(plan.seconds, lambda _: talk(number))

        tasks = [group.create_task(keep_talking(number)) for number in range(plan.whole(100, 25))]
        await asyncio.wait(tasks)
    return {"said": said, "bit/s to a console": 8 * got / plan.seconds}


# helpers


def _request(client: Raw, to: str, link_id: str, handshake: bytes) -> Msg:
    message = client.message(MsgType.connect_req, to, link_id)
    offer = StreamOffer(version=VERSION, handshake=handshake)
    message.creq.CopyFrom(ConnectRequest(kind=ConnectRequest.stream, offer=offer))
    return message


@contextlib.asynccontextmanager
async def _online(plan: Plan, client_id: str) -> AsyncIterator[RelayClient]:
    """Keep a client logged in meanwhile."""
    client, tasks = RelayClient(plan.target(client_id)), Tasks()
    tasks.start(client.run(), client_id)
    try:
        async with asyncio.timeout(10):
            await client.online()
        yield client
    finally:
        await tasks.close()


ATTACKS = [
    Attack("full-inbox", 1, "login", "a console that reads nothing is sent answers and records", _full_inbox),
    Attack("full-inbox-records", 1, "exec", "consoles stop reading endless output", _full_inbox_records, bounded=0.25),
    Attack("unacknowledged", 2, "exec", "511 commands whose ends are never acknowledged", _unacknowledged),
    Attack("two-ids", 2, "exec", "commands that go on, with one key under two ids", _two_ids),
    Attack("half-made", 5, "login", "2200 links a second that stay half made", _half_made),
    Attack("garbage", 5, "login", "2200 requests a second that are garbage", _garbage),
    Attack("desktops", 6, "look", "12 links to one desktop", _desktops, with_desktop=True),
    Attack("roster", 11, "login", "100 agents that describe themselves four times a second", _roster),
]
