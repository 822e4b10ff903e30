"""The honest users during an attack: `python -m tests.hostile.outside.honest PLAN`.

Logins and links are asked for at a steady rate, whatever became of the ones before; so is the echo of 64 bytes on a
link that was open before. Prints `ready`, then after `seconds` from the next line of its input one line of JSON.
"""

import asyncio
import contextlib
import json
import secrets
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from natpass_wire.aio import runtime
from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import dial
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.runtime import ReadBuffers
from natpass_wire.aio.tasks import Tasks
from natpass_wire.errors import NatpassError
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec, ExecInput
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.hostile.outside.plan import Plan

#: Seconds within which a login and a link have to succeed.
LOGIN_SECONDS = LINK_SECONDS = 3.0
_LOGIN_EVERY, _LINK_EVERY, _ECHO_EVERY = 0.2, 0.5, 0.01
_ECHO_BYTES = 64


@dataclass
class Tries:
    """The seconds that each try took, the failed ones as infinite."""

    took: list[float] = field(default_factory=list)

    @property
    def good(self) -> int:
        """How many succeeded."""
        return sum(seconds < float("inf") for seconds in self.took)

    def quantile(self, part: float) -> float:
        """Return a quantile in seconds, 0 without tries."""
        ordered = sorted(self.took)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def request(*argv: str) -> ConnectRequest:
    """Return the request for a command."""
    cexec = ConnectExec(argv=[word.encode() for word in argv])
    return ConnectRequest(name="honest", kind=ConnectRequest.exec, cexec=cexec)


class Honest:
    """All honest users, in one process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._number = secrets.token_hex(3)
        self._tasks = Tasks()
        self._client = RelayClient(plan.target(f"honest-{self._number}"))
        self.logins, self.links, self.echoes = Tries(), Tries(), Tries()
        self._sent: deque[float] = deque()

    async def begin(self) -> None:
        """Log in, and open the link whose echo is measured."""
        self._tasks.start(self._client.run(), "honest")
        async with asyncio.timeout(20):
            await self._client.online()
            while True:
                try:
                    self._echo = await self._client.open_link(self._plan.agent, request("cat"))
                    break
                except LinkEndedError:  # the agent is about to log in
                    await asyncio.sleep(0.1)
            await self._echo.send(_input(b"x"))
            await self._echo.receive()

    async def measure(self) -> None:
        """Measure for the plan's seconds."""
        end = asyncio.get_running_loop().time() + self._plan.seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self._steadily(end, _LOGIN_EVERY, self._login))
            group.create_task(self._steadily(end, _LINK_EVERY, self._link))
            echo = group.create_task(self._read_echo(self._echo))
            await self._write_echo(end)
            await asyncio.sleep(min(1.0, self._plan.seconds / 4))
            echo.cancel()
        self.echoes.took += [time.perf_counter() - at for at in self._sent]

    async def close(self) -> None:
        """End."""
        self._echo.close()
        await self._tasks.close()

    async def _steadily(self, end: float, every: float, once: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            number = 0
            while (now := loop.time()) < end:
                group.create_task(once(number))
                number += 1
                await asyncio.sleep(max(0.0, now + every - loop.time()))

    async def _login(self, number: int) -> None:
        begin, took = time.perf_counter(), float("inf")
        with contextlib.suppress(NatpassError, TimeoutError, OSError):
            async with asyncio.timeout(LOGIN_SECONDS):
                logged_in = await dial(self._plan.target(f"login-{self._number}-{number}"), ReadBuffers())
                took = time.perf_counter() - begin
                logged_in.socket.close()
        self.logins.took.append(took)

    async def _link(self, number: int) -> None:
        begin, took = time.perf_counter(), float("inf")
        with contextlib.suppress(NatpassError, TimeoutError):
            async with asyncio.timeout(LINK_SECONDS):
                link = await self._client.open_link(self._plan.agent, request("true"))
                await link.ended()
                took = time.perf_counter() - begin
        self.links.took.append(took)

    async def _write_echo(self, end: float) -> None:
        loop, due = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        while (now := loop.time()) < end and self._echo.end is None:
            self._sent.append(time.perf_counter())
            with contextlib.suppress(TimeoutError, NatpassError):
                async with asyncio.timeout(max(0.0, end - now)):
                    await self._echo.send(_input(bytes(_ECHO_BYTES)))
            due += _ECHO_EVERY
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _read_echo(self, link: Link) -> None:
        got = 0
        try:
            while True:
                got += len((await link.receive()).exec_output.data)
                while got >= _ECHO_BYTES and self._sent:
                    got -= _ECHO_BYTES
                    self.echoes.took.append(time.perf_counter() - self._sent.popleft())
        except LinkEndedError:
            return


def _input(data: bytes) -> Msg:
    return Msg(type=MsgType.exec_input, exec_input=ExecInput(data=data))


async def main(plan: Plan) -> int:
    """Measure and print."""
    users = Honest(plan)
    await users.begin()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await users.measure()
    await users.close()
    found = {name: getattr(users, name).took for name in ("logins", "links", "echoes")}
    print(json.dumps(found))  # infinite: as JavaScript writes it
    return 0


if __name__ == "__main__":
    sys.exit(runtime.run(main(Plan.parse(sys.argv[1]))))
