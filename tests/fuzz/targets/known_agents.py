"""The file known_agents: the pins that were read are written, and read again."""

from datetime import UTC, datetime

from natpass_wire.identity.keys import PublicKey
from natpass_wire.identity.known import KnownAgents, MalformedError, Pin

_PIN = Pin("relay.example:6154", "box", PublicKey(bytes([1]) * 32), datetime(2026, 1, 31, 12, tzinfo=UTC))
SEEDS = (
    KnownAgents().with_pin(_PIN).to_bytes(),
    f"# x\r\n\r\n{_PIN.line()} with spaces\r\n".encode(),
    b"not a pin",
)


def target(data: bytes) -> None:
    """Read, write, read."""
    try:
        agents = KnownAgents.parse(data)
    except MalformedError as error:
        fault = str(error)
    else:
        _check(agents)
        fault = ""
    assert not fault or fault.isprintable()


def _check(agents: KnownAgents) -> None:
    again = KnownAgents.parse(agents.to_bytes())
    assert again.pins == agents.pins
    assert len(again.lines) == len(agents.lines)  # blank ones may lose a carriage return
    for pin in agents.pins:
        assert agents.find(pin.relay, pin.agent_id) == pin
        assert not agents.without([pin]).find(pin.relay, pin.agent_id)
