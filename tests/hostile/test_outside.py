"""The attackers from outside in bounded form: `make hostile ARGS=outside` has the whole one."""

from collections.abc import Iterator

import pytest

from tests.hostile.outside import pictures
from tests.hostile.outside.machines import Machines, NoMachinesError, machines
from tests.hostile.outside.registry import ATTACKS
from tests.hostile.outside.run import run

pytestmark = [pytest.mark.programs, pytest.mark.slow, pytest.mark.timeout(180)]

_SECONDS = 4.0
#: Echo within 2 s rather than 50 ms: other tests run beside this, and the attacks stopped it for longer.
_SLACK = 40.0


@pytest.fixture(scope="module")
def here() -> Iterator[Machines]:
    try:
        with machines() as found:
            yield found
    except NoMachinesError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ATTACKS)
def test_honest_users_do_not_pay_for(name: str, here: Machines) -> None:
    attack = ATTACKS[name]
    result = run(here, attack, _SECONDS, attack.bounded)
    assert not result.faults(slack=_SLACK), result.line()


async def test_small_pictures_that_are_huge_do_not_stop_a_console() -> None:
    result = await pictures.run(_SECONDS)
    assert not result.faults(slack=_SLACK), result.line()
