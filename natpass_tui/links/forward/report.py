"""What a running `natpass-tui forward` says: one line, or one JSON object, for each thing that happens. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from natpass_tui.links.forward.rows import ForwardRow, ForwardState
from natpass_tui.links.forward.rules import Direction, ForwardRule, endpoint_text
from natpass_tui.model.naming import about
from natpass_wire.text import printable

#: Seconds within which the same line about the same rule is said once.
QUIET_SECONDS = 10.0
#: Lines that are remembered for that.
_MOST_REMEMBERED = 256


def listening_line(agent: str, row: ForwardRow) -> str:
    """Return the line about a rule that listens."""
    target = printable(endpoint_text(row.rule.target)) if row.rule.target is not None else ""
    match row.rule.direction:
        case Direction.REMOTE:
            return f"listening on {agent} at {row.address} -> here -> {target}"
        case Direction.DYNAMIC:
            return f"listening on {row.address} -> {agent} -> where its clients say (SOCKS5, SOCKS4a, HTTP CONNECT)"
        case Direction.DATAGRAMS:
            return f"listening on {row.address} (UDP) -> {agent} -> {target}"
        case Direction.LOCAL:
            return f"listening on {row.address} -> {agent} -> {target}"


class ForwardReport:
    """Says what has changed since it was last told.

    Args:
        out: prints a line about a listener, or a JSON object.
        err: prints a line about what went wrong.
        clock: seconds, monotonic.
        as_json: JSON for everything.
    """

    def __init__(
        self,
        out: Callable[[str], None],
        err: Callable[[str], None],
        clock: Callable[[], float],
        *,
        as_json: bool = False,
    ) -> None:
        self._out = out
        self._err = err
        self._clock = clock
        self._as_json = as_json
        self._states: dict[tuple[str, ForwardRule], tuple[ForwardState, str]] = {}
        self._waiting: dict[str, str] = {}
        self._said: dict[tuple[str, str], float] = {}

    def update(self, agent: str, rows: Sequence[ForwardRow], waiting: str) -> None:
        """Say what is new: rules that listen now, and an agent that is away or back.

        Args:
            agent: the agent.
            rows: its rules.
            waiting: why it can't be reached; empty: it can.
        """
        before = self._waiting.get(agent, "")
        self._waiting[agent] = waiting
        if waiting and not before:
            text = f"{waiting}; waiting for it"
            if any(state is ForwardState.LISTENING for (each, _), (state, _) in self._states.items() if each == agent):
                text = f"cut off ({waiting}); reconnecting, new connections are refused"
            self._say({"event": "away", "agent": agent, "text": waiting}, about(agent, text))
        elif before and not waiting:
            self._say({"event": "back", "agent": agent}, f"{agent} is back")
        for row in rows:
            state = row.state, row.address
            if self._states.get((agent, row.rule)) == state:
                continue
            self._states[agent, row.rule] = state
            if row.state is ForwardState.LISTENING:
                event = {"event": "listening", "agent": agent, "rule": row.rule.option, "address": row.address}
                self._say(event, listening_line(agent, row), to=self._out)

    def failed(self, agent: str, rule: ForwardRule, text: str) -> None:
        """Say what went wrong; the same thing only now and then."""
        now = self._clock()
        key = (f"{agent} {rule.option}", text)
        if now - self._said.get(key, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        self._said.pop(key, None)
        self._said[key] = now
        if len(self._said) > _MOST_REMEMBERED:
            del self._said[next(iter(self._said))]
        shown = text
        if not text.startswith(rule.option):
            target = printable(endpoint_text(rule.target)) if rule.target is not None else ""
            shown = f"{rule.option}: {text.removeprefix(f'{target}: ') if target else text}"  # it names its target
        self._say({"event": "error", "agent": agent, "rule": rule.option, "text": text}, f"{agent}: {shown}")

    def ended(self, agent: str, rows: Sequence[ForwardRow]) -> None:
        """Say, in JSON, what each rule has carried."""
        for row in rows if self._as_json else ():
            counts = {"connections": row.total, "bytes_sent": row.sent, "bytes_received": row.received}
            self._say({"event": "end", "agent": agent, "rule": row.rule.option, **counts}, "")

    def _say(self, event: Mapping[str, Any], text: str, to: Callable[[str], None] | None = None) -> None:
        if self._as_json:
            self._out(json.dumps(event))
        else:
            (to or self._err)(text)
