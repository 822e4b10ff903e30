"""What the tables show, and that it fits."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from natpass_tui.links.forward.columns import (
    CONNECTION_COLUMNS,
    RULE_COLUMNS,
    ConnectionLine,
    RuleLine,
    details,
    tones,
    totals,
)
from natpass_tui.links.forward.meter import Rate
from natpass_tui.links.forward.rows import ConnectionRow, ForwardRow, ForwardState
from natpass_tui.links.forward.typed import parse_typed
from natpass_tui.widgets.cells import fit
from natpass_tui.widgets.columns import GAP, layout
from natpass_wire.text import is_printable
from tests.tui.fakes import NOW

WEB = parse_typed("L 8080:localhost:80")
PROXY = parse_typed("D 1080")
ROW = ForwardRow(WEB, ForwardState.LISTENING, "127.0.0.1:8080", 2, 37, 12_345, 6_789_000, ("127.0.0.1:51234",))
#: All columns, in the order in which a narrow table drops them.
BY_IMPORTANCE = ["", "LISTENS AT", "LEADS TO", "OPEN/ALL", "↑", "↓", "STATE", "RATE", "WHO", "LAST ERROR"]


@pytest.mark.parametrize("columns", [RULE_COLUMNS, CONNECTION_COLUMNS])
@pytest.mark.parametrize("width", range(40, 240))
def test_the_columns_fit_at_every_width(columns: tuple[object, ...], width: int) -> None:
    shown = layout(columns, width)  # type: ignore[arg-type, var-annotated]  # two types of rows
    assert sum(cells for _, cells in shown) + GAP * (len(shown) - 1) + 2 <= width


def test_a_narrow_table_drops_the_least_important_columns() -> None:
    shown = [{column.title for column, _ in layout(RULE_COLUMNS, width)} for width in range(30, 200)]
    for narrow, wide in itertools.pairwise(shown):
        assert narrow <= wide
    assert all(titles == set(BY_IMPORTANCE[: len(titles)]) for titles in shown)
    assert [len(titles) for titles in (shown[0], shown[80 - 30], shown[-1])] == [3, 7, 10]


def test_a_rule_that_runs() -> None:
    line = RuleLine(WEB, ROW, Rate(500.0, 1_200_000.0))
    texts = {column.title: column.text(line, NOW) for column in RULE_COLUMNS}
    assert texts == {
        "": "● L",
        "LISTENS AT": "127.0.0.1:8080",
        "LEADS TO": "localhost:80",
        "STATE": "listening",
        "OPEN/ALL": "2/37",
        "↑": "12 kB",
        "↓": "6.8 MB",
        "RATE": "1.2 MB/s",
        "WHO": "127.0.0.1:51234",
        "LAST ERROR": "",
    }
    assert details(line, "web") == [
        "L 8080:localhost:80 · listening at 127.0.0.1:8080",
        "2 of 37 connections open · ↑ 12 kB ↓ 6.8 MB · now ↑ 500 B/s ↓ 1.2 MB/s · from 127.0.0.1:51234",
        "",
    ]


def test_a_rule_of_the_config_file_that_does_not_run() -> None:
    line = RuleLine(PROXY, None)
    assert (line.state, line.address, line.target, line.mark[0]) == ("in tui.toml", "1080", "any (proxy)", "○")
    assert details(line, "web")[0] == "D 1080 · in tui.toml, not running · s starts it"
    assert totals([line]) == "no forward runs"
    assert totals([]) == ""


def test_the_line_above_adds_up() -> None:
    waiting = ForwardRow(PROXY, ForwardState.WAITING)
    lines = [RuleLine(WEB, ROW, Rate(1000.0, 2000.0)), RuleLine(PROXY, waiting, Rate(0.0, 500.0))]
    assert totals(lines) == "2 forwards · 1 listening · 2 open · ↑ 1.0 kB/s ↓ 2.5 kB/s"
    assert totals(lines[:1]).startswith("1 forward · 2 open")


@pytest.mark.parametrize(("state", "tone"), [(ForwardState.LISTENING, "good"), (ForwardState.FAILED, "bad")])
def test_the_state_has_a_colour(state: ForwardState, tone: str) -> None:
    line = RuleLine(WEB, ForwardRow(WEB, state))
    assert tones(line, ["", "LEADS TO", "STATE", "LAST ERROR"]) == (tone, "", tone, "bad")


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from([30, 80, 160, 240]))
def test_whatever_an_agent_says_is_one_line_that_is_safe_to_print(first: str, second: str, width: int) -> None:
    row = ForwardRow(WEB, ForwardState.LISTENING, first, 1, 1, 1, 1, (first, second), second, NOW)
    line = RuleLine(WEB, row)
    connection = ConnectionLine(ConnectionRow(WEB, first, second, NOW, 1, 1))
    texts = [fit(column.text(line, NOW), cells, right=column.right) for column, cells in layout(RULE_COLUMNS, width)]
    texts += [fit(column.text(connection, NOW), cells) for column, cells in layout(CONNECTION_COLUMNS, width)]
    texts += [*details(line, "web"), totals([line])]
    assert all(is_printable(character) for text in texts for character in text)
    for (_, cells), text in zip(layout(RULE_COLUMNS, width), texts, strict=False):
        assert cell_len(text) == cells
