"""What is known of an agent stays known, and nothing is passed over."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import MAX_BYTES, Checked, KeyStatus, KnownAgents, MalformedError, Pin, check
from natpass_wire.ids import stored_id_fault

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
ONE, TWO = PublicKey(bytes(32)), PublicKey(bytes(31) + b"1")
PIN = Pin("relay:6154", "web 1", ONE, NOW)

IDS = st.text(min_size=1, max_size=12).filter(lambda text: stored_id_fault(text) is None)
RELAYS = st.sampled_from(["relay:6154", "[::1]:1", "127.0.0.1:6154", "bücher.example:99"])
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda time: time.replace(microsecond=0)
)
PINS = st.builds(Pin, RELAYS, IDS, st.binary(min_size=32, max_size=32).map(PublicKey), TIMES)
COMMENTS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])).map(lambda text: "#" + text)
FILES = st.lists(PINS | COMMENTS | st.just(""), max_size=8, unique_by=id).filter(
    lambda lines: (
        len({(x.relay, x.agent_id) for x in lines if isinstance(x, Pin)}) == sum(isinstance(x, Pin) for x in lines)
    )
)


@given(FILES)
def test_a_file_says_what_was_written(lines: list[str | Pin]) -> None:
    agents = KnownAgents(tuple(lines))
    assert KnownAgents.parse(agents.to_bytes()) == agents
    for pin in agents.pins:
        assert agents.find(pin.relay.upper(), pin.agent_id) == pin


@given(FILES, PINS)
def test_a_pin_holds_until_it_is_forgotten(lines: list[str | Pin], pin: Pin) -> None:
    before = KnownAgents(tuple(lines))
    assume(before.find(pin.relay, pin.agent_id) is None)
    after = KnownAgents.parse(before.with_pin(pin).to_bytes())
    assert check(after, pin.relay, pin.agent_id, pin.key, NOW) == Checked(KeyStatus.KNOWN, pin.key, pin)
    assert set(after.pins) == {*before.pins, pin}
    assert after.without([pin]).pins == before.pins


@pytest.mark.parametrize("old", ["~web", "a/../b", "-rf", "/etc"])
def test_a_pin_from_before_ids_were_refused_is_listed_and_forgotten(old: str) -> None:
    pins = KnownAgents.parse(KnownAgents((Pin("relay:6154", old, ONE, NOW), PIN)).to_bytes())
    assert [pin.agent_id for pin in pins.pins] == [old, "web 1"]
    assert pins.without([pins.pins[0]]).pins == (PIN,)


@given(FILES, st.binary(max_size=60))
def test_a_file_is_understood_whole_or_not_at_all(lines: list[str | Pin], junk: bytes) -> None:
    """What can't be read never takes a pin away."""
    content = KnownAgents(tuple(lines)).to_bytes() + junk
    try:
        agents = KnownAgents.parse(content)
    except MalformedError as error:
        shown = str(error)
    else:
        shown = "line "
        assert set(agents.pins) >= {line for line in lines if isinstance(line, Pin)}
    assert shown.startswith("line ")
    assert shown.isprintable()


def test_what_a_key_means() -> None:
    agents = KnownAgents().with_pin(PIN)
    later = NOW + timedelta(days=9)
    assert check(agents, "Relay:6154", "web 1", ONE, later) == Checked(KeyStatus.KNOWN, ONE, PIN)
    assert check(agents, "relay:6154", "web 1", TWO, later) == Checked(KeyStatus.CHANGED, TWO, PIN)
    new = check(agents, "Other:6154", "web 1", TWO, later + timedelta(microseconds=5))
    assert new == Checked(KeyStatus.NEW, TWO, Pin("other:6154", "web 1", TWO, later))


def test_the_file_is_as_it_always_was() -> None:
    word = "x25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert KnownAgents((PIN,)).to_bytes() == f"relay:6154 {word} 2026-01-31T12:00:00Z web 1\n".encode()
    east = Pin("relay:6154", "web 1", ONE, NOW.astimezone(timezone(timedelta(hours=9))))
    assert east.line() == PIN.line()
    assert KnownAgents.parse(PIN.line().encode() + b"\r\n").pins == (PIN,)
    assert KnownAgents.parse(PIN.line().encode()).pins == (PIN,)  # cut, but whole
    first, _ = KnownAgents().with_pin(PIN).to_bytes().decode().splitlines()
    assert first.startswith("# ")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("relay:6154", "not RELAY KEY DATE AGENT"),
        (PIN.line().replace(" web 1", ""), "not RELAY KEY DATE AGENT"),
        (PIN.line()[1:].replace("elay:6154", ""), "invalid relay address"),
        (PIN.line().upper(), "invalid relay address"),
        (PIN.line().replace("x25519:", "x448:"), "a key is x25519:"),
        (PIN.line().replace("=", ""), "a key is x25519:"),
        (PIN.line().replace("2026-01-31", "2026-02-31"), "invalid date"),
        (PIN.line().replace("T12", " 12"), "invalid date"),
        (PIN.line().replace("Z", "+00:00"), "invalid date"),
        (PIN.line().replace("web 1", " web"), "does not begin or end with a space"),
        (PIN.line().replace("web 1", "web\x1b[2J"), "no control"),
        (PIN.line().replace("web 1", "server"), "relay's own"),
        (PIN.line().replace("web 1", "web 2"), "the same agent"),
        (" ".join(PIN.line().split(" ")[:3]).replace("2026", "2027") + " web 2", "the same agent"),
    ],
)
def test_a_line_that_is_none_is_named(line: str, says: str) -> None:
    content = f"# a comment\n\n{PIN.line().replace('web 1', 'web 2')}\n{line}\n"
    with pytest.raises(MalformedError, match=f"^line 4: .*{says}") as caught:
        KnownAgents.parse(content.encode())
    assert "\x1b" not in str(caught.value)


def test_bytes_that_are_no_text_are_named() -> None:
    with pytest.raises(MalformedError, match="line 2: not UTF-8"):
        KnownAgents.parse(b"# fine\n#\xff\n")


def test_there_is_a_limit() -> None:
    with pytest.raises(MalformedError, match="more than"):
        KnownAgents.parse(b"#" * (MAX_BYTES + 1))
    assert KnownAgents.parse(b"#" * MAX_BYTES).pins == ()


@pytest.mark.parametrize("relay", ["", "a relay:1", "#relay:1", "relay\n:1"])
def test_what_the_file_can_not_say_is_not_written(relay: str) -> None:
    """A line that is no pin when it is read again would be an agent that nobody checks."""
    with pytest.raises(MalformedError):
        KnownAgents().with_pin(Pin(relay, "web", ONE, NOW))
