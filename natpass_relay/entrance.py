"""Where connections come in: the lobby's decisions carried out, turn by turn of the event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from natpass_relay.connection import Connection
from natpass_relay.lobby import Lobby
from natpass_relay.lobby_room import NetworkStanding, Stage
from natpass_relay.network_counts import NetworkRank
from natpass_relay.remembered import day_of
from natpass_relay.sources import FORGIVEN, Offence, Source, source_of
from natpass_wire.errors import RemoteProtocolError

#: Connections that get their turn in one turn of the event loop: TLS takes some 0.4 ms each.
TURNS = 8
#: While connections still come in, those of bad networks get one turn in so many turns of the loop: whoever else is
#: waiting in the system's queue has to be let in first.
BAD_TURN = 4


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a relay.

    Attributes:
        monotonic: seconds of a monotonic clock.
        unix: seconds since 1970.
    """

    monotonic: Callable[[], float]
    unix: Callable[[], float]


class Entrance:
    """The connections of one relay that are not logged in, and where the logged-in ones came from.

    Args:
        clocks: the clocks.
        standing: how networks stand.
        random: returns numbers that are uniform in [0, 1).
        seconds: the time limit for a login.
        make_room: closes a connection at once, so that another one has its place.
    """

    def __init__(
        self,
        clocks: Clocks,
        standing: NetworkStanding,
        random: Callable[[], float],
        seconds: float,
        make_room: Callable[[Connection], None],
    ) -> None:
        self._clocks = clocks
        self._standing = standing
        self._make_room = make_room
        #: Connections from elsewhere; and those of this machine, whose addresses say nothing: neither pushes out the
        #: other.
        self.lobby: Lobby[Connection] = Lobby(standing, random, seconds)
        self.own_lobby: Lobby[Connection] = Lobby(standing, random, seconds, share=1)
        self._sources: dict[Connection, Source] = {}
        self._stages: dict[Connection, Stage] = {}
        self._begin: dict[Connection, Callable[[], None]] = {}
        self._turn = 0
        self._turns_left = self._bad_turns_left = TURNS
        self._is_due = self._has_new = False

    def __len__(self) -> int:
        return len(self._stages)

    def enter(self, connection: Connection, *, is_proxied: bool) -> None:
        """Take a new connection; `is_proxied` if it is a trusted proxy's."""
        source = self._sources[connection] = source_of(connection.host, is_proxied=is_proxied)
        self._stages[connection] = Stage.SILENT
        self._has_new = True
        self._go_on()
        self._put_out(self._lobby_of(connection).enter(connection, source, self._clocks.monotonic()))

    def relayed(self, connection: Connection) -> None:
        """Record that a proxy said who a connection is from."""
        if connection not in self._stages:
            return
        source = self._sources[connection] = source_of(connection.host, is_proxied=True)
        self._put_out(self.lobby.change_source(connection, source, self._clocks.monotonic()))

    def spoke(self, connection: Connection, begin: Callable[[], None]) -> None:
        """Take a connection's first bytes; `begin` is called when it is its turn, at once if there is nothing to do."""
        if self._stages.get(connection) is not Stage.SILENT:
            return
        self._stages[connection] = Stage.WAITING
        self._begin[connection] = begin
        self._lobby_of(connection).spoke(connection, self._clocks.monotonic())
        self._serve()

    def advance(self, connection: Connection, stage: Stage) -> None:
        """Record that a connection has got further."""
        if self._stages.get(connection, stage) is not stage:
            self._stages[connection] = stage
            self._lobby_of(connection).advance(connection, stage, self._clocks.monotonic())

    def logged_in(self, connection: Connection) -> None:
        """Record that a connection is a client's now."""
        if self.leave(connection):
            source = self._sources[connection]
            self._standing.penalties.add(source, -FORGIVEN, self._clocks.monotonic())
            self._standing.remembered.logged_in(source, day_of(self._clocks.unix()))

    def leave(self, connection: Connection) -> bool:
        """Let a connection go on elsewhere; return whether it was here."""
        if self._stages.pop(connection, None) is None:
            return False
        self._begin.pop(connection, None)
        self._lobby_of(connection).leave(connection, self._clocks.monotonic())
        if self.lobby.waiting or self.own_lobby.waiting:
            self._serve_soon()  # not now: it may be in the middle of the shared read buffers
        return True

    def blame(self, connection: Connection, offence: Offence) -> None:
        """Record that a connection that is not logged in did something wrong; what follows of it is not another."""
        source = self._sources[connection]
        now = self._clocks.monotonic()
        self._standing.penalties.add(source, offence.value, now)
        self._lobby_of(connection).look_again(source, now)
        self.advance(connection, Stage.LEAVING)

    def lost(self, connection: Connection, error: Exception | None, *, was_client: bool) -> None:
        """Record that a connection is gone."""
        stage = self._stages.get(connection)
        if stage not in {None, Stage.LEAVING, Stage.WAITING, Stage.PROVED}:  # who waits, waits for us
            if isinstance(error, RemoteProtocolError):
                self.blame(connection, Offence.REFUSED)
            else:
                self.blame(connection, Offence.BROKE_OFF if stage is Stage.GREETED else Offence.SILENT)
        self.leave(connection)
        source = self._sources.pop(connection, None)
        if was_client and source is not None:
            self._standing.remembered.logged_out(source)

    def source(self, connection: Connection) -> Source:
        """Return where a connection is from."""
        return self._sources[connection]

    def overdue(self) -> list[Connection]:
        """Return the connections that are here for too long; give their turn to those who wait for it."""
        now = self._clocks.monotonic()
        self._serve()
        return [*self.lobby.overdue(now), *self.own_lobby.overdue(now)]

    def stage(self, connection: Connection) -> Stage | None:
        """Return how far a connection has got, None if it is not here."""
        return self._stages.get(connection)

    def _lobby_of(self, connection: Connection) -> Lobby[Connection]:
        return self.own_lobby if self._sources[connection].is_exempt else self.lobby

    def _serve(self) -> None:
        """Give the next connections their turn, a few in each turn of the event loop."""
        for lobby, worst in (
            (self.own_lobby, NetworkRank.BAD),
            (self.lobby, NetworkRank.STRANGE),
            (self.lobby, NetworkRank.BAD),
        ):
            while self._turns_left and (
                worst is not NetworkRank.BAD or lobby is self.own_lobby or self._bad_turns_left
            ):
                connection, evicted = lobby.next(self._clocks.monotonic(), worst)
                if connection is None:
                    break
                self._turns_left -= 1
                self._bad_turns_left -= worst is NetworkRank.BAD and lobby is self.lobby
                self._stages[connection] = Stage.SPEAKING
                begin = self._begin.pop(connection)
                if evicted is not None:
                    if lobby.has_stalled(evicted, self._clocks.monotonic()):
                        self.blame(evicted, Offence.SILENT)
                    self._put_out(evicted)
                if evicted is not connection:
                    begin()
        self._go_on()

    def _go_on(self) -> None:
        """Count turns anew in the next turn of the event loop, unless those who wait, wait for a place at the desk."""
        has_begun = self._turns_left < TURNS or self._has_new
        if has_begun or (self.lobby.waiting and not self._bad_turns_left):
            self._serve_soon()

    def _serve_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._is_due = False
        self._turn += 1
        self._turns_left = TURNS
        self._bad_turns_left = (self._turn % BAD_TURN == 0) if self._has_new else TURNS
        self._has_new = False
        self._serve()

    def _put_out(self, connection: Connection | None) -> None:
        if connection is None:
            return
        self.leave(connection)
        self._make_room(connection)
