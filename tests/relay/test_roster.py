"""The relay's publisher and the console's mirror, back to back."""

from collections.abc import Mapping

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from natpass_relay.clients import Client, Role
from natpass_relay.roster import CHUNK_BYTES, LEGACY_VERSION, MOST_AWAY, Publisher, sanitised
from natpass_relay.sources import source_of
from natpass_wire.pb.roster_pb2 import About, Roster, RosterEntry
from natpass_wire.roster import RosterChanges, RosterMirror

HERE = source_of("192.0.2.7")


class Watching:
    """A console with its mirror and, like the console's session, a copy that lives on the mirror's changes alone."""

    def __init__(self, publisher: Publisher, name: str = "c") -> None:
        self.client = Client(name, Role.CONSOLE)
        self.publisher = publisher
        self.mirror = RosterMirror()
        self.shown: dict[str, RosterEntry] = {}
        self.messages: list[Roster] = []

    def pull(self, now: float, most: int = 10_000) -> None:
        for _ in range(most):
            message = self.publisher.next_message(self.client, now, 1234)
            if message is None:
                return
            assert message.ByteSize() < CHUNK_BYTES + 4096
            self.messages.append(message)
            self.show(self.mirror.receive(message))

    def show(self, changes: RosterChanges) -> None:
        assert not changes.gap
        for client_id in changes.left:
            del self.shown[client_id]
        self.shown.update((entry.id, entry) for entry in changes.changed)


def fleet(size: int) -> Publisher:
    publisher = Publisher()
    for number in range(size):
        publisher.joined(f"agent-{number:05}", number)
        publisher.described(f"agent-{number:05}", About(host=f"host-{number}", os="Debian 12 x86_64", user="root"))
    return publisher


def connected(entries: Mapping[str, RosterEntry]) -> list[str]:
    return sorted(client_id for client_id, entry in entries.items() if not entry.away_since_unix_ms)


def test_ten_thousand_agents_come_in_chunks_and_then_in_steps() -> None:
    publisher = fleet(10_000)
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    assert len(console.shown) == 10_000
    assert len(console.messages) > 10
    assert len({message.revision for message in console.messages}) == 1
    publisher.left("agent-00007", HERE, 5_000)
    publisher.publish(5.0)
    console.messages.clear()
    console.pull(5.0)
    (step,) = console.messages
    assert (list(step.left), list(step.present), step.now_unix_ms) == (["agent-00007"], [], 1234)
    assert len(connected(console.shown)) == 9_999


def test_ten_thousand_that_join_at_once_are_several_steps() -> None:
    publisher = Publisher()
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    for number in range(10_000):
        publisher.joined(f"agent-{number}", number)
    publisher.publish(1.0)
    console.pull(1.0)
    assert len(console.shown) == 10_000
    assert console.mirror.is_complete


def test_changes_go_out_once_a_second_and_only_what_differs() -> None:
    publisher = Publisher()
    console = Watching(publisher)
    publisher.joined("stays", 1)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    publisher.joined("comes and goes", 2)
    publisher.left("comes and goes", HERE, 5_000)
    publisher.left("stays", HERE, 5_000)
    publisher.joined("stays", 1)
    publisher.publish(0.9)
    publisher.publish(1.0)
    console.pull(1.0)
    (step,) = console.messages[1:]  # of all that has happened since the snapshot
    assert ([entry.id for entry in step.away], list(step.present)) == (["comes and goes"], [])
    publisher.joined("new", 3)
    publisher.publish(1.5)
    publisher.publish(2.5)
    publisher.joined("newer", 3)
    publisher.publish(3.0)
    console.pull(3.0)
    assert connected(console.shown) == ["new", "stays"]
    publisher.publish(3.5)
    console.pull(3.5)
    assert connected(console.shown) == ["new", "newer", "stays"]


def test_a_watcher_that_was_held_up_for_long_gets_a_fresh_snapshot() -> None:
    publisher = Publisher()
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    for second in range(1, 400):  # more steps than are kept
        publisher.joined(f"agent-{second}", second)
        publisher.publish(float(second))
    console.messages.clear()
    console.pull(400.0)
    assert console.messages[0].snapshot_begin
    assert len(console.shown) == 399


def test_a_watcher_that_asks_again_and_again_gets_one_snapshot_a_second() -> None:
    publisher = fleet(3)
    console = Watching(publisher)
    for _ in range(50):
        publisher.watch(console.client, 0.0)
        console.pull(0.0)
    assert len(console.messages) == 1
    console.pull(60.0)
    assert len(console.messages) == 2


def test_a_watcher_that_stops_in_between_gets_no_more_snapshots() -> None:
    publisher = fleet(10_000)
    console = Watching(publisher)
    for _ in range(50):
        publisher.watch(console.client, 0.0)
        console.pull(0.0)
        publisher.unwatch(console.client)
        assert list(publisher.watchers) == []
    assert sum(message.snapshot_begin for message in console.messages) == 1
    publisher.watch(console.client, 1.5)
    console.pull(1.5)  # a second is not enough for so many
    assert sum(message.snapshot_begin for message in console.messages) == 1
    console.pull(10.0)
    assert sum(message.snapshot_begin for message in console.messages) == 2
    publisher.gone(console.client)
    publisher.gone(console.client)
    assert not publisher._watchers


def test_a_hundred_that_change_all_the_time_cost_consoles_little_and_delay_only_themselves() -> None:
    """They pushed 2.1 Mbit/s to each console."""
    publisher = fleet(500)
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    console.messages.clear()
    long = "\U0001f4a9" * 64
    sent = []
    for second in range(1, 151):
        for number in range(100):
            about = About(host=f"{second}{long}", os=long, user=long, version=long, serves=[long] * 16)
            publisher.described(f"agent-{number:05}", about)
        if second % 50 == 0:
            publisher.joined(f"honest-{second}", second)
            publisher.described("agent-00300", About(host=f"new {second}"))
        publisher.publish(float(second))
        console.pull(float(second))
        latest = second // 50 * 50
        assert console.shown["agent-00300"].about.host == (f"new {latest}" if latest else "host-300")
        assert (f"honest-{latest}" in console.shown) == (latest > 0)
        sent.append(sum(message.ByteSize() for message in console.messages))
    assert sent[-1] < 3 * 1024 * 1024 + 150 * 16 * 1024
    assert sent[-1] - sent[-21] < 20 * 20 * 1024
    publisher.publish(2000.0)  # they rest: all is told
    console.pull(2000.0)
    assert all(entry.about.host.startswith("150") for name, entry in console.shown.items() if name < "agent-00100")


def test_ids_that_are_always_new_do_not_delay_the_others() -> None:
    """Whoever can log in can come under a new id each time."""
    publisher = fleet(100)
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    number = 0
    for second in range(1, 31):
        for _ in range(500):
            number += 1
            publisher.joined(f"flood-{number}", number)
            publisher.described(f"flood-{number}", About(host="h" * 64, os="o" * 64, user="u" * 64))
            publisher.left(f"flood-{number}", HERE, number)
        if second % 10 == 0:
            publisher.left(f"agent-{second:05}", HERE, second)
        publisher.publish(float(second))
        console.pull(float(second))
        if second >= 10:
            entry = console.shown.get(f"agent-{second // 10 * 10:05}")  # soon forgotten, as one of many that left
            assert entry is None or entry.away_since_unix_ms
    assert len(publisher._touched) <= MOST_AWAY + 500
    assert len(publisher._published_at) <= 100 + MOST_AWAY + 500


def test_a_fleet_that_leaves_and_comes_back_is_told_at_once() -> None:
    publisher = Publisher(most_away=10_000)
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    for number in range(10_000):
        publisher.joined(f"agent-{number:05}", number)
        publisher.described(f"agent-{number:05}", About(host=f"host-{number}", os="Debian 12 x86_64", user="root"))
    publisher.publish(1.0)
    console.pull(1.0)
    assert len(connected(console.shown)) == 10_000


def test_who_begins_to_watch_is_told_of_the_agents_as_they_are_now() -> None:
    publisher = Publisher(most_away=1)
    first, second = Watching(publisher, "first"), Watching(publisher, "second")
    publisher.joined("old", 1)
    publisher.joined("a console", 1, LEGACY_VERSION)
    publisher.watch(first.client, 0.0)
    first.pull(0.0)
    publisher.joined("new", 2)  # within the second
    publisher.left("old", HERE, 3)
    publisher.watch(second.client, 0.1)
    second.pull(0.1)
    assert connected(second.shown) == ["a console", "new"]
    assert second.shown["old"].away_since_unix_ms == 3
    assert connected(first.shown) == ["a console", "old"]
    publisher.left("new", HERE, 4)  # it comes and goes, but one was told of it, and "old" is forgotten
    publisher.publish(1.0)
    for console in (first, second):
        console.pull(1.0)
        assert connected(console.shown) == ["a console"]
        assert set(console.shown) == {"a console", "new"}


def test_who_was_told_of_an_agent_that_was_another_for_a_moment_is_told_again() -> None:
    publisher = Publisher()
    console = Watching(publisher)
    publisher.joined("box", 1)
    publisher.publish(0.0)
    publisher.joined("box", 2)
    publisher.watch(console.client, 0.1)
    console.pull(0.1)
    assert console.shown["box"].connected_unix_ms == 2
    publisher.joined("box", 1)  # the entry that was published, again
    publisher.publish(1.0)
    console.pull(1.0)
    assert console.shown["box"].connected_unix_ms == 1


def test_who_does_not_watch_gets_nothing() -> None:
    publisher = fleet(3)
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    publisher.unwatch(console.client)
    publisher.unwatch(console.client)
    console.pull(0.0)
    assert console.messages == []


def test_a_replaced_agent_is_a_change() -> None:
    publisher = Publisher()
    console = Watching(publisher)
    publisher.joined("a", 1)
    publisher.described("a", About(host="h"))
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    publisher.left("a", HERE, 5_000)
    publisher.joined("a", 2)
    publisher.publish(1.0)
    console.pull(1.0)
    assert list(console.messages[-1].left) == []
    assert (console.shown["a"].connected_unix_ms, console.shown["a"].about.host) == (2, "")
    assert console.shown["a"].away_since_unix_ms == 0


def test_an_agent_that_left_is_away_with_what_it_said_of_itself_until_it_is_back() -> None:
    publisher = Publisher()
    early, late = Watching(publisher), Watching(publisher, "late")
    publisher.joined("a", 1)
    publisher.described("a", About(host="h"))
    publisher.watch(early.client, 0.0)
    early.pull(0.0)
    publisher.left("a", HERE, 7_000)
    publisher.left("a", HERE, 8_000)
    publisher.publish(1.0)
    publisher.watch(late.client, 1.0)
    for console in (early, late):
        console.pull(1.0)
        entry = console.shown["a"]
        assert (entry.away_since_unix_ms, entry.connected_unix_ms, entry.about.host) == (7_000, 0, "h")
    assert len(publisher) == 0
    publisher.joined("a", 9_000)
    publisher.publish(2.0)
    for console in (early, late):
        console.pull(2.0)
        assert (console.shown["a"].away_since_unix_ms, console.shown["a"].connected_unix_ms) == (0, 9_000)


def test_a_console_that_knows_of_no_away_agents_sees_them_leave() -> None:
    """The wire as it was: `present` are connected, `left` are not."""
    publisher = fleet(2)
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    publisher.left("agent-00001", HERE, 5_000)
    publisher.publish(1.0)
    console.pull(1.0)
    publisher.watch(console.client, 2.0)
    console.pull(2.0)
    first, step, again = console.messages
    assert [entry.id for entry in first.present] == ["agent-00000", "agent-00001"]
    assert (list(step.left), list(step.present)) == (["agent-00001"], [])
    assert [entry.id for entry in again.present] == ["agent-00000"]


def test_of_agents_that_left_the_last_are_remembered_and_consoles_are_told_who_is_forgotten() -> None:
    publisher = fleet(10_000)
    console = Watching(publisher)
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    for number in range(10_000):  # in the order of their names
        publisher.left(f"agent-{number:05}", HERE, number)
    publisher.publish(1.0)
    console.pull(1.0)
    assert sorted(console.shown) == [f"agent-{number:05}" for number in range(10_000 - MOST_AWAY, 10_000)]
    publisher.joined("agent-09000", 1)  # it is away no longer, so there is room for another one
    publisher.left("agent-09000", HERE, 20_000)
    publisher.joined("new", 1)
    publisher.left("new", HERE, 20_001)
    publisher.publish(2.0)
    console.pull(2.0)
    assert len(console.shown) == MOST_AWAY
    assert "agent-08976" not in console.shown
    assert {"agent-09000", "new"} <= set(console.shown)


def test_an_agent_that_has_not_described_itself_is_not_taken_for_one_that_speaks_no_streams() -> None:
    publisher = Publisher()
    console = Watching(publisher)
    publisher.joined("new", 1)
    publisher.joined("old", 1, "legacy")
    publisher.watch(console.client, 0.0)
    console.pull(0.0)
    assert {name: entry.HasField("about") for name, entry in console.shown.items()} == {"new": False, "old": True}


def test_what_an_agent_says_of_itself_is_made_safe_and_short() -> None:
    about = sanitised(About(host="a\x1b[31m\n\u202e" + "x" * 1000, os="é", serves=["shell"] * 100))
    assert len(about.host) == 64
    assert about.host.isprintable()
    assert (about.os, len(about.serves)) == ("é", 16)
    long = sanitised(About(host="\U0001f4a9" * 64, serves=["\U0001f4a9" * 64] * 100))
    assert long.host == "\U0001f4a9" * 32
    assert long.ByteSize() < 1000


def test_nobody_describes_an_absent_agent() -> None:
    publisher = Publisher()
    publisher.described("ghost", About(host="h"))
    assert len(publisher) == 0


def test_an_existing_program_is_a_console_once_it_has_opened_a_link_and_an_agent_once_it_has_served_one() -> None:
    publisher = Publisher(most_away=2)
    watching = Watching(publisher)
    publisher.watch(watching.client, 0.0)
    publisher.joined("old", 1, LEGACY_VERSION)
    publisher.joined("ours", 1)
    watching.pull(0.0)
    seconds = iter(range(1, 100))

    def consoles() -> list[str]:
        publisher.publish(now := float(next(seconds)))
        watching.pull(now)
        return [client_id for client_id, entry in watching.shown.items() if entry.console]

    assert consoles() == []
    publisher.acted("old", HERE, serves=False)
    assert consoles() == ["old"]
    assert watching.shown["old"].about.version == LEGACY_VERSION
    publisher.left("old", HERE, 5)
    assert consoles() == []
    assert "old" not in watching.shown  # a browser that was closed is not away
    publisher.joined("old", 6, LEGACY_VERSION)
    assert consoles() == ["old"]  # it is remembered
    publisher.acted("old", HERE, serves=True)
    publisher.acted("old", HERE, serves=False)
    assert consoles() == []
    publisher.left("old", HERE, 7)
    assert consoles() == []
    assert watching.shown["old"].away_since_unix_ms == 7
    publisher.acted("ours", HERE, serves=False)  # somebody else had the id before
    assert consoles() == []
    for number in range(5):
        publisher.acted(f"other-{number}", HERE, serves=False)
    assert len(publisher._serves) == 2


class PublisherAndMirrors(RuleBasedStateMachine):
    """Agents come, change and go; consoles pull as fast or slow as they like. In the end all agree."""

    def __init__(self) -> None:
        super().__init__()
        self.publisher = Publisher(most_away=3)
        self.away: dict[str, RosterEntry] = {}
        self.now = 0.0
        self.count = 0
        self.truth: dict[str, RosterEntry] = {}
        self.consoles = [Watching(self.publisher, "c1"), Watching(self.publisher, "c2")]

    @initialize()
    def first_watches(self) -> None:
        self.publisher.watch(self.consoles[0].client, self.now)

    @rule(client_id=st.sampled_from("abcdefgh"), host=st.sampled_from(["", "x" * 64]))
    def join(self, client_id: str, host: str) -> None:
        self.count += 1
        self.publisher.joined(client_id, self.count)
        self.publisher.described(client_id, About(host=host))
        self.truth[client_id] = RosterEntry(id=client_id, connected_unix_ms=self.count, about=About(host=host))
        self.away.pop(client_id, None)

    @rule(client_id=st.sampled_from("abcdefgh"))
    def leave(self, client_id: str) -> None:
        self.count += 1
        self.publisher.left(client_id, HERE, self.count)
        if (entry := self.truth.pop(client_id, None)) is not None:
            self.away[client_id] = RosterEntry(id=client_id, away_since_unix_ms=self.count, about=entry.about)
            if len(self.away) > 3:
                del self.away[next(iter(self.away))]

    @rule(passed=st.sampled_from([0.1, 0.5, 1.0, 3.0]))
    def time_passes(self, passed: float) -> None:
        self.now += passed
        self.publisher.publish(self.now)

    @rule(which=st.integers(0, 1), most=st.integers(0, 3))
    def pull(self, which: int, most: int) -> None:
        self.consoles[which].pull(self.now, most)

    @rule(which=st.integers(0, 1))
    def watch(self, which: int) -> None:
        self.publisher.watch(self.consoles[which].client, self.now)

    @invariant()
    def all_agree_once_they_have_pulled(self) -> None:
        for console in self.consoles:
            assert dict(console.mirror.entries) == console.shown

    def teardown(self) -> None:
        self.time_passes(2.0)
        for console in self.consoles:
            if console.client in self.publisher.watchers:
                console.pull(self.now)
                assert console.shown == self.away | self.truth
        super().teardown()


TestPublisherAndMirrors = PublisherAndMirrors.TestCase
TestPublisherAndMirrors.settings = settings(max_examples=200)
