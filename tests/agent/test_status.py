"""What an agent says of itself and its links; without one."""

import json
from dataclasses import replace
from typing import Any

import pytest

from natpass_agent.status import AgentStatus, LinkStatus, link_from_json
from natpass_wire.errors import RemoteProtocolError

KEY = "SHA256:" + "k" * 43
ATTACHED = LinkStatus("a1b2", "shell", "tui-1", KEY, "bash -l", 42, "2026-11-30T03:00:00Z", 725)
DETACHED = replace(ATTACHED, detached_seconds=725, detached_reason="tui-1 is gone", kept_seconds=2875)
STATUS = AgentStatus(
    "web1", "0.1.0", 41, "2026-11-30T01:00:00Z", 7525, "relay.example.org:6154", True, 7501, "", 12.345, (ATTACHED,)
)


def test_a_link_is_told_with_who_has_it_and_what_runs() -> None:
    assert STATUS.lines() == [
        "agent web1 (natpass 0.1.0, pid 41): up for 2 h 05 min",
        "relay relay.example.org:6154: connected for 2 h 05 min, round trip 12.3 ms",
        "1 link:",
        "a1b2  shell for 12 min: bash -l (pid 42)",
        "      console tui-1",
        f"      key {KEY}",
        "      attached",
    ]


def test_a_detached_link_is_told_with_how_long_it_is_kept() -> None:
    lines = replace(STATUS, links=(DETACHED, replace(DETACHED, id="c3d4", key=None, program=None, pid=None))).lines()
    assert lines[2] == "2 links:"
    assert lines[6] == "      detached since 12 min, kept for another 47 min (tui-1 is gone)"
    assert lines[7] == "c3d4  shell for 12 min: nothing runs"
    assert lines[9] == "      not sealed"
    longest = replace(DETACHED, program="x" * 500, console="c" * 64)
    assert max(len(line) for line in replace(STATUS, links=(longest,)).lines()) <= 80


def test_what_runs_need_not_be_a_process() -> None:
    assert ATTACHED.name == "a1b2: shell of tui-1 (bash -l, pid 42)"
    assert replace(ATTACHED, pid=None).name == "a1b2: shell of tui-1 (bash -l)"
    assert replace(ATTACHED, program=None, pid=None).name == "a1b2: shell of tui-1"


def test_a_relay_out_of_reach_is_told_with_the_reason() -> None:
    away = replace(STATUS, is_connected=False, relay_reason="Connection refused", relay_seconds=61, links=())
    assert away.lines()[1:] == [
        "relay relay.example.org:6154: not connected for 1 min (Connection refused)",
        "no links",
    ]


def test_the_json_arrives_as_it_was() -> None:
    status = replace(STATUS, links=(ATTACHED, DETACHED))
    assert AgentStatus.from_json(json.loads(json.dumps(status.to_json()))) == status
    assert AgentStatus.from_json({**status.to_json(), "new": {}, "links": []}).links == ()  # a newer agent's


def test_texts_are_safe_to_print_whoever_made_them() -> None:
    fields: dict[str, Any] = json.loads(json.dumps(STATUS.to_json()))
    fields["links"][0]["program"] = fields["agent"] = "a\x1b]52;c;aGk=\a\u202e\n"
    status = AgentStatus.from_json(fields)
    for text in (*status.lines(), status.links[0].name):
        assert not set(text) & {"\x1b", "\a", "\n", "\u202e"}


@pytest.mark.parametrize(
    "wrong", [{"pid": "41"}, {"links": None}, {"links": [7]}, {"agent": None}, {"up_seconds": {}}, {"links": [{}]}]
)
def test_what_is_no_status_is_said(wrong: dict[str, object]) -> None:
    with pytest.raises(RemoteProtocolError):
        AgentStatus.from_json({**json.loads(json.dumps(STATUS.to_json())), **wrong})
    with pytest.raises(RemoteProtocolError):
        link_from_json({})
