"""Attackers other than the relay: strangers, clients, agents. Each runs in a network namespace with its own address."""
