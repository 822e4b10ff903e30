"""All attacks, by name."""

from tests.hostile.outside.attack import Attack
from tests.hostile.outside.attacks import clients, costs, links, strangers

ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in sorted(
        [*strangers.ATTACKS, *clients.ATTACKS, *costs.ATTACKS, *links.ATTACKS], key=lambda attack: attack.row
    )
}
