"""The attacks: what the attacker does for a plan's seconds, and what he counted."""
