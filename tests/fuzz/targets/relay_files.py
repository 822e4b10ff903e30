"""The files that a relay keeps over a restart: networks, and agents that are away."""

from natpass_relay import remembered_agents
from natpass_relay.remembered import MOST_NETWORKS, RememberedNetworks
from natpass_relay.roster import Publisher
from natpass_relay.sources import source_of
from natpass_wire.ids import client_id_fault

SEEDS = (
    b"natpass-networks 1\n192.0.2.1 3 20000\n2001:db8::/64 1 20000\n2001:db8::/48 2 19999\n",
    b"natpass-networks 1\n192.0.2.1 99999999999 20001\nx 1 \xc2\xb2\n",
    b'natpass-agents 1\n{"id": "box", "since": 1727999999000, "network": "192.0.2.1", "about": {"host": "h"}}\n',
    b'natpass-agents 1\n{"id": "box", "since": -1, "network": "::1"}\n[[[\n',
)
_DAY = 20_000
_NOW_MS = _DAY * 86_400_000


def target(data: bytes) -> None:
    """Read both, and what is written of it again."""
    text = data.decode(errors="replace")
    networks = RememberedNetworks()
    networks.read(text, _DAY)
    assert len(networks) <= MOST_NETWORKS
    networks.logged_in(source_of("198.51.100.7"), _DAY)
    again = RememberedNetworks()
    again.read(networks.to_text(), _DAY)
    assert len(again) == len(networks)

    agents = remembered_agents.read(text, _NOW_MS)
    for agent in agents:
        assert not client_id_fault(agent.client_id)
        assert 0 < agent.away_since_unix_ms <= _NOW_MS
        assert len(agent.network) <= 64
    assert remembered_agents.read(remembered_agents.to_text(agents), _NOW_MS) == agents
    publisher = Publisher()
    publisher.restore(agents)
    publisher.publish(1.0)
