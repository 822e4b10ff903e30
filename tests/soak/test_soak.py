"""Twenty seconds of the soak, and its arithmetic."""

from pathlib import Path

import pytest

from tests.soak.memory import growth_per_hour
from tests.soak.run import Soak


@pytest.mark.programs
@pytest.mark.slow
async def test_a_short_soak_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    outcome = await Soak(tmp_path, 1, 3).run(20.0)
    assert not outcome.faults(), outcome.text()
    assert outcome.counts["visits"] > 3
    assert outcome.counts["cuts"] > 0
    assert outcome.counts["consoles"] > 0
    assert outcome.counts["agents"] > 0


def test_growth_is_told_from_noise() -> None:
    noisy = [(float(at), 100e6 + (at % 7) * 1e6) for at in range(3600)]
    assert abs(growth_per_hour(noisy)) < 0.1
    grown = [(at, size * (1 + 0.05 * at / 3600)) for at, size in noisy]
    assert 4 < growth_per_hour(grown) < 6


def test_a_short_run_has_no_growth() -> None:
    assert growth_per_hour([]) == growth_per_hour([(0.0, 1.0)]) == 0.0
