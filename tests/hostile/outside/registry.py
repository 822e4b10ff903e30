"""All attacks, by name."""

from tests.hostile.outside.attack import Attack
from tests.hostile.outside.attacks import clients, costs, forwards, strangers

ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in sorted(
        [*strangers.ATTACKS, *clients.ATTACKS, *costs.ATTACKS, *forwards.ATTACKS], key=lambda attack: attack.row
    )
}
