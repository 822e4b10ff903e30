"""A rule as the user types it in the tab: a letter and its text, and what it means in words. Pure."""

from natpass_tui.links.forward.rules import ANY_HOST, Direction, ForwardRule, endpoint_text, parse
from natpass_wire.channels.events import Endpoint
from natpass_wire.errors import UserError
from natpass_wire.text import printable

_BY_LETTER = {direction.letter: direction for direction in Direction}
#: Examples, and what each means; ``{agent}`` stands for the agent's id.
EXAMPLES = (
    ("L 8080:localhost:80", "port 8080 here leads to port 80 of {agent}"),
    ("L 5432:db.internal:5432", "… or to a host that {agent} reaches"),
    ("R 9000:localhost:3000", "port 9000 of {agent} leads to port 3000 here"),
    ("D 1080", "a SOCKS and HTTP proxy; {agent} connects"),
    ("U 5353:10.0.0.1:53", "datagrams (UDP) go to a host that {agent} reaches"),
)
#: What stands in the empty line.
PLACEHOLDER = "L 8080:localhost:80 — L local, R remote, D proxy, U UDP"
#: Cells of the examples' first column.
_CELLS = 26
_NO_LETTER = "begin with L (local), R (remote), D (proxy) or U (UDP), as in L 8080:localhost:80"


def parse_typed(text: str) -> ForwardRule:
    """Return the rule of ``L 8080:localhost:80``, also with a dash or a small letter.

    Raises:
        UserError: it is no rule; the text says what is expected.
    """
    text = text.strip().removeprefix("-")
    direction = _BY_LETTER.get(text[:1].upper())
    if direction is None or not (text[1:2].isspace() or len(text) == 1):
        raise UserError(_NO_LETTER)
    rest = text[1:].strip()
    if not rest:
        example = next(example for example, _ in EXAMPLES if example.startswith(direction.letter))
        raise UserError(f"the rule is missing, as in {example}")
    return parse(direction, rest)


def typed_text(rule: ForwardRule) -> str:
    """Return a rule as the user types it, safe to print."""
    return rule.option.removeprefix("-")


def hint(text: str, agent: str) -> tuple[str, bool]:
    """Return what to show below the line while it is typed, and whether it is a fault: the meaning, or what is wrong.

    Args:
        text: what is typed so far.
        agent: the agent's id.
    """
    if not text.strip():
        return examples(agent), False
    try:
        return meaning(parse_typed(text), agent), False
    except UserError as error:
        return str(error), True


def examples(agent: str) -> str:
    """Return the examples, a line for each."""
    return "\n".join(f"{rule:<{_CELLS}}{means.format(agent=agent)}" for rule, means in EXAMPLES)


def meaning(rule: ForwardRule, agent: str) -> str:
    """Return what a rule does, in words, safe to print."""
    listen = _place(rule.listen)
    target = endpoint_text(rule.target) if rule.target is not None else ""
    match rule.direction:
        case Direction.LOCAL:
            text = f"{listen} here leads to {target} at {agent}"
        case Direction.REMOTE:
            text = f"{listen} at {agent} leads to {target} here"
        case Direction.DYNAMIC:
            text = f"{listen} here is a SOCKS and HTTP proxy; {agent} connects"
        case Direction.DATAGRAMS:
            text = f"datagrams to {listen} here go to {target} at {agent}"
    return printable(text, 400)


def _place(end: Endpoint) -> str:
    """Return where something listens, in words."""
    if end.path or (end.host and end.host != ANY_HOST):
        return endpoint_text(end)
    port = f"port {end.port}" if end.port else "a free port"
    return f"{port} of all addresses" if end.host == ANY_HOST else port
