"""The agent: stays logged in at its relay, and serves the links that consoles open to it."""

# Why: docs/decisions/026-plain-links-only-if-allowed.md
# Why: docs/decisions/071-places-by-proved-key.md

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import partial

from natpass_agent.authorized import RightsOf
from natpass_agent.links.kind import KindServer, Logging, Reviewing
from natpass_agent.links.lines import LinkLines
from natpass_agent.links.servers import all_servers
from natpass_agent.links.who import who_of
from natpass_agent.places import LinkPlaces
from natpass_agent.platform.host import HostFacts, host
from natpass_agent.policy import MAX_LINKS, Policy, Refusal
from natpass_agent.served import Served, ServedLinks
from natpass_agent.status import AgentStatus, iso
from natpass_wire.aio.client import Phase, RelayClient, RelayStatus
from natpass_wire.aio.dial import LegacyLogin, RelayTarget
from natpass_wire.aio.link import IncomingLink
from natpass_wire.aio.relay_connection import RelayConnection
from natpass_wire.aio.streams import KEEP_SECONDS
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.ids import RELAY_ID
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, LinkEnd
from natpass_wire.pb.roster_pb2 import About
from natpass_wire.repeats import Repeats
from natpass_wire.stream import VERSION as STREAMS_VERSION
from natpass_wire.text import printable
from natpass_wire.version import __version__

log = logging.getLogger(__name__)

SHUTTING_DOWN = "the agent is shutting down"


class Agent:
    """One agent.

    Args:
        target: the relay, and who we are.
        kinds: the link kinds to serve, all by default.
        facts: this machine's facts for the roster; the real ones by default.
        max_links: how many links with a process may exist at once.
        on_status: called when the connection to the relay changes its state.
        keep_seconds: how long to keep a link whose opener is away; a kind may keep its links for less.
        allow_unsealed: serve links that are not sealed as well, above all those of existing natpass programs.
        is_listed: tells whether a key is one that this agent knows by name; its links have places of their own then.
        rights_of: returns the rights of the console with this key (None if its link is not sealed), by default all
            rights; a text for the console with the reason, if it has none.
    """

    def __init__(
        self,
        target: RelayTarget,
        *,
        kinds: Sequence[KindServer] | None = None,
        facts: HostFacts | None = None,
        max_links: int = MAX_LINKS,
        on_status: Callable[[RelayStatus], None] | None = None,
        keep_seconds: float = KEEP_SECONDS,
        allow_unsealed: bool = False,
        is_listed: Callable[[bytes], bool] = lambda _key: False,
        rights_of: RightsOf = lambda _: ALL,
    ) -> None:
        served = all_servers(agent=target.claims.client_id) if kinds is None else kinds
        self._servers = {server.kind.number: server for server in served}
        self._facts = host().facts() if facts is None else facts
        self._policy = Policy([server.kind for server in served])
        self._places: LinkPlaces[IncomingLink] = LinkPlaces(self._policy.kinds, max_links)
        self._repeats = Repeats()
        self._allow_unsealed = allow_unsealed
        self._rights_of = rights_of
        self._tasks = Tasks()
        self._stopping = False
        self._on_status = on_status
        self._started = time.time()
        self._is_online = False
        self._relay_since = time.monotonic()
        #: The connection to the relay.
        self.client = RelayClient(
            target,
            on_status=self._told_status,
            on_link=self._asked_plainly,
            on_stream=self._asked,
            on_online=self._introduce,
            keep_seconds=keep_seconds,
            is_listed=is_listed,
            allow_unsealed=allow_unsealed,
        )
        #: The links that are served.
        self.links = ServedLinks(self.client.streams.kept_until, self.end)
        self.client.streams.why_not_resume = self._why_not_resume
        self._lines = LinkLines(log)
        self._all_lines = [self._lines, self.links.lines]
        self._all_lines += [server.lines for server in served if isinstance(server, Logging)]
        for lines in self._all_lines:
            lines.is_listed = is_listed

    async def run(self) -> None:
        """Serve until cancelled. Then end all links, and everything that was started for them."""
        async with asyncio.TaskGroup() as group:
            client = group.create_task(self.client.run(), name="relay client")
            try:
                await asyncio.wait([client])
            finally:
                self._stopping = True
                for link in self.links:  # while there is a connection
                    self.end(link, SHUTTING_DOWN, LinkEnd.PEER_GONE)  # like an agent that vanishes
                await self._tasks.close()

    def tick(self) -> None:
        """Log how many lines were left out, when it is time; call it now and then."""
        for lines in self._all_lines:
            lines.tick()

    def about(self) -> About:
        """Return our description for the roster."""
        return About(
            host=self._facts.host,
            os=self._facts.os,
            user=self._facts.user,
            version=__version__,
            serves=sorted(kind.wire_name for kind in self._policy.kinds),
            streams=STREAMS_VERSION,
        )

    def status(self) -> AgentStatus:
        """Return the state of our connection to the relay, and of each link."""
        now, round_trip = time.monotonic(), self.client.round_trip
        return AgentStatus(
            agent=printable(self.client.client_id),
            version=__version__,
            pid=os.getpid(),
            since=iso(self._started),
            up_seconds=round(time.time() - self._started),
            relay=printable(str(self.client.target.address)),
            is_connected=self._is_online,
            relay_seconds=round(now - self._relay_since),
            relay_reason=printable(self.client.status.reason),
            round_trip_ms=None if round_trip is None else round(round_trip * 1000, 3),
            links=self.links.statuses(),
        )

    def _told_status(self, status: RelayStatus) -> None:
        is_online = status.phase is Phase.ONLINE
        if is_online != self._is_online:
            self._is_online, self._relay_since = is_online, time.monotonic()
        if self._on_status is not None:
            self._on_status(status)

    def _introduce(self, connection: RelayConnection) -> None:
        if not isinstance(self.client.target.login, LegacyLogin):  # an existing relay would not understand it
            about = Msg(type=MsgType.about, from_id=connection.client_id, to=RELAY_ID, about=self.about())
            connection.send(about)

    def _asked_plainly(self, link: IncomingLink, request: ConnectRequest) -> None:
        sealing = self.client.target.sealing
        if self._allow_unsealed and not (sealing is not None and sealing.trust.is_sealed(link.peer)):
            self._asked(link, request)
            return
        text = "this agent serves sealed links only (natpass-agent --allow-unsealed would serve others)"
        self._note(f"refused an unsealed {self._policy.kind_name(request.kind)} link", link)
        link.refuse(text, ConnectResponse.REFUSED)

    def _asked(self, link: IncomingLink, request: ConnectRequest) -> None:
        if self._stopping:
            link.refuse(SHUTTING_DOWN)
            return
        rights = self._rights_of(link.peer_key)
        if isinstance(rights, str):
            self._refuse(link, Refusal(rights, ConnectResponse.REFUSED))
            return
        is_sealed = link.peer_key is not None
        refusal = self._policy.refusal(request.kind, rights, is_sealed=is_sealed)
        if refusal is not None:
            self._refuse(link, refusal)
            return
        kind, owner = self._servers[request.kind].kind, self.client.streams.owner_of(link)
        victims = self._places.ask(kind, owner, self.links.rank)
        if isinstance(victims, Refusal):
            self._refuse(link, victims)
            return
        for victim in victims:
            self._evict(victim)
        if not is_sealed:
            text = f"{printable(link.peer)} opens an unsealed {self._policy.kind_name(request.kind)} link"
            self._lines.say("unsealed links", link, text, logging.WARNING)
        server = self._servers[request.kind]
        name = f"{self._policy.kind_name(request.kind)} {printable(link.link_id)} of {printable(link.peer)}"
        seconds, text = server.kind.limits.answer_seconds, "this agent is too busy to answer in time"
        late = asyncio.get_running_loop().call_later(seconds, link.refuse, text, ConnectResponse.FAILED)
        task = self._tasks.start(server.serve(link, request, rights), name)
        self._places.take(link, server.kind, owner)
        self.links.add(link, server, task, rights)
        task.add_done_callback(partial(self._served, link, late))

    def review(self, rights_of: RightsOf) -> None:
        """End the links whose consoles had no right to them at this look and the one before.

        One look is not enough: an editor may be writing the file.

        Args:
            rights_of: as for the agent, but from one look for all links.
        """
        for served in self.links.all:
            rights = rights_of(served.link.peer_key)
            reason = self._no_longer(served, rights)
            if isinstance(served.server, Reviewing) and not isinstance(rights, str):
                served.server.review(served.link, rights)
            if reason and served.is_doubted and served.link.end is None:
                log.warning("ending %s: %s", served.name, reason)
                self.end(served.link, reason, gives_up=True)
            served.is_doubted = bool(reason)

    def _no_longer(self, served: Served, rights: Rights | str) -> str:
        return rights if isinstance(rights, str) else self._policy.no_longer(served.server.kind, served.rights, rights)

    def _why_not_resume(self, link: IncomingLink) -> str:
        served, rights = self.links.of(link), self._rights_of(link.peer_key)
        if served is not None:
            return self._no_longer(served, rights)
        return rights if isinstance(rights, str) else ""  # its program has ended, what it wrote is still to be read

    def _refuse(self, link: IncomingLink, refusal: Refusal) -> None:
        self._note(f"refused a link: {refusal.text}", link, logging.INFO)
        link.refuse(refusal.text, refusal.reason)

    def _evict(self, link: IncomingLink) -> None:
        """End a link for another one. There is one more than allowed until what runs for it has ended."""
        self._places.give_back(link)
        if link.end is None:
            text = "its place was needed for somebody else"
            self._note(f"ended a link: {text}", link, logging.INFO)
            self.end(link, text, LinkEnd.PEER_GONE)

    def _note(self, text: str, link: IncomingLink, level: int = logging.WARNING) -> None:
        """Log something about a link: once, then with a count, since a console can do it as often as it likes."""
        if line := self._repeats.note(text, asyncio.get_running_loop().time()):
            log.log(level, "%s; the last one was of %s", line, who_of(link))

    def _served(self, link: IncomingLink, late: asyncio.TimerHandle, task: asyncio.Task[None]) -> None:
        """Record the end of a kind's server; an exception in it ends its link only."""
        late.cancel()
        self._places.give_back(link)
        self.links.discard(link)
        failed = not task.cancelled() and task.exception() is not None  # Tasks has logged it
        self.end(link, "the agent failed at this: its log says how" if failed else "")

    @staticmethod
    def end(link: IncomingLink, text: str, cause: LinkEnd.Cause = LinkEnd.FAILED, *, gives_up: bool = False) -> None:
        """End a link, and what runs for it; `text` tells its opener why, `gives_up` as for `Link.close`."""
        if link.is_asked:
            link.refuse(text or "the agent gave no answer")
        else:
            link.close(text, cause if text else LinkEnd.CLOSED, gives_up=gives_up)
