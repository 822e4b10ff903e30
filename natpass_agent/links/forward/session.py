"""One link of a forward: its channels, listeners and rights."""

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable

from natpass_agent.links.forward.claims import ListenClaims
from natpass_agent.links.forward.connections import SourceSocket, TargetSocket
from natpass_agent.links.forward.datagrams import Flow, SourceFlow, TargetFlow
from natpass_agent.links.forward.listeners import OpenListener, listen
from natpass_agent.links.forward.places import Place
from natpass_agent.links.who import who_of
from natpass_agent.targets import dial
from natpass_agent.targets.reasons import NotAllowedError, RefusedError, not_allowed, refused
from natpass_agent.targets.resolve import Resolver, allows_real_path, text_of
from natpass_agent.targets.targets import Targets
from natpass_wire.aio.channel_socket import Traffic
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.link import IncomingLink
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import IDLE_SECONDS, ChannelAsked, ListenAsked
from natpass_wire.channels.mux import MAX_CHANNELS, MOST_OF_LISTENER
from natpass_wire.identity.authorized import Rights
from natpass_wire.identity.patterns import Named, Reach
from natpass_wire.links import End
from natpass_wire.pb.forward_pb2 import ChannelRefused

log = logging.getLogger(__name__)

#: Seconds between two looks for idle flows.
LOOK_SECONDS = IDLE_SECONDS / 12
NO_LONGER = "this agent's rules no longer allow it"
_Connection = TargetSocket | SourceSocket | TargetFlow | SourceFlow


class Session:
    """A link of a forward.

    Args:
        link: the link, which was accepted.
        targets: rules and limits.
        rights: its console's rights.
        resolver: looks names up.
        claims: who listens where, in all links.
    """

    def __init__(
        self,
        link: IncomingLink,
        targets: Targets,
        rights: Rights,
        resolver: Resolver | None = None,
        claims: ListenClaims | None = None,
    ) -> None:
        self._claims = ListenClaims() if claims is None else claims
        self._owner = targets.owner_of(link)
        self.link = ChannelLink(link, is_console=False, asked=self._asked, room=targets.windows, owner=self._owner)
        #: All bytes of the link.
        self.traffic = Traffic()
        #: The connections and flows that are open.
        self.connections: set[_Connection] = set()
        #: The listeners, by id.
        self.listeners: dict[int, OpenListener] = {}
        #: How many connections there were.
        self.total = 0
        self._targets = targets
        self._rights = rights
        self._doubted: Rights | None = None
        self._resolver = targets.resolver(link) if resolver is None else resolver
        self._who = who_of(link)
        self._taken = 0
        self._of_listener: Counter[int] = Counter()  # connections that came to each
        self._tasks = Tasks()

    async def run(self) -> End:
        """Carry the link until it has ended; return why."""
        sweeper = self._tasks.start(self._sweep(), "idle flows")
        try:
            return await self.link.run()
        finally:
            sweeper.cancel()
            for listener in list(self.listeners.values()):
                listener.close("")
            for connection in list(self.connections):
                connection.abort("the link has ended")
            await self._tasks.close()

    def __str__(self) -> str:
        """What there is, for people."""
        count = len(self.connections)
        text = "1 connection" if count == 1 else f"{count} connections"
        places = [str(place) for listener in self.listeners.values() for place in listener.places]
        return f"{text}, listening at {', '.join(places)}" if places else text

    # places

    @property
    def share(self) -> int:
        """How many connections a listener may have: anybody may connect to it, and must not stop all the others."""
        return max(MOST_OF_LISTENER // max(len(self.listeners), 1), 1)

    def take(self, listener: int = 0) -> bool:
        """Take a place for a connection, which came to a listener if one is named; return whether there was one."""
        if listener and self._of_listener[listener] >= self.share:
            return False
        if not self.take_socket():
            return False
        self.total += 1
        return True

    def take_socket(self) -> bool:
        """Take a place for one more socket; return whether there was one."""
        if self._taken >= MAX_CHANNELS or not self._targets.descriptors.take(1, self._owner):
            return False
        self._taken += 1
        return True

    def give_back(self, sockets: int = 1) -> None:
        """Give places back."""
        self._taken -= sockets
        self._targets.descriptors.give_back(sockets, self._owner)

    def carry(self, connection: _Connection) -> None:
        """Take note that a connection, which has a place, is open."""
        connection.was_carried = True
        self.connections.add(connection)
        if connection.listener:
            self._of_listener[connection.listener] += 1

    def freed(self, connection: _Connection) -> None:
        """Take note that a connection is over."""
        if connection in self.connections:
            self.connections.remove(connection)
            self.give_back()
            if connection.listener:
                self._of_listener[connection.listener] -= 1

    def closed(self, listener: OpenListener) -> None:
        """Take note that a listener is closed."""
        self.listeners.pop(listener.channel, None)
        self._claims.remove(listener)
        self.give_back(len(listener.places))

    # what the console asks for

    def _asked(self, asked: ChannelAsked | ListenAsked) -> None:
        if not self.take():
            self._refuse(asked, RefusedError(ChannelRefused.TOO_MANY, "too many connections"))
            return
        work = self._dial(asked) if isinstance(asked, ChannelAsked) else self._listen(asked)
        self._tasks.start(work, "forward")

    async def _dial(self, asked: ChannelAsked) -> None:
        """Connect a channel, or refuse it."""
        made: list[TargetSocket | TargetFlow] = []  # one at most; it may carry though we are cancelled meanwhile
        named: Named = {}
        try:
            if asked.id not in self.link:
                return  # it was reset at once
            if asked.address.path and asked.address.datagrams:
                raise RefusedError(ChannelRefused.FAILED, "datagrams go to no Unix socket")
            if asked.address.path:
                connection = await self._dial_path(asked, made)
            else:
                found, named = await self._resolver.allowed(asked.address, self._forward)
                if asked.address.datagrams:
                    sock, address = dial.datagram_socket(found[0]), found[0]
                else:
                    sock, address = await dial.connect(found, self.take_socket, self.give_back)
                place = Place(address.host, address.port)
                if not _allows(self._forward, place, named):  # the rights have changed meanwhile
                    sock.close()
                    raise not_allowed(text_of(asked.address))
                connection = await self._carry(asked, place, sock, made)
            if not _allows(self._forward, connection.place, named):  # it was open too late for `_enforce`
                connection.abort(NO_LONGER)
        except RefusedError as error:
            self._refuse(asked, error)
        finally:
            if not any(each.was_carried for each in made):
                self.give_back()

    async def _dial_path(self, asked: ChannelAsked, made: list[TargetSocket | TargetFlow]) -> TargetSocket | TargetFlow:
        path = await self._resolver.path(asked.address, self._forward)
        return await self._carry(asked, Place("", 0, path), await dial.connect_path(path), made)

    async def _carry(
        self, asked: ChannelAsked, place: Place, sock: socket.socket, made: list[TargetSocket | TargetFlow]
    ) -> TargetSocket | TargetFlow:
        """Give a connected socket to a channel; `made` gets the connection before anybody can know of it."""
        loop = asyncio.get_running_loop()
        try:
            if asked.address.datagrams:
                flow = TargetFlow(self, asked.id, place, sock, asked.address.idle)
                made.append(flow)
                await loop.create_datagram_endpoint(lambda: flow, sock=sock)
                return flow
            connection = TargetSocket(self, asked.id, place)
            made.append(connection)
            # Not `create_connection`: if the connection ends at once, uvloop closes the descriptor before it owns the
            # socket, which then closes it again, and perhaps whatever got its number.
            await loop.connect_accepted_socket(lambda: connection, sock)
        except OSError as error:
            sock.close()
            raise refused(str(place), error) from None
        except BaseException:
            sock.close()
            for each in made:
                self.freed(each)  # uvloop tells it no more that its socket is closed
            raise
        return connection

    async def _listen(self, asked: ListenAsked) -> None:
        """Listen, or refuse to."""
        listener, limits = None, self._listen_limits
        try:
            listener = await listen(self, asked.id, asked.address, limits, self._resolver, claims=self._claims)
        except NotAllowedError as error:
            advice = self._targets.rules.listen_advice(self._rights, asked.address)
            self._refuse(asked, RefusedError(error.reason, f"{error}: {advice}"))
        except RefusedError as error:
            self._refuse(asked, error)
        finally:
            if listener is None:
                self.give_back()
        if listener is None:
            return
        self.listeners[asked.id] = listener
        self._claims.add(listener)
        if self._listen_limits != limits:  # `_enforce` did not see it yet
            listener.close("the rules of this agent have changed meanwhile: ask again")
            return
        first = listener.places[0]
        if not self.link.use(asked.id, listener):
            listener.close("")
            return
        self.link.accept(asked.id, first.host, first.port)
        log.info("listening at %s for %s", ", ".join(map(str, listener.places)), self._who)

    def _refuse(self, asked: ChannelAsked | ListenAsked, error: RefusedError) -> None:
        self.link.refuse(asked.id, error.reason, str(error))
        verb = "reach" if isinstance(asked, ChannelAsked) else "listen at"
        text = f"a console could not {verb} {text_of(asked.address)}: {error}"
        if line := self._targets.repeats.note(text, asyncio.get_running_loop().time()):
            log.info("%s; the last one was %s", line, self._who)

    # rights

    @property
    def _forward(self) -> Reach:
        """What may be reached: as the rights say, and those that may come."""
        return self._limits(self._targets.rules.forward)

    @property
    def _listen_limits(self) -> Reach:
        """Where to listen, likewise."""
        return self._limits(self._targets.rules.listen)

    def _limits(self, rule: Callable[[Rights], Reach]) -> Reach:
        limits = rule(self._rights)
        return limits if self._doubted is None else Reach((*limits.lists, *rule(self._doubted).lists))

    def review(self, rights: Rights) -> None:
        """Take the console's present rights. What they do not allow ends at the second look that says the same.

        One look is not enough: an editor may be writing the file. Until then nothing new begins that they forbid.
        """
        if rights == self._rights:
            self._doubted = None
        elif rights != self._doubted:
            self._doubted = rights
        else:
            self._rights, self._doubted = rights, None
            self._tasks.start(self._enforce(), "forward rights")

    async def _enforce(self) -> None:
        """End what is not allowed any more."""
        forward, listens = self._forward, self._listen_limits
        named: Named = {}
        if names := forward.names() | listens.names():
            named = await self._resolver.named(names)
        for listener in list(self.listeners.values()):
            if not all(_allows(listens, place, named) for place in listener.places):
                log.info("no longer listening at %s for %s", ", ".join(map(str, listener.places)), self._who)
                listener.close(NO_LONGER)
        kept = set(self.listeners)
        for connection in list(self.connections):
            if isinstance(connection, TargetSocket | TargetFlow):
                is_allowed = _allows(forward, connection.place, named)
            else:
                is_allowed = connection.listener in kept
            if not is_allowed:
                connection.abort(NO_LONGER)

    async def _sweep(self) -> None:
        """End flows that are idle."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            for connection in list(self.connections):
                if isinstance(connection, Flow) and now - connection.last >= connection.idle:
                    connection.abort("idle")


def _allows(limits: Reach, place: Place, named: Named) -> bool:
    return allows_real_path(limits, place.path) if place.path else limits.allows(place.ip, place.port, named)
