"""The rules of forwards: the text of each is read back as the same rule, and what is none is one line."""

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_tui.links.forward.rules import (
    MOST_RULES,
    Direction,
    ForwardRule,
    parse,
    parse_options,
    parse_tables,
    parse_target,
)
from natpass_wire.channels.events import Endpoint
from natpass_wire.errors import UserError

hosts = st.one_of(
    st.from_regex(r"[a-z0-9][a-z0-9.-]{0,60}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.just("fe80::1%eth0"),
)
binds = st.one_of(st.just(""), st.just("*"), hosts)
ports = st.integers(1, 0xFFFF)
paths = st.binary(max_size=100).map(lambda rest: b"/" + rest.replace(b"\0", b""))
targets = st.one_of(st.builds(Endpoint, hosts, ports), st.builds(Endpoint, path=paths))
listens = st.one_of(st.builds(Endpoint, binds, st.integers(0, 0xFFFF)), st.builds(Endpoint, path=paths))
streams = st.builds(ForwardRule, st.sampled_from([Direction.LOCAL, Direction.REMOTE]), listens, targets)
proxies = st.builds(ForwardRule, st.just(Direction.DYNAMIC), st.builds(Endpoint, binds, st.integers(0, 0xFFFF)))
flows = st.builds(
    ForwardRule,
    st.just(Direction.DATAGRAMS),
    st.builds(Endpoint, binds, ports, datagrams=st.just(True)),
    st.builds(Endpoint, hosts, ports, datagrams=st.just(True)),
)


@given(st.one_of(streams, proxies, flows))
def test_every_rules_text_is_read_back(rule: ForwardRule) -> None:
    assert parse(rule.direction, str(rule)) == rule


@given(st.sampled_from(Direction), st.text(alphabet=st.sampled_from("18:[]*/\\a.-% \n\0é\udc80"), max_size=30))
def test_any_text_is_a_rule_or_one_line(direction: Direction, text: str) -> None:
    rule, why = _parsed(direction, text)
    if rule is None:
        assert why.startswith(f"-{direction.letter} ")
        assert "\n" not in why
    else:
        assert parse(direction, str(rule)) == rule


def _parsed(direction: Direction, text: str) -> tuple[ForwardRule | None, str]:
    try:
        return parse(direction, text), ""
    except UserError as error:
        return None, str(error)


@pytest.mark.parametrize(
    ("direction", "text", "listen", "target"),
    [
        ("local", "8080:localhost:80", Endpoint(port=8080), Endpoint("localhost", 80)),
        ("local", "0.0.0.0:8080:web:80", Endpoint("0.0.0.0", 8080), Endpoint("web", 80)),
        ("local", ":8080:web:80", Endpoint("*", 8080), Endpoint("web", 80)),
        ("local", "*:8080:web:80", Endpoint("*", 8080), Endpoint("web", 80)),
        ("local", "[::1]:8080:[2001:db8::1]:80", Endpoint("::1", 8080), Endpoint("2001:db8::1", 80)),
        ("local", "8080:/run/a.sock", Endpoint(port=8080), Endpoint(path=b"/run/a.sock")),
        ("local", "[::1]:8080:/run/a.sock", Endpoint("::1", 8080), Endpoint(path=b"/run/a.sock")),
        ("local", "/tmp/a:web:80", Endpoint(path=b"/tmp/a"), Endpoint("web", 80)),
        ("local", "/tmp/a:/tmp/b", Endpoint(path=b"/tmp/a"), Endpoint(path=b"/tmp/b")),
        ("local", r"/tmp/a\:b:/tmp/c", Endpoint(path=b"/tmp/a:b"), Endpoint(path=b"/tmp/c")),
        ("remote", "0:localhost:22", Endpoint(port=0), Endpoint("localhost", 22)),
        ("dynamic", "1080", Endpoint(port=1080), None),
        ("dynamic", "[::]:1080", Endpoint("::", 1080), None),
        ("udp", "5353:dns:53", Endpoint(port=5353, datagrams=True), Endpoint("dns", 53, datagrams=True)),
    ],
)
def test_the_grammar_is_opensshs(direction: str, text: str, listen: Endpoint, target: Endpoint | None) -> None:
    assert parse(Direction(direction), text) == ForwardRule(Direction(direction), listen, target)


@pytest.mark.parametrize(
    ("direction", "text", "why"),
    [
        ("local", "", "missing"),
        ("local", "8080", "missing"),
        ("local", "8080:80", "missing"),
        ("local", "web:80", "missing"),
        ("local", "http:web:80", "'http' is no port"),
        ("local", "8080:web:0", "port 0: 1 to 65535"),
        ("local", "8080:web:65536", "port 65536: 1 to 65535"),
        ("local", "٨٠:web:80", "is no port"),
        ("local", "8080::80", "a host is missing"),
        ("local", "8080:a b:80", "is no host"),
        ("local", "::1:8080:web:80", "IPv6 addresses need brackets"),
        ("local", "8080:2001:db8::1:80", "IPv6 addresses need brackets"),
        ("local", "8080:[nonsense::]:80", "[nonsense::] is no IPv6 address"),
        ("local", "[::1:8080:web:80", "a bracket is not closed"),
        ("local", "[::1]8080:web:80", "a colon is missing after ]"),
        ("local", "8080:web:80\\", "nothing follows \\"),
        ("local", "8080:/tmp/a:80", "something"),
        ("local", f"8080:/{'a' * 200}", "at most 107 bytes"),
        ("dynamic", "1080:web:80", "IPv6 addresses need brackets"),
        ("dynamic", "/tmp/a", "no Unix socket"),
        ("udp", "5353:/tmp/a", "no Unix socket"),
    ],
)
def test_what_is_no_rule_says_why(direction: str, text: str, why: str) -> None:
    with pytest.raises(UserError) as failed:
        parse(Direction(direction), text)
    assert why in str(failed.value)
    assert "is expected" in str(failed.value)


def test_a_target_is_a_port_or_a_path() -> None:
    assert parse_target("localhost:22") == Endpoint("localhost", 22)
    assert parse_target("[::1]:22") == Endpoint("::1", 22)
    assert parse_target("/run/a") == Endpoint(path=b"/run/a")
    for text in ("", "localhost", "localhost:", ":22", "a:b:c", "localhost:0", "/a:b"):
        with pytest.raises(UserError, match="is expected"):
            parse_target(text)


def test_a_path_may_be_any_bytes() -> None:
    rule = parse(Direction.LOCAL, os.fsdecode(b"80:/a\xfe"))
    assert rule.target == Endpoint(path=b"/a\xfe")
    assert rule.option.isprintable()


def test_options_and_tables_are_lists_or_single_rules() -> None:
    rules = parse_options({"local": ["1:a:1", "2:b:2"], "dynamic": 1080, "udp": "53:c:53"})
    assert [str(rule) for rule in rules] == ["1:a:1", "2:b:2", "1080", "53:c:53"]
    tables = [
        {"agent": "web1", "local": "1:a:1"},
        {"agent": "db", "remote": ["0:a:1"]},
        {"agent": "web1", "udp": "3:a:1"},
    ]
    found = parse_tables(tables)
    assert {agent: [str(rule) for rule in rules] for agent, rules in found.items()} == {
        "web1": ["1:a:1", "3:a:1"],
        "db": ["0:a:1"],
    }


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        (["web1"], r"\[\[forward\]\]"),
        ([{"local": "1:a:1"}], "names no agent"),
        ([{"agent": 3, "local": "1:a:1"}], "names no agent"),
        ([{"agent": "-rf", "local": "1:a:1"}], "does not begin with -"),
        ([{"agent": "web1"}], "has no rule"),
        ([{"agent": "web1", "lokal": "1:a:1"}], "unknown key lokal"),
        ([{"agent": "web1", "local": 1.5}], "in quotes"),
        ([{"agent": "web1", "local": True}], "in quotes"),
        ([{"agent": "web1", "local": "1"}], "-L 1: "),
        ([{"agent": "web1", "local": ["1:a:1", "1:b:1"]}], "another rule listens there"),
        ([{"agent": "web1", "local": "1:a:1"}, {"agent": "db", "dynamic": "1"}], "another rule listens there"),
        ([{"agent": "web1", "local": [f"{port}:a:1" for port in range(1, MOST_RULES + 2)]}], "at most"),
    ],
)
def test_tables_that_are_no_rules_are_one_line(tables: list[Any], why: str) -> None:
    with pytest.raises(UserError, match=why):
        parse_tables(tables)


def test_a_mistake_in_a_table_names_the_file_and_the_table() -> None:
    tables = [{"agent": "web1", "local": "1:a:1"}, {"agent": "db", "local": "2"}]
    with pytest.raises(UserError, match=r"^/etc/tui\.toml: \[\[forward\]\] table 2: -L 2: "):
        parse_tables(tables, "/etc/tui.toml")
    with pytest.raises(UserError, match=r"^\[\[forward\]\]: -L 2: "):
        parse_tables(tables[1:])


def test_two_rules_may_listen_at_any_port_and_at_both_sides() -> None:
    assert len(parse_options({"local": ["0:a:1", "0:a:2", "80:a:1"], "remote": ["80:a:1"], "udp": ["80:a:1"]})) == 5
    tables = [{"agent": agent, "remote": "80:a:1"} for agent in ("web1", "web2")]
    assert len(parse_tables(tables)) == 2
