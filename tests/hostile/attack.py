"""The base of all attacks: where they strike, and how they stop, so that a stream can go on."""

import random
from dataclasses import dataclass
from typing import ClassVar

from natpass_relay.clients import Client
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from tests.hostile.relay import ANSWER, DOWN, REQUEST, UP, Adversary, Place, SeenLink
from tests.hostile.world import Operator, World

#: Places that every link has, also one that resumes a stream: handshake, hello and reply, the first data.
HANDSHAKE: tuple[Place, ...] = (REQUEST, ANSWER, (UP, 0))
RECORDS: tuple[Place, ...] = ((UP, 1), (UP, 2), (DOWN, 0), (DOWN, 1))
#: One attack in so many is on a stream's second link: we cut the first one.
_LATER = 4
#: The places of that cut: the stream still has more to send then.
_CUT: Place = (UP, 3)


@dataclass
class Scene:
    """The target of an attack.

    Attributes:
        world: the relay, the agents and the consoles.
        operator: the console whose links are attacked.
        agent: the agent that the console speaks with.
        random: the only source of randomness.
    """

    world: World
    operator: Operator
    agent: str
    random: random.Random

    @property
    def adversary(self) -> Adversary:
        """The relay."""
        return self.world.adversary


class LinkAttack:
    """An attack on the links of one attempt.

    Attributes:
        fired: whether the attack was made.
        over: whether the relay is honest from now on.
        hit: the link that one of its ends must end, with a reason; None: no link must end.
    """

    name: ClassVar[str]
    #: The weight in the random choice of attacks.
    weight: ClassVar[float] = 1.0
    #: Whether the console has never met the agent.
    strange: ClassVar[bool] = False

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.random = scene.random
        self.adversary = scene.adversary
        self.fired = False
        self.over = False
        self.hit: SeenLink | None = None
        self.links: list[SeenLink] = []
        self._later = self.random.randrange(_LATER) == 0 and self.may_be_later
        self._ports: tuple[Client | None, ...] = ()  # the agent's connection on which a link was forged
        self._made_up: list[tuple[str, str, str]] = []

    #: Whether the attack makes sense on the second link of a stream.
    may_be_later: ClassVar[bool] = True

    async def begin(self) -> None:
        """Prepare, before the console opens anything."""

    def passes(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Handle a message that should be passed on."""
        if link not in self.links:
            self.links.append(link)
        is_first = link is self.links[0]
        if self.over:
            self.adversary.forward(message)
        elif self._later and is_first:
            if place == _CUT:
                self.adversary.cut(link)
            else:
                self.adversary.forward(message)
        elif not self.fired and len(self.links) == 1 + self._later and self.strikes(place):
            self.fired = True
            self.strike(link, place, message)
        else:
            self.follow(link, place, message)

    def strikes(self, place: Place) -> bool:
        """Tell whether to attack at this place."""
        raise NotImplementedError

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Make the attack."""
        raise NotImplementedError

    def follow(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Handle a message after the attack."""
        self.adversary.forward(message)

    def relent(self) -> None:
        """Be honest from now on, and end what hangs: the worst that a relay can do is to stop."""
        self.over = True
        self.release()
        for link in self.adversary.of(self.scene.operator.id):
            self.adversary.cut(link)

    def release(self) -> None:
        """Pass on what was held."""

    def is_done(self) -> bool:
        """Tell whether all expected effects have happened."""
        return self.hit is None or self.adversary.is_over(self.hit)

    def is_lost(self) -> bool:
        """Tell whether the agent's connection has ended meanwhile, and with it what was forged there."""
        return bool(self._made_up) and self._ports != self.adversary.ports(self._made_up[-1][0])

    def details(self) -> str:
        """Return the attack's parameters, for debugging."""
        known = {name.strip("_"): value for name, value in vars(self).items() if isinstance(value, str | bool | tuple)}
        return ", ".join(f"{name}: {value!r}" for name, value in known.items())

    def finish(self) -> None:
        """Clean up."""
        self.over = True
        self.release()
        for agent, opener, link_id in self._made_up:
            self.adversary.answers.pop((agent, opener, link_id), None)
            self.adversary.inject(agent, Msg(type=MsgType.disconnect, from_id=opener, to=agent, link_id=link_id))

    def makes_up(self, agent: str, opener: str, link_id: str) -> tuple[str, str, str]:
        """Record a link that the relay forges; return its key in `Adversary.answers`."""
        self._made_up.append((agent, opener, link_id))
        self._ports = self.adversary.ports(agent)
        return agent, opener, link_id


class PlaceAttack(LinkAttack):
    """An attack on one message of a link."""

    places: ClassVar[tuple[Place, ...]] = HANDSHAKE + RECORDS

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.place = self.random.choice(self.places)

    def strikes(self, place: Place) -> bool:
        """Tell whether to attack at this place."""
        return place == self.place


def data_of(message: Msg) -> bytes:
    """Return the bytes of a message that are sealed, or part of the handshake."""
    match message.type:
        case MsgType.connect_req:
            return message.creq.offer.handshake
        case MsgType.connect_rep:
            return message.crep.answer.handshake
        case _:
            return message.record.data


def with_data(message: Msg, data: bytes) -> Msg:
    """Return the message with these bytes replaced."""
    changed = Msg()
    changed.CopyFrom(message)
    match message.type:
        case MsgType.connect_req:
            changed.creq.offer.handshake = data
        case MsgType.connect_rep:
            changed.crep.answer.handshake = data
        case _:
            changed.record.data = data
    return changed


def moved(message: Msg, from_id: str, to: str, link_id: str) -> Msg:
    """Return the message with another link's addresses."""
    changed = Msg()
    changed.CopyFrom(message)
    changed.from_id, changed.to, changed.link_id = from_id, to, link_id
    return changed
