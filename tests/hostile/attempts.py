"""Runs attempts: a stream, an attack on its links, and checks of what must hold afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from tests.hostile import certificate, forgery, keys, noise
from tests.hostile.attack import LinkAttack, Scene
from tests.hostile.relay import ViolationError
from tests.hostile.world import AGENTS, MARKER, Operator, Spoken, World, raw, world
from tests.support.waiting import patience, wait_for

ATTACKS: tuple[type[LinkAttack], ...] = (*noise.ATTACKS, *forgery.ATTACKS, *keys.ATTACKS)
#: One in so many attempts is a login through a man in the middle with its own certificate.
_LOGINS = 200
#: The relay stops its attack after so many seconds, then after twice as many, and so on; and the time for all of it.
_PATIENCE, _LIMIT = 0.25, 60.0
#: Seconds within which an end must end a link under attack.
SECONDS_TO_END = 20.0
#: Attacks tried for one attempt: one that finds no occasion does not count.
_TRIES = 50


@dataclass
class Report:
    """The outcome of all attempts.

    Attributes:
        outcomes: counts by attack and outcome.
        resumed: the number of streams that went on over another link.
        frames: the number of frames that the relay inspected.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    resumed: int = 0
    frames: int = 0

    @property
    def attempts(self) -> int:
        """The number of attacks."""
        return self.outcomes.total()

    def add(self, other: "Report") -> None:
        """Add the report of another process."""
        self.outcomes += other.outcomes
        self.resumed += other.resumed
        self.frames += other.frames

    def table(self) -> str:
        """Return the counts, a line for each attack and outcome."""
        lines = [f"{count:8}  {name}: {what}" for (name, what), count in sorted(self.outcomes.items())]
        return "\n".join([*lines, f"{self.attempts:8}  attempts, {self.resumed} resumed, {self.frames} frames seen"])


def chosen(rng: random.Random) -> type[LinkAttack]:
    """Return the next attack."""
    return rng.choices(ATTACKS, [kind.weight for kind in ATTACKS])[0]


async def conversation(operator: Operator, spoken: Spoken, agent_key: bytes) -> tuple[str, Link | None]:
    """Let a console send everything; return the outcome, and the stream if it is open."""
    try:
        return "all was said", await operator.say(spoken, agent_key, [])
    except LinkEndedError as error:
        if not error.end.text:
            raise ViolationError(f"a stream ended at {operator.id} without a reason") from None
        return "ended with a reason", None


async def patiently(work: "asyncio.Task[tuple[str, Link | None]]", relent: Callable[[], None]) -> bool:
    """Wait for `work`; make the relay stop its attack if nothing happens. Return whether it had to.

    Raises:
        ViolationError: nothing happens even then.
    """
    seconds, waited = _PATIENCE, 0.0
    while not (await asyncio.wait([work], timeout=seconds))[0]:
        waited += seconds
        seconds *= 2
        if waited > patience(_LIMIT):
            raise ViolationError("a stream neither goes on nor ends")
        relent()
    return waited > 0


async def attempt(here: World, operator: Operator, rng: random.Random, name: str, report: Report) -> None:
    """Make an attempt.

    Raises:
        ViolationError: a promise was broken.
    """
    agent = rng.choice(AGENTS)
    for number in range(_TRIES):
        await here.ready(operator, agent)
        kind = chosen(rng)
        attack = kind(Scene(here, operator, agent, rng))
        sent = [MARKER + rng.randbytes(rng.choice((1, 20, 300, 2000))) for _ in range(rng.randint(4, 6))]
        spoken = Spoken(f"{name}.{number}".encode(), agent, sent, operator.id, raw(operator.identity))
        here.books.streams[spoken.number] = spoken
        outcome, resumes = await _under(attack, spoken)
        if attack.strange:
            await here.meet(operator, agent)
        if attack.fired:
            report.outcomes[kind.name, outcome] += 1
            report.resumed += bool(resumes)
            return
    raise ViolationError("no attack finds an occasion")  # a fault of this harness


async def _under(attack: LinkAttack, spoken: Spoken) -> tuple[str, int]:
    """Run a conversation under an attack; return the outcome, and how often it went on over another link."""
    scene = attack.scene
    here, operator, agent = scene.world, scene.operator, scene.agent
    if attack.strange:
        operator.known_file.forget(agent)
    await attack.begin()
    here.adversary.attacks[operator.id] = attack
    tasks = Tasks()
    try:
        work = tasks.start(conversation(operator, spoken, here.agent_keys[agent]), "conversation")
        gave_in = await patiently(work, attack.relent)
        outcome, link = work.result()
        here.check()
        if attack.fired:
            await wait_for(
                lambda: attack.is_done() or here.adversary.faults, "what the attack comes to", timeout=SECONDS_TO_END
            )
        resumes = 0
        if link is not None:
            resumes = link.resumes
            if spoken.asked != 1:
                raise ViolationError(f"{agent} was asked {spoken.asked} times")
            link.close()
        attack.finish()
        if link is None:
            spoken.ended.set()  # if the console gives up at once, the agent waits for its timeout
        await _settled(operator, spoken, attack)
        here.check()
        for pin in operator.known.list():
            if pin.key.raw != here.agent_keys[pin.agent_id]:
                raise ViolationError(f"{operator.id} has pinned a wrong key for {pin.agent_id}")
        del here.books.streams[spoken.number]
        return outcome + (", when the relay gave in" if gave_in and link is not None else ""), resumes
    except AssertionError as error:
        raise ViolationError(f"{attack.name} ({attack.details()}): {error}") from error
    finally:
        await tasks.close()
        here.adversary.forget(operator.id)


async def _settled(operator: Operator, spoken: Spoken, attack: LinkAttack) -> None:
    """Wait until both ends have ended a stream."""
    streams = operator.client.streams
    seconds = _PATIENCE
    while len(streams) or (spoken.asked and not spoken.ended.is_set()):
        try:
            await wait_for(
                lambda: not len(streams) and (not spoken.asked or spoken.ended.is_set()), "an end", timeout=seconds
            )
        except AssertionError:
            if seconds > patience(_LIMIT):
                raise ViolationError("the end of a stream does not arrive") from None
            seconds *= 2
            attack.relent()


async def run(folder: Path, seed: str, attempts: int, *, consoles: int = 24, told: Callable[[int], None]) -> Report:
    """Make all attempts, several at a time.

    Args:
        folder: for the consoles' state.
        seed: decides everything except keys and the order of concurrent events.
        attempts: the number of attacks.
        consoles: the number of attacks at a time.
        told: called after each attempt with their number so far.

    Raises:
        ViolationError: a promise was broken; the text says in which attempt.
    """
    report, numbers = Report(), iter(range(attempts))
    loop = asyncio.get_running_loop()

    async def work(here: World, operator: Operator, middle: certificate.Middle) -> None:
        for number in numbers:
            rng = random.Random(f"{seed}/{number}")
            try:
                if rng.randrange(_LOGINS) == 0:
                    report.outcomes["own certificate", await middle.attempt(rng)] += 1
                else:
                    await attempt(here, operator, rng, f"{seed}/{number}", report)
            except ViolationError as error:
                raise ViolationError(f"attempt {number}: {error}") from error
            told(report.attempts)

    async with world(folder, consoles) as here, certificate.middle(folder) as middle:
        loop.set_exception_handler(lambda _, context: here.books.note(f"unexpected: {context}"))
        try:
            async with asyncio.TaskGroup() as group:
                for operator in here.operators:
                    group.create_task(work(here, operator, middle), name=operator.id)
        except ExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        here.check()
        report.frames = here.adversary.frames
    return report
