"""A line grants what it says; one that nobody understands grants nothing, and takes nothing from the others."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_wire.identity.authorized import ALL, MAX_BYTES, AuthorizedConsoles, Fault, Grant, Rights
from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import MalformedError

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ONE, TWO = PublicKey(bytes(32)), PublicKey(bytes(31) + b"1")
KINDS = SHELL, EXEC, DESKTOP = "shell", "exec", "desktop"

KEYS = st.binary(min_size=32, max_size=32).map(PublicKey)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
RIGHTS = st.builds(Rights, st.none() | st.sets(st.sampled_from(KINDS), min_size=1).map(frozenset), st.booleans())
GRANTS = st.builds(Grant, RIGHTS, st.none() | TIMES.map(lambda time: time.replace(microsecond=0)))


def parse(content: bytes) -> AuthorizedConsoles:
    return AuthorizedConsoles.parse(content, KINDS)


def written(key: PublicKey, grant: Grant, comment: str) -> str:
    options = []
    if grant.rights.kinds is not None:
        names = [name for name in KINDS if name in grant.rights.kinds]
        options.append(f'kinds="{",".join(names)}"')
    if grant.rights.read_only:
        options.append("read-only")
    if grant.until is not None:
        options.append(f'expiry-time="{grant.until:%Y-%m-%dT%H:%M:%S}Z"')
    return " ".join(filter(None, [",".join(options), str(key), comment]))


@given(
    st.dictionaries(KEYS, GRANTS, max_size=6),
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20),
)
def test_a_file_grants_what_it_says(grants: dict[PublicKey, Grant], comment: str) -> None:
    lines = [written(key, grant, comment) for key, grant in grants.items()]
    assert parse("\n".join(["# mine", "", *lines]).encode()).grants == grants


@given(st.dictionaries(KEYS, GRANTS, max_size=3), st.binary(max_size=60))
def test_junk_grants_nothing_and_takes_nothing(grants: dict[PublicKey, Grant], junk: bytes) -> None:
    content = "".join(f"{written(key, grant, '')}\n" for key, grant in grants.items()).encode() + junk
    parsed = parse(content)
    assert parsed.grants == grants
    assert not parsed.refused
    assert all(fault.number > len(grants) and fault.reason.isprintable() for fault in parsed.faults)


BROKEN = st.sampled_from(
    ["{}\N{NO-BREAK SPACE}x", "no-such {}", "read-only, {}", "read-only,{}", "{},", '"{}" ann', "{} kinds"]
)


@given(st.lists(st.tuples(st.sampled_from([ONE, TWO, PublicKey(b"2" * 32)]), st.just("{} ok") | BROKEN), max_size=6))
def test_a_key_is_good_for_what_its_only_line_says(lines: list[tuple[PublicKey, str]]) -> None:
    parsed = parse("\n".join(form.format(key) for key, form in lines).encode())
    numbers = {key: [number for number, (of, _) in enumerate(lines, 1) if of == key] for key, _ in lines}
    good = {key for key, form in lines if form == "{} ok" and len(numbers[key]) == 1}
    assert parsed.grants == dict.fromkeys(good, Grant(ALL))
    assert parsed.refused == {key: found[0] for key, found in numbers.items() if key not in good}
    assert [fault.number for fault in parsed.faults] == [n for n, (key, _) in enumerate(lines, 1) if key not in good]


@pytest.mark.parametrize(
    ("line", "grant"),
    [
        (f"{ONE}", Grant(ALL)),
        (f'  {ONE}\t a comment, with "quotes" and x25519:\r', Grant(ALL)),
        (f"{ONE} kindsofblue, read-only-memory", Grant(ALL)),
        (f"read-only {ONE}", Grant(Rights(read_only=True))),
        (f'kinds="shell, exec" {ONE}', Grant(Rights(frozenset({SHELL, EXEC})))),
        (f'kinds="desktop",read-only\t{ONE} hall', Grant(Rights(frozenset({DESKTOP}), read_only=True))),
        (f'expiry-time="2026-12-31" {ONE}', Grant(ALL, datetime(2026, 12, 31, tzinfo=UTC))),
        (f'expiry-time="2026-12-31Z" {ONE}', Grant(ALL, datetime(2026, 12, 31, tzinfo=UTC))),
        (f'expiry-time="2026-12-31T23:59" {ONE}', Grant(ALL, datetime(2026, 12, 31, 23, 59, tzinfo=UTC))),
        (f'expiry-time="2026-12-31T23:59:58Z" {ONE}', Grant(ALL, datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC))),
    ],
)
def test_lines(line: str, grant: Grant) -> None:
    assert parse(f"# first\n\n{line}\n".encode()).grants == {ONE: grant}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("read-only", "not OPTIONS"),
        ("laptop", "not OPTIONS"),
        (f"no-such {ONE}", "there is no option no-such"),
        (f"READ-ONLY {ONE}", "not OPTIONS"),
        (f"read-only,read-only {ONE}", "read-only twice"),
        (f'read-only="yes" {ONE}', "read-only has no value"),
        (f"kinds {ONE}", "kinds needs"),
        (f'kinds="" {ONE}', "kinds are some of"),
        (f'kinds="shell,vnc" {ONE}', "kinds are some of"),
        (f"kinds=shell {ONE}", "not OPTIONS"),
        (f'kinds="shell {ONE}', "not OPTIONS"),
        (f'kinds="shell"read-only {ONE}', "not OPTIONS"),
        (f'kinds="shell", read-only {ONE}', "put only a comma between options"),
        (f'kinds="shell" ,read-only {ONE}', "put only a comma between options"),
        (f'kinds="shell" \t read-only {ONE}', "put only a comma between options"),
        (f"read-only,kinds=shell {ONE}", "not OPTIONS"),
        (f'kinds="shell", {ONE}', "not OPTIONS"),
        (f"read-only,{ONE}", "a comma before the key"),
        (f"read-only read-only {ONE}", "put only a comma between options"),
        (f"read-only comment {ONE}", "not OPTIONS"),
        (f'expiry-time="2026-02-30" {ONE}', "expiry-time is"),
        (f'expiry-time="20261231" {ONE}', "expiry-time is"),
        (f'expiry-time="2026-12-31T10:00+02:00" {ONE}', "expiry-time is"),
        ("x25519:AAAA", "a key is x25519:"),
        (f"{ONE},", "a key is x25519:"),
        (f"{ONE} read-only", "read-only comes after the key"),
        (f'{ONE} \t kinds="shell"', "kinds comes after the key"),
        (f'kinds="shell" {ONE} expiry-time="2026-12-31"', "expiry-time comes after the key"),
        (f'{ONE} read-only,expiry-time="2026-12-31"', "read-only comes after the key"),
    ],
)
def test_a_line_that_is_none_is_named(line: str, says: str) -> None:
    parsed = parse(f"{TWO}\n\n{line}\n".encode())
    (fault,) = parsed.faults
    assert fault.number == 3
    assert says in fault.reason
    assert parsed.grants == {TWO: Grant(ALL)}
    assert parsed.refused == ({ONE: 3} if str(ONE) in line else {})


def test_two_lines_with_one_key_grant_nothing_whatever_else_is_wrong_with_them() -> None:
    lines = [f"read-only {ONE}", f"{TWO}", f"{ONE}", f"no-such {ONE}"]
    parsed = parse("\n".join(lines).encode())
    assert parsed.grants == {TWO: Grant(ALL)}
    assert parsed.faults == (
        Fault(1, "the same key as in line 3"),
        Fault(3, "the same key as in line 1"),
        Fault(4, "there is no option no-such (kinds, read-only, forward, listen, expiry-time)"),
    )
    assert parsed.rights_of(ONE, NOW) == (
        "line 1 of this agent's authorized_consoles, with your console's key, is invalid: its log says why"
    )
    assert parsed.rights_of(TWO, NOW) == ALL


def test_bytes_that_are_no_text_and_too_many_of_them() -> None:
    parsed = parse(f"{ONE}\n{TWO} caf".encode() + b"\xe9\n")
    assert parsed == AuthorizedConsoles({ONE: Grant(ALL)}, (Fault(2, "not UTF-8"),), {TWO: 2})
    assert not parse(f"{ONE}\n{TWO}\n".encode("utf-16")).grants
    with pytest.raises(MalformedError, match="more than"):
        parse(b"#" * (MAX_BYTES + 1))


OPTIONS = st.lists(
    st.sampled_from(['kinds="shell"', "read-only", 'expiry-time="2026-12-31"']), unique=True, max_size=3
).map(",".join)
WHOLE = st.builds(
    lambda options, key, comment: f"{options} {key} {comment}".strip(),
    OPTIONS,
    st.sampled_from([ONE, TWO]),
    st.sampled_from(["", "ann", "ann's old laptop", "read-only", "a wall, read-only"]),
)


@given(st.lists(WHOLE, max_size=4), st.data())
def test_a_line_end_in_the_wrong_place_never_grants_more(lines: list[str], data: st.DataObject) -> None:
    """Editors wrap at blanks; people also behind commas, and with a backslash."""
    text = "\n".join(lines)
    places = [at for at, character in enumerate(text) if character in " ,"]
    chosen = data.draw(st.sets(st.sampled_from(places), max_size=4)) if places else set()
    ends = data.draw(st.sampled_from(["\n", "\r\n", " \\\n", "\n  "]))
    wrapped = "".join(
        (character if character == "," else "") + (ends if at in chosen else "" if character == "," else character)
        for at, character in enumerate(text)
    )
    before, after = parse(text.encode()).grants, parse(wrapped.encode()).grants
    assert all(before.get(key) == grant for key, grant in after.items())


@pytest.mark.parametrize("first", ["read-only,", "read-only", 'kinds="shell",', "read-only \\", "readonly", "what?"])
def test_a_line_of_options_without_a_key_refuses_the_next_key(first: str) -> None:
    parsed = parse(f"{TWO}\n\n{first}\n# so\n{ONE} ann\n".encode())
    assert parsed.grants == {TWO: Grant(ALL)}
    assert parsed.refused == {ONE: 5}
    assert [fault.number for fault in parsed.faults] == [3, 5]
    assert parsed.faults[1].reason == "line 3 above has no key: the two may be one line that was wrapped"


def test_options_that_go_on_take_nothing_from_the_key_above() -> None:
    parsed = parse(f'{TWO} ann\nread-only,\nkinds="shell",\n{ONE}\n'.encode())
    assert parsed.grants == {TWO: Grant(ALL)}
    assert not parse(f'{TWO}\nread-only,\nkinds="shell"\n'.encode()).grants


def test_a_line_of_options_without_a_key_refuses_the_key_just_above_as_well() -> None:
    parsed = parse(f"{ONE} ann's\nread-only\n".encode())
    assert not parsed.grants
    assert parsed.faults[0] == Fault(1, "line 2 below has options and no key: the two may be one line that was wrapped")
    assert parse(f"{ONE} ann's\nlaptop\n".encode()).grants == {ONE: Grant(ALL)}  # a comment's end takes nothing


def test_an_editors_mark_at_the_beginning_says_nothing() -> None:
    for content in (f"{ONE}\n", f"# mine\n{ONE}\n"):
        assert parse(content.encode("utf-8-sig")).grants == {ONE: Grant(ALL)}


def test_rights_end_when_they_end() -> None:
    consoles = parse(f'read-only,expiry-time="2026-06-01T12:00" {ONE}\n'.encode())
    until = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert consoles.rights_of(ONE, until - timedelta(seconds=1)) == Rights(read_only=True)
    assert consoles.rights_of(ONE, until) == "your console's key was welcome here until 2026-06-01 12:00 UTC"


def test_a_grant_that_expires_needs_to_know_the_time() -> None:
    consoles = parse(f'expiry-time="2026-06-01T12:00" {ONE}\n{TWO}\n'.encode())
    assert consoles.expires
    assert "clock is wrong" in str(consoles.rights_of(ONE, None))
    assert consoles.rights_of(TWO, None) == ALL
    assert not parse(f"{TWO}\n".encode()).expires


def test_others_have_none() -> None:
    for content in (b"", f"{TWO}\n".encode()):
        reason = parse(content).rights_of(ONE, NOW)
        assert isinstance(reason, str)
        assert "SHA256:Zmh6rfhivXdsj8GLjp" in reason
        assert "natpass-tui fingerprint" in reason


def test_kinds_are_those_that_the_agent_knows() -> None:
    content = f'kinds="made-up,shell" {ONE}\n'.encode()
    (fault,) = parse(content).faults
    assert fault.reason == "kinds are some of shell, exec, desktop, with commas between them"
    parsed = AuthorizedConsoles.parse(content, ["shell", "made-up"])
    assert parsed.grants == {ONE: Grant(Rights(frozenset({"shell", "made-up"})))}


def test_what_forwards_may_do_is_an_option_of_a_line() -> None:
    text = f'forward="10.0.0.0/8:22,[fd00::/8]:*",listen="none" {ONE}\nlisten="*:8080" {TWO}\n'
    grants = AuthorizedConsoles.parse(text.encode(), KINDS).grants
    assert [each.text for each in grants[ONE].rights.forward or ()] == ["10.0.0.0/8:22", "[fd00::/8]:*"]
    assert (grants[ONE].rights.listen, grants[TWO].rights.forward) == ((), None)


@pytest.mark.parametrize("option", ['forward="x"', 'forward=""', "forward", 'listen="*:80,"', 'listen="10.0.0.1/8:1"'])
def test_an_invalid_pattern_grants_nothing(option: str) -> None:
    parsed = AuthorizedConsoles.parse(f"{option} {ONE}\n{TWO} forward and listen to me\n".encode(), KINDS)
    assert list(parsed.grants) == [TWO]  # a comment may begin with these words, as it always could
    assert ONE in parsed.refused


def test_a_wrapped_option_of_forwards_refuses_its_neighbours() -> None:
    parsed = AuthorizedConsoles.parse(f'{ONE}\nforward="none"\n{TWO}\n'.encode(), KINDS)
    assert not parsed.grants
