"""Who waits, who is served and who has to go before the login."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.lobby import Lobby
from natpass_relay.lobby_room import PATIENCE_SECONDS, SHARE, STALLED_SECONDS, NetworkStanding, Stage
from natpass_relay.network_counts import Bag, NetworkCounts, NetworkRank
from natpass_relay.sources import MIN_PENALTY, Source, source_of

#: Two addresses, and three /64 of which two are of one /48; the last one has logged in before.
HOSTS = ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1:1::1", "198.51.100.9")
QUEUE, DESK = 8, 4


def never() -> float:
    """Choose the first, and drop nobody early."""
    return 0.999


def full_lobby(
    queue: int = QUEUE, desk: int = DESK, rng: Callable[[], float] = never, standing: NetworkStanding | None = None
) -> Lobby[str]:
    return Lobby(standing or NetworkStanding(), rng, queue=queue, desk=desk)


@dataclass
class Model:
    """The same visitors, without any index."""

    standing: NetworkStanding
    rooms: dict[str, dict[str, tuple[Source, Stage]]] = field(default_factory=lambda: {"queue": {}, "desk": {}})
    steps: dict[str, float] = field(default_factory=dict)  # when they last got further

    def check(self, victim: str | None, room: str, most: int, now: float) -> None:
        """Check that the right one has to go."""
        here = self.rooms[room]
        if victim is None:
            assert len(here) <= most
            return
        source, stage = here[victim]

        def key(level: str, name: str) -> tuple[int, int]:
            count = sum(getattr(other, level) == name for other, _ in here.values())
            return self.standing.rank(name, count, now, max(1, most // SHARE)), count

        worst = max(key("wide", other.wide) for other, _ in here.values())
        assert key("wide", source.wide) == worst  # nobody goes while there is a worse one
        assert len(here) > most or worst[0] == NetworkRank.BAD  # and early, only the bad
        neighbours = [other for other, _ in here.values() if other.wide == source.wide]
        assert key("narrow", source.narrow) == max(key("narrow", other.narrow) for other in neighbours)
        behind = [who for who, (other, s) in here.items() if other.narrow == source.narrow and s < stage]
        assert all(now - self.steps[who] < PATIENCE_SECONDS for who in behind[:1]) or len(behind) > 1
        assert now - self.steps[victim] >= PATIENCE_SECONDS or not behind


STEPS = ("enter", "spoke", "serve", "advance", "leave", "blame", "forgive", "wait")


class Driver:
    """Lets visitors come, go on and go, in a lobby and in the model."""

    def __init__(self, rng: Callable[[], float]) -> None:
        self.standing = NetworkStanding()
        self.standing.remembered.logged_in(source_of(HOSTS[-1]), 1)
        self.model = Model(self.standing)
        self.lobby: Lobby[str] = Lobby(self.standing, rng, queue=QUEUE, desk=DESK)
        self.queue, self.desk = self.model.rooms["queue"], self.model.rooms["desk"]
        self.now, self.count = 0.0, 0
        self.steps = self.model.steps

    def remove(self, who: str | None) -> None:
        if who is not None:
            self.lobby.leave(who, self.now)
            self.queue.pop(who, None)
            self.desk.pop(who, None)

    def enter(self, number: int) -> None:
        self.count += 1
        who, source = f"v{self.count}", source_of(HOSTS[number % len(HOSTS)])
        self.queue[who] = (source, Stage.SILENT)
        self.steps[who] = self.now
        victim = self.lobby.enter(who, source, self.now)
        self.model.check(victim, "queue", QUEUE, self.now)
        self.remove(victim)

    def spoke(self, number: int) -> None:
        silent = [who for who, (_, stage) in self.queue.items() if stage is Stage.SILENT]
        if silent:
            who = silent[number % len(silent)]
            self.queue[who] = (self.queue[who][0], Stage.WAITING)
            self.steps[who] = self.now
            self.lobby.spoke(who, self.now)

    def serve(self, number: int) -> None:
        waiting = [who for who, (_, stage) in self.queue.items() if stage is Stage.WAITING]
        who, victim = self.lobby.next(self.now)
        if who is None:
            assert not waiting or len(self.desk) == DESK
            return
        assert who in waiting
        self.desk[who] = (self.queue.pop(who)[0], Stage.SPEAKING)
        self.steps[who] = self.now
        assert victim is None or self.now - self.steps[victim] >= PATIENCE_SECONDS
        if victim is None or self.now - self.steps[victim] < STALLED_SECONDS:
            self.model.check(victim, "desk", DESK, self.now)
        self.remove(victim)

    def advance(self, number: int) -> None:
        if self.desk:
            who = list(self.desk)[number % len(self.desk)]
            stage = Stage(min(self.desk[who][1] + 1, Stage.PROVED))
            self.desk[who] = (self.desk[who][0], stage)
            self.steps[who] = self.now
            self.lobby.advance(who, stage, self.now)

    def leave(self, number: int) -> None:
        everybody = [*self.queue, *self.desk]
        self.remove(everybody[number % len(everybody)] if everybody else None)

    def blame(self, number: int, seconds: float = 20.0) -> None:
        source = source_of(HOSTS[number % len(HOSTS)])
        self.standing.penalties.add(source, seconds, self.now)
        self.lobby.look_again(source, self.now)

    def forgive(self, number: int) -> None:
        self.blame(number, -20.0)

    def wait(self, number: int) -> None:
        self.now += number % 7 / 10


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers()), max_size=120), st.randoms(use_true_random=False))
def test_nobody_goes_while_there_is_a_worse_one(steps: list[tuple[str, int]], rng: random.Random) -> None:
    driver = Driver(rng.random)
    for what, number in steps:
        getattr(driver, what)(number)
        assert len(driver.lobby) == len(driver.queue) + len(driver.desk)
    for who in [*driver.queue, *driver.desk]:
        driver.remove(who)
    rooms = (driver.lobby._queue, driver.lobby._desk)
    assert not any(vars(room)[name] for room in rooms for name in ("_stays", "_members", "_parts"))


def test_a_flood_from_elsewhere_takes_no_place_of_those_who_behave() -> None:
    lobby = full_lobby(queue=64)
    assert lobby.enter("honest", source_of("198.51.100.1"), 0.0) is None
    for number in range(10_000):
        evicted = lobby.enter(f"flood {number}", source_of(f"192.0.2.{number % 8}"), 0.0)
        assert evicted != "honest"
        if evicted is not None:
            lobby.leave(evicted, 0.0)
    assert len(lobby) == 64


def test_ever_new_addresses_of_one_network_are_one_network() -> None:
    lobby = full_lobby(queue=64)
    lobby.enter("honest", source_of("2001:db8:2::1"), 0.0)
    for number in range(1000):
        evicted = lobby.enter(f"flood {number}", source_of(f"2001:db8:1:{number:x}::1"), 0.0)
        assert evicted != "honest"
        if evicted is not None:
            lobby.leave(evicted, 0.0)


def test_who_has_spoken_is_not_pushed_out_by_silent_ones_of_the_same_address() -> None:
    lobby = full_lobby(queue=16)
    here = source_of("192.0.2.1")
    lobby.enter("honest", here, 0.0)
    lobby.spoke("honest", 0.0)
    for number in range(1000):
        evicted = lobby.enter(f"flood {number}", here, 0.0)
        assert evicted != "honest"
        if evicted is not None:
            lobby.leave(evicted, 0.0)
    assert lobby.next(0.0)[0] == "honest"


def test_who_has_only_just_come_is_spared_while_others_wait() -> None:
    """A flood that speaks must not push out whoever has not been read yet."""
    lobby = full_lobby(queue=16)
    here = source_of("192.0.2.1")
    for number in range(16):
        lobby.enter(f"flood {number}", here, 0.0)
        lobby.spoke(f"flood {number}", 0.0)
    assert str(lobby.enter("honest", here, 1.0)).startswith("flood")


def test_behind_the_same_address_the_silent_have_a_fair_chance() -> None:
    """A flood of as many as half the places pushes out at most about one honest newcomer in three, by chance."""
    rng = random.Random(1)
    most, survived, trials = 64, 0, 400
    here = source_of("192.0.2.1")
    lobby = full_lobby(queue=most, rng=rng.random)
    count = 0

    def arrive(who: str) -> str | None:
        evicted = lobby.enter(who, here, 0.0)
        if evicted is not None:
            lobby.leave(evicted, 0.0)
        return evicted

    for trial in range(trials):
        evicted = {arrive(f"honest {trial}")}
        for _ in range(most // 2):
            count += 1
            evicted.add(arrive(f"flood {count}"))
        survived += f"honest {trial}" not in evicted
        lobby.leave(f"honest {trial}", 0.0)
    assert survived / trials > (1 - 1 / most) ** (most // 2 + 1) - 0.07  # 0.53 of the expected 0.60


def test_who_is_known_goes_last_and_those_who_did_wrong_go_first() -> None:
    standing = NetworkStanding()
    known, strange, bad = (source_of(host) for host in ("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    for _ in range(20):
        standing.remembered.logged_in(known, 1)
    standing.penalties.add(bad, MIN_PENALTY, 0.0)
    lobby = full_lobby(queue=20, standing=standing)
    for number in range(20):
        lobby.enter(f"known {number}", known, 0.0)  # far more than a strange network's share
    assert lobby.enter("bad", bad, 0.0) == "bad"
    lobby.leave("bad", 0.0)
    assert lobby.enter("strange", strange, 0.0) == "strange"
    lobby.leave("strange", 0.0)
    assert str(lobby.enter("one more", known, 0.0)).startswith(("known", "one"))


def test_a_penalty_ends() -> None:
    standing = NetworkStanding()
    lobby = full_lobby(queue=4, standing=standing)
    here, there = source_of("192.0.2.1"), source_of("192.0.2.2")
    for number in range(2):
        lobby.enter(f"here {number}", here, 0.0)
        lobby.enter(f"there {number}", there, 0.0)
    standing.penalties.add(here, MIN_PENALTY + 1, 0.0)
    lobby.look_again(here, 0.0)
    other = source_of("192.0.2.3")
    assert str(lobby.enter("other", other, 0.0)).startswith("here")
    lobby.leave("other", 0.0)
    lobby.enter("there 2", there, 5.0)
    lobby.leave("here 0", 5.0)
    lobby.leave("here 1", 5.0)
    lobby.enter("here 2", here, 5.0)
    assert str(lobby.enter("other", other, 5.0)).startswith("there")


def test_early_only_the_bad_lose_anybody() -> None:
    lobby = full_lobby(queue=80, rng=lambda: 0.0)  # drops whenever it may
    share = 80 // SHARE
    sources = [source_of(f"192.0.2.{number}") for number in range(8)]
    assert {lobby.enter(f"{n} {m}", s, 0.0) for n, s in enumerate(sources) for m in range(share)} == {None}
    assert str(lobby.enter("too many", sources[0], 0.0)).startswith(("0 ", "too many"))


def at_the_desk(lobby: Lobby[str], who: str, host: str, now: float) -> str | None:
    lobby.enter(who, source_of(host), now)
    lobby.spoke(who, now)
    found, evicted = lobby.next(now)
    assert found == who
    return evicted


def test_while_all_places_are_taken_by_those_who_go_on_the_others_wait() -> None:
    lobby = full_lobby()
    for number in range(DESK):
        assert at_the_desk(lobby, f"busy {number}", f"192.0.2.{number}", 0.0) is None
    lobby.enter("waits", source_of("192.0.2.9"), 0.0)
    lobby.spoke("waits", 0.0)
    assert lobby.next(STALLED_SECONDS / 2) == (None, None)
    lobby.advance("busy 0", Stage.GREETED, STALLED_SECONDS / 2)
    assert lobby.next(STALLED_SECONDS) == ("waits", "busy 1")  # who has not gone on for that long makes room
    lobby.leave("busy 1", STALLED_SECONDS)


def test_who_goes_on_at_the_desk_makes_no_room_whoever_comes() -> None:
    for rng in (lambda: 0.0, never):
        lobby = full_lobby(rng=rng)
        for number in range(DESK):
            assert at_the_desk(lobby, f"busy {number}", f"192.0.2.{number}", 0.0) is None
        lobby.enter("waits", source_of("192.0.2.9"), 0.0)
        lobby.spoke("waits", 0.0)
        assert lobby.next(STALLED_SECONDS - 0.01) == (None, None)


def test_where_addresses_say_nothing_no_crowd_is_bad() -> None:
    lobby: Lobby[str] = Lobby(NetworkStanding(), lambda: 0.0, queue=80, desk=80, share=1)
    evicted = [at_the_desk(lobby, str(number), "127.0.0.1", float(number)) for number in range(80)]
    assert set(evicted) == {None}


def test_for_another_of_the_same_network_only_those_go_that_stall() -> None:
    """Else a thousand clients behind one address push each other out for ever, after the costly half of a login."""
    here, there = "192.0.2.1", "192.0.2.2"
    for penalty, host, leaves_at in (
        (0, here, STALLED_SECONDS),
        (20, here, PATIENCE_SECONDS),
        (0, there, PATIENCE_SECONDS),
    ):
        lobby = full_lobby(rng=lambda: 0.0)
        for number in range(DESK):
            at_the_desk(lobby, f"busy {number}", here, 0.0)
        lobby._standing.penalties.add(source_of(here), penalty, 0.0)
        lobby.enter("next", source_of(host), 0.0)
        lobby.spoke("next", 0.0)
        assert lobby.next(leaves_at - 0.01) == (None, None)
        who, evicted = lobby.next(leaves_at)
        assert (who, str(evicted)[:4]) == ("next", "busy")


def test_the_well_behaved_are_served_first_and_networks_in_turn() -> None:
    standing = NetworkStanding()
    standing.remembered.logged_in(source_of("192.0.2.1"), 1)
    standing.penalties.add(source_of("192.0.2.4"), 60.0, 0.0)
    lobby = full_lobby(queue=40, desk=40, standing=standing)
    hosts = {"k": "192.0.2.1", "a": "192.0.2.2", "b": "192.0.2.3", "z": "192.0.2.4"}
    for who in ("z1", "a1", "a2", "a3", "b1", "k1"):
        lobby.enter(who, source_of(hosts[who[0]]), 0.0)
        lobby.spoke(who, 0.0)
    order = [lobby.next(0.0, NetworkRank.STRANGE)[0] for _ in range(6)]
    assert [str(who)[0] for who in order[:3]] in (["k", "a", "b"], ["k", "b", "a"])
    assert order[5] is None  # the bad one is not meant
    assert lobby.next(0.0) == ("z1", None)


def test_visitors_have_ten_seconds() -> None:
    lobby = full_lobby()
    lobby.enter("one", source_of("192.0.2.1"), 0.0)
    lobby.enter("two", source_of("192.0.2.1"), 5.0)
    assert lobby.overdue(9.9) == []
    assert lobby.overdue(10.0) == ["one"]


def test_who_comes_through_a_proxy_counts_for_its_own_network() -> None:
    lobby = full_lobby(queue=5)
    proxy = source_of("127.0.0.1", is_proxied=True)
    for number in range(4):
        lobby.enter(str(number), proxy, 0.0)
        assert lobby.change_source(str(number), source_of(f"192.0.2.{min(number, 1)}"), 0.0) is None
    evicted = lobby.enter("honest", proxy, 1.0)
    assert evicted in {"1", "2", "3"}


@given(st.lists(st.integers(0, 9)), st.floats(0, 1, exclude_max=True))
def test_a_bag(numbers: list[int], where: float) -> None:
    bag: Bag[int] = Bag()
    model: set[int] = set()
    for number in numbers:
        if number in model:
            bag.remove(number)
            model.remove(number)
        else:
            bag.add(number)
            model.add(number)
        assert len(bag) == len(model)
        assert not model or bag.pick(where) in model


def test_who_stands_worse_than_before_is_found_when_it_is_told() -> None:
    ranks = {"a": NetworkRank.STRANGE, "b": NetworkRank.STRANGE}
    counts = NetworkCounts(lambda name, count, now: ranks[name], never)
    assert counts.worst(0.0) is None
    counts.change("a", 3, 0.0)
    counts.change("b", 1, 0.0)
    assert counts.worst(0.0) == ("a", NetworkRank.STRANGE)
    ranks["b"] = NetworkRank.BAD
    counts.change("b", 0, 0.0)
    assert counts.worst(0.0) == ("b", NetworkRank.BAD)
    ranks["b"] = NetworkRank.KNOWN
    assert counts.worst(0.0) == ("a", NetworkRank.STRANGE)
