"""Round trip times to agents, for the consoles that ask: pings to agents, and one report for each request.

Each agent is pinged at most once in 2 s, however many consoles ask; in between, reports have the last measured time.
"""

# Why: docs/decisions/006-round-trips-by-the-relay.md

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from natpass_relay.clients import Client
from natpass_wire.buckets import TokenBuckets
from natpass_wire.ids import client_id_fault
from natpass_wire.pb.roster_pb2 import RttReport

#: Agents in one request at most.
MAX_IDS = 200
#: Seconds for which a measured time is valid, and seconds that an agent has to answer.
FRESH_SECONDS, ANSWER_SECONDS = 2.0, 3.0
#: Pending requests of one console at most; honest consoles have one.
MAX_REQUESTS = 4
#: Ids that one console may ask for in a second, and at once: each costs the relay 1.5 µs, whether it is an agent's or
#: not. Honest consoles ask for `MAX_IDS` every two seconds, and now and then for one more.
IDS_A_SECOND, IDS_AT_ONCE = 400.0, 1600.0
_MOST_BUCKETS = 8192


def askable(ids: Iterable[str]) -> list[str]:
    """Return the ids of a request that are used: the valid client ids among its first MAX_IDS, each once.

    Invalid ids are never repeated to their sender: a report of MAX_IDS valid ones always fits into a frame, one with an
    id of 65 000 characters may not.
    """
    return [client_id for client_id in dict.fromkeys(islice(ids, MAX_IDS)) if client_id_fault(client_id) is None]


#: The field's 32 bits: a relay that stood still measures hours.
_MOST_MICROS = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class SendPing:
    """Ping an agent, and call `RoundTrips.answered` with the nonce of its pong."""

    client: Client
    nonce: int


@dataclass(frozen=True, slots=True)
class SendReport:
    """Send a console the report that it has asked for."""

    client: Client
    report: RttReport


Command = SendPing | SendReport


@dataclass(eq=False, slots=True)
class _Request:
    console: Client
    micros: dict[str, int]
    until: float
    waits_for: set[Client] = field(default_factory=set)


@dataclass(slots=True)
class _Agent:
    """One agent's measurement: the pending ping, and the last answer."""

    nonce: int
    pinged_at: float
    micros: int | None = None
    requests: list[_Request] = field(default_factory=list)

    def is_stale(self, now: float) -> bool:
        """Tell whether it has to be pinged (again)."""
        return now - self.pinged_at >= (ANSWER_SECONDS if self.micros is None else FRESH_SECONDS)


@dataclass(slots=True)
class RoundTrips:
    """The measurements of one relay. `now` is in seconds of one monotonic clock."""

    _agents: dict[Client, _Agent] = field(default_factory=dict)
    _requests: dict[_Request, None] = field(default_factory=dict)
    _asked: TokenBuckets[Client] = field(default_factory=lambda: TokenBuckets(IDS_A_SECOND, IDS_AT_ONCE, _MOST_BUCKETS))
    #: Requests dropped because their console has too many pending, or asks too often.
    dropped: int = 0

    def admit(self, console: Client, ids: int, now: float) -> bool:
        """Count a request with so many ids; return False if its console asks too often. Then look at none of them."""
        is_admitted = self._asked.take(console, now, max(min(ids, MAX_IDS), 1))
        self.dropped += not is_admitted
        return is_admitted

    def request(
        self, console: Client, wanted: Iterable[tuple[str, Client | None]], now: float, nonces: Iterable[int]
    ) -> list[Command]:
        """Take a console's request.

        Args:
            console: the console that asks.
            wanted: the ids (`askable`), and the client of each agent that can be pinged.
            now: seconds.
            nonces: random 64-bit numbers, as many as needed.
        """
        if sum(request.console is console for request in self._requests) >= MAX_REQUESTS:
            self.dropped += 1
            return []
        request = _Request(console, {}, now + ANSWER_SECONDS)
        fresh_nonce = iter(nonces)
        commands: list[Command] = []
        for client_id, client in list(wanted)[:MAX_IDS]:
            request.micros[client_id] = 0
            if client is None:
                continue
            agent = self._agents.get(client)
            if agent is None or agent.is_stale(now):
                # Requests that still wait for the ping before this one get the answer to this one.
                waiting = agent.requests if agent is not None else []
                agent = self._agents[client] = _Agent(next(fresh_nonce), now, requests=waiting)
                commands.append(SendPing(client, agent.nonce))
            if agent.micros is None:
                agent.requests.append(request)
                request.waits_for.add(client)
            else:
                request.micros[client_id] = agent.micros
        if request.waits_for:
            self._requests[request] = None
        else:
            commands.append(_report(request))
        return commands

    def answered(self, client: Client, nonce: int, now: float) -> list[Command]:
        """Take an agent's pong. No-op if its nonce is not that of the pending ping."""
        agent = self._agents.get(client)
        if agent is None or agent.nonce != nonce or agent.micros is not None:
            return []
        agent.micros = min(max(1, round((now - agent.pinged_at) * 1_000_000)), _MOST_MICROS)
        return self._tell(agent, client, agent.micros)

    def removed(self, client: Client) -> list[Command]:
        """Record that a client is gone: an agent will not answer, a console needs no report."""
        for request in [request for request in self._requests if request.console is client]:
            self._forget(request)
        agent = self._agents.pop(client, None)
        return self._tell(agent, client, 0) if agent is not None else []

    def tick(self, now: float) -> list[Command]:
        """Report late requests without the missing answers, and forget stale agents."""
        reports: list[Command] = []
        for request in [request for request in self._requests if request.until <= now]:
            self._forget(request)
            reports.append(_report(request))
        for client, agent in list(self._agents.items()):
            if not agent.requests and now - agent.pinged_at >= FRESH_SECONDS + ANSWER_SECONDS:
                del self._agents[client]
        return reports

    def _tell(self, agent: _Agent, client: Client, micros: int) -> list[Command]:
        reports: list[Command] = []
        requests, agent.requests = agent.requests, []
        for request in requests:
            request.micros[client.client_id] = micros
            request.waits_for.discard(client)
            if not request.waits_for:
                self._requests.pop(request, None)
                reports.append(_report(request))
        return reports

    def _forget(self, request: _Request) -> None:
        del self._requests[request]
        for client in request.waits_for:
            self._agents[client].requests.remove(request)


def _report(request: _Request) -> SendReport:
    rtts = [RttReport.Rtt(id=client_id, micros=micros) for client_id, micros in request.micros.items()]
    return SendReport(request.console, RttReport(rtts=rtts))
