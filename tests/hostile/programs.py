"""The real `natpass-agent` at the hostile relay: it runs only what consoles asked for, each command once."""

import random
from pathlib import Path

from natpass_wire.aio.link import LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.keys import Identity
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec, ExecInput
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.end_to_end.agent_programs import Program
from tests.hostile import attempts
from tests.hostile.attack import LinkAttack, Scene
from tests.hostile.attempts import ATTACKS, Report
from tests.hostile.forgery import OldAgent
from tests.hostile.relay import ViolationError
from tests.hostile.world import MARKER, Operator, World, raw, world
from tests.support.waiting import wait_for

AGENT = "agent-program"
#: Appends its attempt's number to a file, and echoes its input.
_SCRIPT = b': %s; echo %s >> "$1"; exec cat'


class Programs:
    """A world with one more agent: the real program.

    Args:
        here: the world.
        folder: for the program.
    """

    def __init__(self, here: World, folder: Path) -> None:
        self._here = here
        self._ran = folder / "ran"
        self._ran.touch()
        self._asked: list[str] = []

    def _request(self, number: str) -> ConnectRequest:
        self._asked.append(number)
        argv = [b"sh", b"-c", _SCRIPT % (MARKER, number.encode()), b"sh", str(self._ran).encode()]
        return ConnectRequest(name="hostile", kind=ConnectRequest.exec, cexec=ConnectExec(argv=argv))

    async def talk(self, operator: Operator, number: str, content: bytes) -> str:
        """Let a console run a command with input; return the outcome.

        Raises:
            ViolationError: the output differs from the input.
        """
        back, link = b"", None
        try:
            link = await operator.console.open_link(AGENT, self._request(number))
            for at in range(0, len(content), 1000):
                await link.room()
                piece = ExecInput(data=content[at : at + 1000], eof=at + 1000 >= len(content))
                await link.send(Msg(type=MsgType.exec_input, exec_input=piece))
            while True:
                back += (await link.receive()).exec_output.data
        except LinkEndedError as error:
            if not content.startswith(back):
                raise ViolationError("a command's output differs from its input") from None
            if link is not None and back == content:
                return "all was said"
            if not error.end.text:
                raise ViolationError("a command ended without a reason") from None
            return "ended with a reason"
        finally:
            if link is not None:
                link.close()

    def check(self) -> None:
        """Raise ViolationError if a command ran unasked, or twice."""
        ran = self._ran.read_text().split()
        if extra := [number for number in ran if number not in self._asked or ran.count(number) > 1]:
            raise ViolationError(f"the agent has run what it was not asked for once: {extra}")


def kinds() -> list[type[LinkAttack]]:
    """Return the attacks that need neither a stranger nor the roster of the honest agents."""
    return [kind for kind in ATTACKS if not kind.strange and not issubclass(kind, OldAgent)]


async def run(folder: Path, seed: str, count: int) -> Report:
    """Make `count` attempts, one after the other.

    Raises:
        ViolationError: a promise was broken.
    """
    report = Report()
    async with world(folder, 2) as here:
        options = ["--relay", str(here.address), "--no-tls", "--id", AGENT, "--state-dir", str(folder / AGENT)]
        agent = Program("natpass_agent", options, folder)
        try:
            await wait_for(lambda: here.adversary.hub.router.client(AGENT), "the agent", timeout=30)
            private = Identity.from_pem((folder / AGENT / "agent.key").read_bytes()).private
            here.agent_keys[AGENT] = raw(private)
            keys = {raw(private): "an agent's key", private.private_bytes_raw(): "an agent's private key"}
            here.adversary.needles |= keys
            programs = Programs(here, folder)
            for number in range(count):
                await _attempt(programs, here, f"{seed}-{number}", report)
        finally:
            agent.kill()
        report.frames = here.adversary.frames
    return report


async def _attempt(programs: Programs, here: World, name: str, report: Report) -> None:
    rng, operator, tasks = random.Random(name), here.operators[0], Tasks()
    await here.ready(operator, AGENT)
    if await programs.talk(operator, f"{name}-peace", MARKER) != "all was said":
        raise ViolationError("a command fails without an attack")
    kind = rng.choices(kinds(), [kind.weight for kind in kinds()])[0]
    attack = kind(Scene(here, operator, AGENT, rng))
    here.adversary.attacks[operator.id] = attack

    async def talk() -> tuple[str, None]:
        return await programs.talk(operator, name, MARKER + rng.randbytes(5000)), None

    try:
        work = tasks.start(talk(), "conversation")
        await attempts.patiently(work, attack.relent)
        if attack.fired:
            await wait_for(attack.is_done, f"the outcome of {kind.name}", timeout=attempts.SECONDS_TO_END)
            report.outcomes[f"{kind.name}, at a program", work.result()[0]] += 1
        attack.relent()
        attack.finish()
        await wait_for(lambda: not len(operator.client.streams), "the end of a stream", timeout=60)
        programs.check()
        here.check()
    except AssertionError as error:
        raise ViolationError(f"{name}, {attack.name} ({attack.details()}): {error}") from error
    finally:
        await tasks.close()
        here.adversary.forget(operator.id)
