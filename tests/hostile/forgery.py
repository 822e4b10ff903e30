"""Attacks with a plan: recordings, other links, stripped capabilities."""

import contextlib
import secrets
import time
from typing import ClassVar

from natpass_wire.ids import RELAY_ID
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, StreamAnswer
from natpass_wire.pb.roster_pb2 import About, Roster, RosterEntry
from natpass_wire.pb.stream_pb2 import StreamAck, StreamHello, StreamRecord, StreamReply
from natpass_wire.sealed.handshake import FIRST_BYTES
from tests.hostile.attack import LinkAttack, PlaceAttack, Scene, moved
from tests.hostile.relay import ANSWER, DOWN, REQUEST, UP, Place, SeenLink, ViolationError
from tests.hostile.world import AGENTS, GONE
from tests.support.waiting import wait_for

#: How often a lie is repeated until it is believed.
_LIES = 100
#: The command that the relay would like to run.
EVIL = ConnectRequest(
    name="evil", kind=ConnectRequest.exec, cexec=ConnectExec(argv=[b"sh", b"-c", b"what the relay likes"])
)


def evil_hello() -> bytes:
    """Return the first record, unsealed, of a stream that the relay would like to open."""
    hello = StreamHello(stream_id=secrets.token_bytes(16), request=EVIL, ack=StreamAck(window=65536))
    return StreamRecord(hello=hello).SerializeToString()


class Swapped(LinkAttack):
    """The relay connects a link to another agent, or swaps the data of two links."""

    name = "links swapped"
    weight = 2.0
    modes: ClassVar[tuple[str, ...]] = ("another agent", "another console", "another number", "records")

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._mode = self.random.choice(self.modes)
        self._there: tuple[str, str, str] | None = None
        self._cut_in: SeenLink | None = None

    def strikes(self, place: Place) -> bool:
        """Tell whether this is the request, or data that another link can get."""
        if self._mode == "records":
            return place == (UP, 2) and self._other() is not None
        return place == REQUEST

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Connect the link to another agent, or swap data."""
        if self._mode == "records":
            other = self._other()
            assert other is not None
            self._cut_in = link
            self.adversary.inject(other.target, moved(message, other.opener, other.target, other.link_id))
            return
        agent, opener, link_id = link.target, link.opener, link.link_id
        if self._mode == "another agent":
            agent = self.random.choice([name for name in AGENTS if name != agent])
        elif self._mode == "another console":
            opener = self.random.choice([*(one.id for one in self.scene.world.operators if one.id != opener), GONE])
        else:
            link_id = secrets.token_hex(8)
        self._there = self.makes_up(agent, opener, link_id)

        def answered(answer: Msg) -> None:
            back = moved(answer, link.target, link.opener, link.link_id)
            link.note(back)
            self.adversary.inject(link.opener, back)

        self.adversary.answers[self._there] = answered
        self.hit = link
        self.adversary.inject(agent, moved(message, opener, agent, link_id))

    def follow(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Forward the opener's records there."""
        if link is self.hit and self._there is not None:
            agent, opener, link_id = self._there
            self.adversary.inject(agent, moved(message, opener, agent, link_id))
            return
        if link is self._cut_in and place[0] == UP:
            self.hit = link
        super().follow(link, place, message)

    def _other(self) -> SeenLink | None:
        mine = self.scene.operator.id
        others = self.adversary.links.values()
        return next((link for link in others if link.opener != mine and link.counts[UP] > 2 and not link.ends), None)


class SwappedForStranger(Swapped):
    """The same for a console that has no key yet to recognize another agent."""

    name = "links swapped, for a stranger"
    weight = 0.2
    strange = True
    may_be_later = False
    modes = ("another agent",)


class Replayed(PlaceAttack):
    """The relay replays what a console sent on a link."""

    name = "recorded sessions replayed"
    weight = 2.0
    places = ((UP, 2),)
    _modes = ("at once", "old number", "new number", "live number", "another console", "gone console")

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._mode = self.random.choice(self._modes)
        self._said: str | None = None

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Replay it while the current link goes on."""
        if self._mode != "live number":
            self.adversary.forward(message)
        tape = link.history
        if self._mode not in {"at once", "live number"}:
            whose = GONE if self._mode == "gone console" else self.random.choice(list(self.adversary.tapes))
            tape = self.adversary.tapes[whose]
        played = [message for direction, message in tape if direction == UP]
        request = played.pop(0)
        agent, opener, link_id = request.to, request.from_id, request.link_id
        if self._mode == "live number":
            self.hit = link
            for again in (request, *played):
                self.adversary.inject(agent, again)
            return
        if self._mode in {"at once", "new number"}:
            link_id = secrets.token_hex(8)
        if self._mode == "another console":
            opener = self.random.choice([one.id for one in self.scene.world.operators])
        if (agent, opener, link_id) in self.adversary.answers:  # another attack replays that already
            link_id = secrets.token_hex(8)
        key = self.makes_up(agent, opener, link_id)
        self._said = ""

        def answered(answer: Msg) -> None:
            if answer.type == MsgType.connect_rep and answer.crep.ok:
                for again in played:
                    self.adversary.inject(agent, moved(again, opener, agent, link_id))
            elif answer.type == MsgType.record:
                raise ViolationError(f"{agent} goes on with a recorded link")
            else:
                self._said = answer.end.text or answer.crep.msg

        self.adversary.answers[key] = answered
        self.adversary.inject(agent, moved(request, opener, agent, link_id))

    def is_done(self) -> bool:
        """Tell whether the agent has refused, with a reason."""
        return super().is_done() and (self._said != "" or self.is_lost())


class ReplayedAnswers(PlaceAttack):
    """The relay replays an agent's answers to a console that asks."""

    name = "recorded answers replayed"
    places = (REQUEST,)

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Replay it."""
        self.hit = link
        tape = self.adversary.tapes[self.random.choice(list(self.adversary.tapes))]
        for direction, said in tape:
            if direction == DOWN:
                self.adversary.inject(link.opener, moved(said, link.target, link.opener, link.link_id))

    def follow(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Pass nothing on to the agent."""
        if link is not self.hit:
            super().follow(link, place, message)


class Stripped(LinkAttack):
    """The relay removes the marks of a sealed link, for one end or both."""

    name = "capabilities stripped"
    weight = 2.0
    may_be_later = False
    _requests = ("offer without handshake", "no offer", "old offer", "plain request", "hello in clear", "own answer")
    _answers = ("answer without handshake", "no answer", "old answer")

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._mode = self.random.choice((*self._requests, *self._answers))
        self._said: str | None = None

    def strikes(self, place: Place) -> bool:
        """Tell whether this is the request, the answer, or the end of the handshake."""
        if self._mode == "hello in clear":
            return place == (UP, 0)
        return place == (ANSWER if self._mode in self._answers else REQUEST)

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Remove the marks."""
        self.hit = link
        offer, answer = message.creq.offer, message.crep.answer
        match self._mode:
            case "offer without handshake":
                offer.handshake = b""
            case "no offer":
                message.creq.CopyFrom(EVIL)
            case "old offer":
                offer.version = 0
            case "plain request":
                self.hit = None
                self._ask_plainly(link)
            case "hello in clear":
                message.record.data = evil_hello()
            case "own answer":
                self._answer(link)
                return
            case "answer without handshake":
                answer.handshake = b""
            case "no answer":
                message.crep.ClearField("answer")
            case "old answer":
                answer.version = 0
        self.adversary.forward(message)

    def _ask_plainly(self, link: SeenLink) -> None:
        """Ask the agent in the console's name, as existing programs do."""
        self._said = ""
        link_id = secrets.token_hex(8)

        def answered(answer: Msg) -> None:
            if answer.type != MsgType.connect_rep or answer.crep.ok:
                raise ViolationError(f"{link.target} takes links that are not sealed")
            self._said = answer.crep.msg

        self.adversary.answers[self.makes_up(link.target, link.opener, link_id)] = answered
        request = Msg(type=MsgType.connect_req, from_id=link.opener, to=link.target, link_id=link_id, creq=EVIL)
        if self.random.random() < 0.5:
            request.creq.kind = ConnectRequest.stream
            request.creq.offer.version = 1
        self.adversary.inject(link.target, request)

    def _answer(self, link: SeenLink) -> None:
        """Answer for the agent, and report the stream as open."""
        rep = ConnectResponse(ok=True, answer=StreamAnswer(version=1))
        answer = Msg(type=MsgType.connect_rep, from_id=link.target, to=link.opener, link_id=link.link_id, crep=rep)
        record = Msg(type=MsgType.record, from_id=link.target, to=link.opener, link_id=link.link_id)
        reply = StreamReply(ok=True, ack=StreamAck(window=65536))
        record.record.data = StreamRecord(reply=reply).SerializeToString()
        self.adversary.inject(link.opener, answer)
        self.adversary.inject(link.opener, record)

    def is_done(self) -> bool:
        """Tell whether the unsealed request was refused."""
        return super().is_done() and (self._said != "" or self.is_lost())


class OldAgent(LinkAttack):
    """The roster claims that the agent is an existing natpass program, which cannot seal."""

    name = "roster without streams"
    may_be_later = False

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.fired = True

    async def begin(self) -> None:
        """Repeat the lie until it is believed: the relay's honest rosters correct it."""
        fleet, name = self.scene.operator.console.fleet, self.scene.agent
        for _ in range(_LIES):
            self._tell(0)
            with contextlib.suppress(AssertionError):
                await wait_for(lambda: (agent := fleet.get(name)) is not None and not agent.streams, timeout=0.25)
                return
        raise ViolationError("a console does not believe the roster")  # a fault of ours

    def passes(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Check that the console sends nothing unsealed."""
        if place == REQUEST and len(message.creq.offer.handshake) != FIRST_BYTES:
            raise ViolationError(f"{link.opener} asks {link.target} without sealing, since the relay says so")
        self.adversary.forward(message)

    def finish(self) -> None:
        """Send the true roster."""
        self._tell(1)
        super().finish()

    def _tell(self, streams: int) -> None:
        console = self.scene.operator.id
        entries = []
        for name in AGENTS:
            about = About(host="h", serves=["exec"], streams=streams if name == self.scene.agent else 1)
            entries.append(RosterEntry(id=name, about=about))
        roster = Roster(
            revision=1000, snapshot_begin=True, snapshot_end=True, present=entries, now_unix_ms=int(time.time() * 1000)
        )
        self.adversary.inject(console, Msg(type=MsgType.roster, from_id=RELAY_ID, to=console, roster=roster))


class OldStranger(OldAgent):
    """The same lie about an agent that the console has never met."""

    name = "roster without streams, of a stranger"
    weight = 0.2
    strange = True


ATTACKS: tuple[type[LinkAttack], ...] = (
    Swapped,
    SwappedForStranger,
    Replayed,
    ReplayedAnswers,
    Stripped,
    OldAgent,
    OldStranger,
)
