"""What the tab's two tables show: the rules, and the connections of one. Pure: no Textual."""

from dataclasses import dataclass

from natpass_tui.links.forward.meter import NOTHING, Rate
from natpass_tui.links.forward.rows import ConnectionRow, ForwardRow, ForwardState
from natpass_tui.links.forward.rules import Direction, ForwardRule, endpoint_text
from natpass_tui.links.forward.typed import typed_text
from natpass_tui.model.sizes import rate, size
from natpass_tui.model.times import clock
from natpass_tui.widgets.columns import Column
from natpass_wire.durations import age
from natpass_wire.text import printable

#: What a rule of the config file that does not run is called.
OFFERED = "in tui.toml"
_MARKS = {
    ForwardState.LISTENING: ("●", "good"),
    ForwardState.STARTING: ("◐", "warn"),
    ForwardState.WAITING: ("◐", "warn"),
    ForwardState.FAILED: ("!", "bad"),
}
_SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule, as the tab knows it.

    Attributes:
        rule: the rule.
        row: its state; None: it is in the config file, and does not run.
        rate: its bytes a second.
    """

    rule: ForwardRule
    row: ForwardRow | None
    rate: Rate = NOTHING

    @property
    def mark(self) -> tuple[str, str]:
        """One character for the state, and its tone."""
        return _MARKS[self.row.state] if self.row is not None else ("○", "")

    @property
    def state(self) -> str:
        """The state in words."""
        return self.row.state.value if self.row is not None else OFFERED

    @property
    def address(self) -> str:
        """Where it listens, or would."""
        if self.row is not None and self.row.address:
            return printable(self.row.address)
        end = self.rule.listen
        return printable(endpoint_text(end) if end.path or end.host else str(end.port))

    @property
    def target(self) -> str:
        """Where its connections go to."""
        if self.rule.target is None:
            return "any (proxy)"
        return printable(endpoint_text(self.rule.target))

    @property
    def clients(self) -> str:
        """Who connected last."""
        return ", ".join(printable(client, 60) for client in self.row.clients) if self.row is not None else ""

    @property
    def error(self) -> str:
        """What went wrong last, and when."""
        if self.row is None or not self.row.last_error:
            return ""
        return f"{clock(self.row.error_at)} {printable(self.row.last_error)}"


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """One connection, as the tab knows it."""

    row: ConnectionRow
    rate: Rate = NOTHING


def _counts(line: RuleLine, _: float) -> str:
    return f"{line.row.open}/{line.row.total}" if line.row is not None else ""


def _size(count: int | None) -> str:
    return size(count) if count is not None else ""


def _rate(measured: Rate) -> str:
    both = measured.sent + measured.received
    return rate(both) if both >= 1 else ""


#: The second argument of a column's text is the time in Unix seconds.
RULE_COLUMNS: tuple[Column[RuleLine, float], ...] = (
    Column("", lambda line, _: f"{line.mark[0]} {line.rule.direction.letter}", 3, 3),
    Column("LISTENS AT", lambda line, _: line.address, 14, 34, weight=2),
    Column("LEADS TO", lambda line, _: line.target, 14, 40, weight=3),
    Column("STATE", lambda line, _: line.state, 11, 11, from_width=76),
    Column("OPEN/ALL", _counts, 8, 11, from_width=47, right=True),
    Column("↑", lambda line, _: _size(line.row.sent if line.row is not None else None), 6, 6, 0, 63, right=True),
    Column("↓", lambda line, _: _size(line.row.received if line.row is not None else None), 6, 6, 0, 63, right=True),
    Column("RATE", lambda line, _: _rate(line.rate), 8, 8, from_width=90, right=True),
    Column("WHO", lambda line, _: line.clients, 16, 48, weight=2, from_width=112),
    Column("LAST ERROR", lambda line, _: line.error, 20, 72, weight=3, from_width=138),
)
CONNECTION_COLUMNS: tuple[Column[ConnectionLine, float], ...] = (
    Column("WHO", lambda line, _: printable(line.row.client), 16, 48, weight=2),
    Column("LEADS TO", lambda line, _: printable(line.row.target), 14, 60, weight=3, from_width=50),
    Column("FOR", lambda line, now: age(now - line.row.since), 7, 7, from_width=69, right=True),
    Column("↑", lambda line, _: size(line.row.sent), 6, 6, right=True),
    Column("↓", lambda line, _: size(line.row.received), 6, 6, right=True),
    Column("RATE", lambda line, _: _rate(line.rate), 8, 8, from_width=60, right=True),
)
#: The tone of a rule's mark and state stands in these columns; that of an error in the last.
_STATE_COLUMNS = frozenset({"", "STATE"})


def tones(line: RuleLine, titles: list[str]) -> tuple[str, ...]:
    """Return the tone of each column, by their titles."""
    tone = line.mark[1]
    return tuple(tone if title in _STATE_COLUMNS else "bad" if title == "LAST ERROR" else "" for title in titles)


def totals(lines: list[RuleLine]) -> str:
    """Return the line above the rules: how many there are, and what they carry."""
    running = [line.row for line in lines if line.row is not None]
    if not running:
        return "no forward runs" if lines else ""
    listening = sum(row.state is ForwardState.LISTENING for row in running)
    words = [f"{len(running)} forward{'s' * (len(running) != 1)}"]
    if listening != len(running):
        words.append(f"{listening} listening")
    words.append(f"{sum(row.open for row in running)} open")
    up, down = (sum(part) for part in zip(*((line.rate.sent, line.rate.received) for line in lines), strict=True))
    if up + down >= 1:
        words.append(f"↑ {rate(up)} ↓ {rate(down)}")
    return _SEPARATOR.join(words)


def details(line: RuleLine, agent: str) -> list[str]:
    """Return three lines about the rule under the cursor, of which a narrow table shows parts only."""
    rule, row = line.rule, line.row
    if row is None:
        return [f"{typed_text(rule)}{_SEPARATOR}in tui.toml, not running{_SEPARATOR}s starts it", "", ""]
    how = row.state.value
    if row.state is ForwardState.LISTENING:
        how += f" at {line.address}{f' of {agent}' if rule.direction is Direction.REMOTE else ''}"
    elif row.state is ForwardState.WAITING and row.why:
        how += f" ({printable(row.why)})"
    kind = "flow" if rule.direction is Direction.DATAGRAMS else "connection"
    counts = f"{row.open} of {row.total} {kind}{'s' * (row.total != 1)} open" if row.total else f"no {kind} yet"
    figures = [counts, f"↑ {size(row.sent)} ↓ {size(row.received)}"]
    if line.rate.sent + line.rate.received >= 1:
        figures.append(f"now ↑ {rate(line.rate.sent)} ↓ {rate(line.rate.received)}")
    if line.clients:
        figures.append(f"from {line.clients}")
    error = f"last error {line.error}" if line.error else ""
    return [f"{typed_text(rule)}{_SEPARATOR}{how}", _SEPARATOR.join(figures), error]
