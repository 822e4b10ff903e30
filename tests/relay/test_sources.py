"""Networks of strangers, their penalties, and those that are remembered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.remembered import DAYS, RememberedNetworks
from natpass_relay.sources import MAX_PENALTY, MIN_PENALTY, Offence, Penalties, Source, site_of, source_of


@pytest.mark.parametrize(
    ("host", "narrow", "wide"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("", "", ""),
    ],
)
def test_networks(host: str, narrow: str, wide: str) -> None:
    assert source_of(host) == Source(narrow, wide)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_exempt_unless_a_proxy_is_there(host: str) -> None:
    assert source_of(host).is_exempt
    assert not source_of(host, is_proxied=True).is_exempt


def test_penalties_grow_and_decay() -> None:
    penalties = Penalties()
    here = source_of("192.0.2.1")
    for _ in range(int(MIN_PENALTY)):
        assert not penalties.counts("192.0.2.1", 0.0)
        penalties.add(here, Offence.SILENT.value, 0.0)
    assert penalties.counts("192.0.2.1", 0.0)
    assert not penalties.counts("192.0.2.1", 0.1)
    assert penalties.seconds("192.0.2.1", MIN_PENALTY) == 0
    for _ in range(1000):
        penalties.add(here, Offence.TOO_LATE.value, 20.0)
    assert penalties.seconds("192.0.2.1", 20.0) == MAX_PENALTY
    penalties.add(here, -100.0, 20.0)
    assert penalties.seconds("192.0.2.1", 20.0) == MAX_PENALTY - 100
    penalties.add(here, -MAX_PENALTY, 20.0)
    assert len(penalties) == 0


def test_a_wide_network_pays_for_many_narrow_ones() -> None:
    penalties = Penalties()
    for number in range(12):
        penalties.add(source_of(f"2001:db8:1:{number}::1"), 5.0, 0.0)
    assert not penalties.counts("2001:db8:1:1::/64", 0.0)
    assert penalties.seconds("2001:db8:1::/48", 0.0) == 15.0


def test_this_machine_has_no_penalty() -> None:
    penalties = Penalties()
    penalties.add(source_of("127.0.0.1"), 100.0, 0.0)
    assert len(penalties) == 0


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0.1, 30), st.floats(0, 5))))
def test_the_table_is_bounded_and_forgets_the_least(steps: list[tuple[int, float, float]]) -> None:
    penalties, now = Penalties(most=8), 0.0
    worst = source_of("198.51.100.1")
    for number, seconds, passed in steps:
        now += passed
        penalties.add(worst, 600.0, now)
        penalties.add(source_of(f"192.0.2.{number}"), seconds, now)
        assert len(penalties) <= 8
        assert penalties.seconds("198.51.100.1", now) == MAX_PENALTY


def test_networks_are_remembered_over_a_restart() -> None:
    before, after = RememberedNetworks(), RememberedNetworks()
    nat, home = source_of("192.0.2.1"), source_of("2001:db8:1:1::1")
    for _ in range(200):
        before.logged_in(nat, 20_000)
    before.logged_in(home, 20_000)
    for _ in range(150):
        before.logged_out(nat)
    after.read(before.to_text(), 20_001)
    assert [after.clients(name) for name in ("192.0.2.1", home.narrow, home.wide, "192.0.2.2")] == [200, 1, 1, 0]
    late = RememberedNetworks()
    late.read(before.to_text(), 20_001 + DAYS)
    assert len(late) == 0


def test_this_machine_is_not_remembered() -> None:
    remembered = RememberedNetworks()
    remembered.logged_in(source_of("127.0.0.1"), 1)
    assert len(remembered) == 0


def test_logins_that_change_nothing_are_not_worth_writing() -> None:
    remembered = RememberedNetworks()
    here = source_of("192.0.2.1")
    for _ in range(5):
        remembered.logged_in(here, 1)
        remembered.logged_out(here)
    assert remembered.changes == 1
    remembered.logged_in(here, 2)
    assert remembered.changes == 2


def test_where_there_are_too_many_the_oldest_without_clients_is_forgotten() -> None:
    remembered = RememberedNetworks(most=3)
    names = [f"192.0.2.{number}" for number in range(4)]
    for name in names[:3]:
        remembered.logged_in(source_of(name), 1)
    remembered.logged_out(source_of(names[1]))
    remembered.logged_in(source_of(names[3]), 1)
    assert [remembered.clients(name) for name in names] == [1, 0, 1, 1]


@pytest.mark.parametrize("there", ["2001:db8:0:{0:x}::1", "198.51.{1}.{2}"])
def test_whoever_logs_in_from_all_addresses_of_a_site_pushes_out_no_other(there: str) -> None:
    remembered = RememberedNetworks(most=200)
    honest = [source_of(f"192.0.2.{number}") for number in range(20)]
    honest += [source_of(f"203.{number}.113.1") for number in range(20)]
    honest += [source_of(f"2001:db8:{number}::1") for number in range(1, 20)]
    for source in honest:
        remembered.logged_in(source, 1)
        remembered.logged_out(source)
    for number in range(3000):
        remembered.logged_in(source_of(there.format(number, number // 256, number % 256)), 1)
    assert all(remembered.clients(name) for source in honest for name in (source.narrow, source.wide))
    assert len(remembered) <= 200
    after = RememberedNetworks(most=200)
    after.read(remembered.to_text(), 1)
    after.logged_in(source_of("192.88.99.1"), 1)
    assert all(after.clients(source.narrow) for source in honest)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 9), st.booleans())), st.integers(3, 9))
def test_networks_are_forgotten_of_the_sites_with_most(steps: list[tuple[bool, int, int, bool]], most: int) -> None:
    remembered = RememberedNetworks(most)
    before: list[str] = []
    for is_ipv6, site, number, is_in in steps:
        source = source_of(f"2001:db8:{site}:{number}::1" if is_ipv6 else f"10.{site}.0.{number}")
        (remembered.logged_in if is_in else remembered.logged_out)(source, *([1] if is_in else []))
        after = [line.split(" ")[0] for line in remembered.to_text().splitlines()[1:]]
        assert len(after) == len(remembered) <= most
        if is_in:
            assert after[-1] == source.narrow, "the latest login is the last one"
        sites = [site_of(name) for name in before]
        for name in set(before) - set(after):
            assert sites.count(site_of(name)) >= max(map(sites.count, sites)) - 1
        before = after


@given(st.text(), st.lists(st.text(max_size=20)))
def test_a_file_that_was_tampered_with_harms_nothing(start: str, lines: list[str]) -> None:
    remembered = RememberedNetworks(most=4)
    remembered.read("natpass-networks 1\n" + "\n".join(lines), 5)
    remembered.read(start, 5)
    assert len(remembered) <= 5


@given(st.lists(st.tuples(st.sampled_from("io"), st.integers(0, 9))))
def test_what_is_written_is_read_again(steps: list[tuple[str, int]]) -> None:
    before, after = RememberedNetworks(), RememberedNetworks()
    for what, number in steps:
        source = source_of(f"192.0.2.{number}")
        if what == "i":
            before.logged_in(source, 7)
        else:
            before.logged_out(source)
    after.read(before.to_text(), 7)
    assert after.to_text() == before.to_text()
