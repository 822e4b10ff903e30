"""What waits for one receiver: order, fairness, accounts, and what is ended when it is too much."""

from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from natpass_relay.backlog import ITEM_BYTES, JOINED_BYTES, Backlog, MemoryAccount

SENDERS = "abc"
MOST = 400_000


def a_backlog(most: int = MOST, process: int = 1 << 30) -> Backlog[str, str]:
    return Backlog(MemoryAccount(process), "me", most)


def all_of(backlog: Backlog[str, str], at_once: int = 1) -> bytes:
    found = b""
    while backlog:
        found += backlog.take(at_once)[0]
    return found


class BacklogMachine(RuleBasedStateMachine):
    """A backlog beside a plain model: for each sender the frames in order, each with its link."""

    @initialize()
    def begin(self) -> None:
        self.account: MemoryAccount[str, str] = MemoryAccount(1 << 30)
        self.backlog: Backlog[str, str] = Backlog(self.account, "a", MOST)
        self.model: dict[str, deque[tuple[str | None, bytes]]] = {sender: deque() for sender in SENDERS}
        self.count = 0

    def frame(self, sender: str, size: int) -> bytes:
        """Return a frame that tells its sender, its number, and where it ends."""
        self.count += 1
        return f"{sender}{self.count}:".encode().ljust(max(size, 9), b".") + b";"

    @rule(sender=st.sampled_from(SENDERS), link=st.sampled_from("xyz"), size=st.integers(9, 3 * JOINED_BYTES))
    def data(self, sender: str, link: str, size: int) -> None:
        frame = self.frame(sender, size)
        self.model[sender].append((sender + link, frame))
        waiting = self.backlog.put_data(sender, sender + link, frame)
        assert waiting == sum(len(f) for name, f in self.model[sender] if name == sender + link)

    @rule(sender=st.sampled_from(SENDERS), payer=st.sampled_from(SENDERS), size=st.integers(9, 500))
    def control(self, sender: str, payer: str, size: int) -> None:
        frame = self.frame(sender, size)
        self.model[sender].append((None, frame))
        self.backlog.put_control(sender, frame, ((payer, len(frame)),))

    @rule(most=st.integers(1, 5 * JOINED_BYTES))
    def take(self, most: int) -> None:
        before = {name for queue in self.model.values() for name, _ in queue if name}
        data, drained = self.backlog.take(most)
        assert bool(data) == any(self.model.values())
        for frame in data.split(b";")[:-1]:  # each sender's frames come in the order in which it sent them
            assert self.model[chr(frame[0])].popleft()[1] == frame + b";"
        after = {name for queue in self.model.values() for name, _ in queue if name}
        assert set(drained) == before - after

    @rule(sender=st.sampled_from(SENDERS), link=st.sampled_from("xyz"))
    def drop(self, sender: str, link: str) -> None:
        gone = [frame for name, frame in self.model[sender] if name == sender + link]
        self.model[sender] = deque(each for each in self.model[sender] if each[0] != sender + link)
        assert self.backlog.drop(sender + link) == sum(map(len, gone))

    @rule()
    def end_what_is_too_much(self) -> None:
        for link in self.backlog.excess():
            self.drop(link[0], link[1])
        weights = Counter({sender: self.backlog.weight_of(sender) for sender in SENDERS})
        controls = sum(name is None for queue in self.model.values() for name, _ in queue)
        assert not self.backlog.is_over or sum(weights.values()) <= controls * (500 + ITEM_BYTES) + MOST

    @invariant()
    def accounts_are_exact(self) -> None:
        if not hasattr(self, "backlog"):
            return
        frames = [frame for queue in self.model.values() for _, frame in queue]
        assert self.backlog.size == sum(map(len, frames))
        assert self.account.weight == self.backlog.weight
        assert self.backlog.size <= self.backlog.weight <= self.backlog.size + ITEM_BYTES * len(frames)
        for sender in SENDERS:
            assert self.backlog.waits_from(sender) == bool(self.model[sender])
            for link in "xyz":
                waiting = sum(len(frame) for name, frame in self.model[sender] if name == sender + link)
                assert self.backlog.waiting_on(sender + link) == waiting

    def teardown(self) -> None:
        if hasattr(self, "backlog"):
            self.backlog.close()
            assert self.account.weight == 0
            assert not any(self.account.charged(sender) for sender in SENDERS)
            assert not self.account.backlogs


TestBacklog = BacklogMachine.TestCase


def test_senders_take_turns_by_bytes_and_not_by_frames() -> None:
    backlog = a_backlog(1 << 30)
    for _ in range(100):
        backlog.put_control("small", b"s" * 100)
        backlog.put_control("large", b"L" * 10_000)
    for _ in range(100):
        backlog.put_control("small", b"s" * 100)
    taken = backlog.take(50_000)[0]
    # As long as both wait they get the same, up to one frame.
    assert taken.count(b"s") == 20_000 or abs(taken.count(b"s") - taken.count(b"L")) <= 10_000


def test_who_comes_back_goes_before_a_flood_but_has_no_credit_from_its_pause() -> None:
    backlog = a_backlog(1 << 30)
    for _ in range(100):
        backlog.put_control("flood", b"f" * 1000)
    backlog.take(30_000)
    for _ in range(100):
        backlog.put_control("key", b"k" * 1000)
    assert backlog.take(2000)[0].startswith((b"k", b"f" * 1000 + b"k"))
    taken = backlog.take(60_000)[0]
    assert abs(taken.count(b"k") - taken.count(b"f")) <= 2000


@given(st.lists(st.tuples(st.sampled_from(SENDERS), st.integers(1, 5000)), min_size=1, max_size=60))
def test_no_sender_gets_more_than_its_share_while_others_wait(frames: list[tuple[str, int]]) -> None:
    backlog = a_backlog(1 << 30)
    total: Counter[str] = Counter()
    for sender, size in frames:
        backlog.put_control(sender, sender.encode() * size)
        total[sender] += size
    got: Counter[str] = Counter()
    while backlog:
        piece = backlog.take(1)[0]
        got[chr(piece[0])] += len(piece)
        waiting = [sender for sender in total if got[sender] < total[sender]]
        assert all(got[other] - got[sender] <= 2 * 5000 for sender in waiting for other in got)


def test_small_frames_of_one_link_in_a_row_are_joined_and_weigh_little() -> None:
    backlog = a_backlog(1 << 30)
    for _ in range(10_000):
        backlog.put_data("a", "x", b"f" * 40)
    assert backlog.size == 400_000
    assert backlog.weight - backlog.size <= ITEM_BYTES * (400_000 // (JOINED_BYTES - 40) + 1)


def test_dropped_data_leaves_nothing_behind_though_nobody_takes_anything() -> None:
    backlog = a_backlog(1 << 30)
    backlog.put_control("a", b"first")
    for number in range(1000):
        backlog.put_data("a", f"link {number}", b"data")
        assert backlog.drop(f"link {number}") == 4
    assert len(backlog._queues["a"].items) < 10
    assert all_of(backlog) == b"first"


def test_over_its_budget_the_fullest_links_of_the_greediest_go_and_no_others() -> None:
    backlog = a_backlog(100_000)
    backlog.put_data("honest", "honest 1", bytes(20_000))
    for size in (10_000, 48_000, 20_000):
        backlog.put_data("greedy", f"greedy {size}", bytes(size))
    assert backlog.excess() == []
    backlog.put_data("greedy", "greedy 1", bytes(1000))
    assert backlog.excess() == ["greedy 48000"]


def test_control_frames_are_never_dropped() -> None:
    backlog = a_backlog(1000)
    for _ in range(10):
        backlog.put_control("a", bytes(1000))
    assert (backlog.is_over, backlog.excess()) == (True, [])


def test_over_the_process_s_budget_the_greediest_receivers_pay() -> None:
    account: MemoryAccount[str, str] = MemoryAccount(100_000)
    receivers = [Backlog[str, str](account, f"receiver {number}", 1 << 30) for number in range(5)]
    for number, receiver in enumerate(receivers):
        receiver.put_data("honest", f"honest {number}", bytes(10_000))
    receivers[4].put_data("greedy", "greedy", bytes(45_000))
    assert account.excess() == ([], [])
    receivers[0].put_data("honest", "honest 0", bytes(5_000))
    assert account.excess() == (["greedy"], [])


def network_of(who: str) -> tuple[str, ...]:
    """Return the networks in a name like `wide/narrow/client`."""
    *parts, _ = who.split("/")
    return tuple("/".join(parts[: number + 1]) for number in range(len(parts)))


def receiver(account: MemoryAccount[str, str], who: str, size: int) -> None:
    Backlog[str, str](account, who, 1 << 30).put_data("sender", f"link of {who}", bytes(size))


@pytest.mark.parametrize("shape", ["evil/{0}", "evil/{0}/x", "evil/one/{0}"])
def test_one_network_with_many_clients_does_not_take_the_process_s_budget(shape: str) -> None:
    account: MemoryAccount[str, str] = MemoryAccount(1_000_000, network_of)
    for number in range(3):
        receiver(account, f"honest {number}/a", 100_000)
    for number in range(70):
        receiver(account, shape.format(number), 10_000)
    ended = account.excess()
    assert ended.owners == []
    assert ended.links
    assert all(link.startswith("link of evil") for link in ended.links)


def test_a_client_whose_address_says_nothing_is_a_network_of_its_own() -> None:
    account: MemoryAccount[str, str] = MemoryAccount(100_000, network_of)
    receiver(account, "local", 60_000)
    for number in range(10):
        receiver(account, f"local {number}", 5_000)
    assert account.excess().links == ["link of local"]


def test_one_network_with_many_senders_does_not_take_a_receiver_s_budget() -> None:
    backlog = Backlog[str, str](MemoryAccount(1 << 30, network_of), "me", 100_000)
    backlog.put_data("honest/a", "honest", bytes(20_000))
    for number in range(100):
        backlog.put_data(f"evil/{number}", f"evil {number}", bytes(1_000))
    ended = backlog.excess()
    assert ended
    assert "honest" not in ended


def test_receivers_that_have_too_many_control_frames_go_for_they_can_t_be_dropped() -> None:
    account: MemoryAccount[str, str] = MemoryAccount(1_000_000, network_of)
    for number in range(3):
        receiver(account, f"honest {number}/a", 100_000)
    for number in range(4):
        greedy = Backlog[str, str](account, f"evil/{number}", 1 << 30)
        size = 200_000 + number
        greedy.put_control(greedy.owner, bytes(size), ((greedy.owner, size),))
    assert account.excess() == ([], ["evil/3"])


def test_a_receiver_s_own_control_frames_are_counted_apart() -> None:
    account: MemoryAccount[str, str] = MemoryAccount(1 << 30)
    own, other = Backlog[str, str](account, "me", 1 << 30), Backlog[str, str](account, "other", 1 << 30)
    own.put_control("agent", b"answer", (("me", 4), ("agent", 2)))
    other.put_control("me", b"request", (("me", 7),))
    assert (own.own_control, other.own_control, account.charged("me")) == (4, 0, 11)
    own.take(1)
    other.close()
    assert (own.own_control, other.own_control, account.charged("me")) == (0, 0, 0)


@pytest.mark.parametrize("ends", ["taken", "closed"])
def test_what_was_charged_is_given_back(ends: str) -> None:
    account: MemoryAccount[str, str] = MemoryAccount(1 << 30)
    backlog = Backlog[str, str](account, "console", 1 << 30)
    backlog.put_control("agent", b"answer", (("console", 5), ("agent", 1)))
    assert (account.charged("console"), account.charged("agent")) == (5, 1)
    if ends == "taken":
        backlog.take(1)
    else:
        backlog.close()
    assert (account.charged("console"), account.charged("agent"), account.weight) == (0, 0, 0)


def test_the_work_for_a_full_backlog_does_not_grow_with_each_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = 0
    above = Backlog.above

    def counted(self: Backlog[str, str], goal: int) -> tuple[list[str], int]:
        nonlocal searches
        searches += 1
        return above(self, goal)

    monkeypatch.setattr(Backlog, "above", counted)
    backlog = a_backlog(1_000_000)
    for number in range(20_000):
        backlog.put_data("a", f"link {number}", bytes(250))
        for link in backlog.excess():
            backlog.drop(link)
    assert searches <= 20_000 * 506 / (1_000_000 / 16) + 1
