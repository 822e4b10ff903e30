"""A shell tab's states: what follows from what, and what the user reads."""

from dataclasses import replace

import pytest

from natpass_tui.links.shell import state as s
from natpass_tui.model.times import clock
from natpass_wire.links import End
from natpass_wire.pb.link_pb2 import ConnectResponse, LinkEnd

EXITED = End(LinkEnd.EXITED, "", 7)
KILLED = End(LinkEnd.EXITED, "", -9)
GONE = End(LinkEnd.PEER_GONE, "agent web is gone")
ABSENT = End(LinkEnd.FAILED, "agent web is not connected", reason=ConnectResponse.ABSENT)
NO_PROGRAM = End(LinkEnd.FAILED, "no such program", reason=ConnectResponse.FAILED)
SILENT = End(LinkEnd.UNSET)

LOST_RELAY = s.Lost("relay connection lost", 10, by_relay=True)
LOST_AGENT = s.Lost("agent web is gone", 10, by_relay=False)
AWAY = s.Reconnecting("relay connection lost", 8)
RESTARTED = "the agent was restarted: what ran there is gone"
ENDED = s.TabEnded("shell ended (status 7)", 10, 7, by_itself=True)


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        (s.Waiting(), s.RelayUp(), s.TabOpening()),
        (s.TabOpening(), s.TabOpened(), s.Live()),
        (s.TabOpening(), s.LinkGone(NO_PROGRAM, relay_up=True), s.TabRefused("no such program")),
        (s.TabOpening(), s.LinkGone(ABSENT, relay_up=True), s.TabRefused("agent web is not connected", absent=True)),
        (s.TabOpening(), s.LinkGone(GONE, relay_up=False), s.Waiting()),
        (s.Live(), s.LinkGone(EXITED, relay_up=True), s.TabEnded("shell ended (status 7)", 10, 7, by_itself=True)),
        (s.Live(), s.LinkGone(KILLED, relay_up=True), s.TabEnded("shell ended (signal 9)", 10, 137, by_itself=True)),
        (s.TabOpening(), s.LinkGone(GONE, relay_up=True), s.TabRefused("agent web is gone", absent=True)),
        (s.TabOpening(LOST_AGENT), s.LinkGone(GONE, relay_up=True), replace(LOST_AGENT, retry_in=s.RETRY)),
        (
            s.Live(),
            s.LinkGone(SILENT, relay_up=True),
            s.TabEnded("the link ended without a status", 10, by_itself=True),
        ),
        (
            s.Live(),
            s.LinkGone(End(LinkEnd.FAILED, "pty broke"), relay_up=True),
            s.TabEnded("shell ended (pty broke)", 10),
        ),
        (s.Live(), s.LinkGone(GONE, relay_up=True), LOST_AGENT),
        (s.Live(), s.LinkGone(GONE, relay_up=False), LOST_RELAY),
        (s.Live(), s.LinkGone(EXITED, relay_up=False), ENDED),
        (s.Live(), s.TabDetached("relay connection lost", 8), AWAY),
        (AWAY, s.TabDetached("agent web is not connected", 8), s.Reconnecting("agent web is not connected", 8)),
        (AWAY, s.Attached(), s.Live()),
        (AWAY, s.LinkGone(EXITED, relay_up=True), ENDED),
        (AWAY, s.LinkGone(GONE, relay_up=False), LOST_RELAY),
        (
            AWAY,
            s.LinkGone(End(LinkEnd.PEER_GONE, RESTARTED), relay_up=True),
            s.Lost(RESTARTED, 10, by_relay=False),
        ),
        (LOST_RELAY, s.RelayUp(), s.TabOpening(LOST_RELAY)),
        (LOST_AGENT, s.AgentThere(), s.TabOpening(LOST_AGENT)),
        (LOST_AGENT, s.Retry(by_user=False), s.TabOpening(LOST_AGENT)),
        (LOST_AGENT, s.Retry(relay_up=False), LOST_AGENT),
        (
            s.TabOpening(LOST_RELAY),
            s.LinkGone(ABSENT, relay_up=True),
            s.Lost("relay connection lost", 10, by_relay=False, retry_in=s.RETRY),
        ),
        (s.TabOpening(LOST_RELAY), s.LinkGone(GONE, relay_up=False), LOST_RELAY),
        (s.TabOpening(LOST_AGENT), s.LinkGone(GONE, relay_up=False), s.Waiting(LOST_AGENT)),
        (s.TabOpening(LOST_RELAY), s.LinkGone(NO_PROGRAM, relay_up=True), s.TabRefused("no such program", LOST_RELAY)),
        (ENDED, s.Retry(), s.TabOpening(ENDED)),
        (ENDED, s.Retry(relay_up=False), s.Waiting(ENDED)),
        (s.TabRefused("no", ENDED), s.Retry(), s.TabOpening(ENDED)),
        (s.TabRefused("no", ENDED, absent=True), s.AgentThere(), s.TabOpening(ENDED)),
        (s.Waiting(ENDED), s.RelayUp(), s.TabOpening(ENDED)),
    ],
)
def test_what_follows(before: s.State, event: s.Event, after: s.State) -> None:
    assert s.step(before, event, 10).state == after


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (s.Live(), s.RelayUp()),
        (s.Live(), s.AgentThere()),
        (s.Live(), s.Retry()),
        (s.Live(), s.Attached()),
        (AWAY, s.RelayUp()),
        (AWAY, s.AgentThere()),
        (AWAY, s.Retry()),
        (ENDED, s.TabDetached("relay connection lost", 8)),
        (LOST_AGENT, s.Attached()),
        (s.TabOpening(), s.RelayUp()),
        (s.TabOpening(), s.AgentThere()),
        (ENDED, s.RelayUp()),
        (ENDED, s.AgentThere()),
        (ENDED, s.Retry(by_user=False)),
        (s.TabRefused("no"), s.RelayUp()),
        (s.TabRefused("no"), s.AgentThere()),
        (s.TabRefused("no"), s.Retry(by_user=False)),
    ],
)
def test_what_means_nothing_changes_nothing(state: s.State, event: s.Event) -> None:
    assert s.step(state, event, 10) == s.Step(state)


def test_the_separator_says_what_happened_and_when() -> None:
    step = s.step(s.TabOpening(LOST_RELAY), s.TabOpened(), 19)
    assert step.separator == f"relay connection lost {clock(10)} · new shell {clock(19)}"
    assert s.step(s.TabOpening(), s.TabOpened(), 19).separator == ""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (s.Live(), []),
        (s.TabOpening(), ["opening", "web"]),
        (AWAY, ["reconnecting to web · 12 s (relay connection lost) — 14 keys wait"]),
        (s.Waiting(), ["waiting", "reconnecting in 3 s", "ctrl+] x"]),
        (s.TabRefused("no such program"), ["web", "no such program", "Enter tries again", "ctrl+] x"]),
        (ENDED, ["shell ended (status 7)", "Enter: new shell", "ctrl+] x: close"]),
        (LOST_RELAY, ["relay connection lost", clock(10), "new shell opens when the relay is back"]),
        (LOST_AGENT, ["agent web is gone", clock(10), "new shell opens when web is back"]),
    ],
)
def test_a_tab_says_what_is_wrong_and_what_to_do(state: s.State, words: list[str]) -> None:
    banner = s.banner(state, "web", "ctrl+]", "reconnecting in 3 s — gone", now=20.9, typed="14 keys wait")
    assert all(word in banner for word in words), banner
    assert bool(banner) == bool(words)
    assert bool(s.not_sent(state)) == bool(words)


def test_each_state_has_its_mark() -> None:
    states = (s.Live(), s.TabOpening(), AWAY, LOST_RELAY, ENDED)
    assert [s.mark(state) for state in states] == ["", "…", "~", "!", "∎"]


def test_nothing_else_is_said_where_nothing_can_be_typed() -> None:
    assert s.banner(AWAY, "web", "ctrl+]", "", now=7) == "reconnecting to web · 0 s (relay connection lost)"


@pytest.mark.parametrize("state", [s.TabOpening(), s.Live(), s.Reconnecting("why", 1.0)])
def test_a_key_that_is_another_is_an_alarm_whatever_was_before(state: s.State) -> None:
    alarm = End(LinkEnd.FAILED, "THE KEY OF web HAS CHANGED", reason=ConnectResponse.REFUSED, is_alarm=True)
    after = s.step(state, s.LinkGone(alarm, relay_up=True), 2.0).state
    assert isinstance(after, s.TabRefused)
    assert after.is_alarm
    text = s.banner(after, "web", "ctrl+]", "")
    assert text.startswith("THE KEY OF web HAS CHANGED")
    assert "no shell on web" not in text
    assert s.mark(after) == "!"
