"""services/domain/plan/trial_seed.py."""

from __future__ import annotations

from services.domain.plan.trial_seed import trial_seed


def test_seeds_differ_and_repeat() -> None:
    seeds = {trial_seed(0, point, replicate) for point in range(200) for replicate in range(5)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert trial_seed(7, 3, 1) == trial_seed(7, 3, 1)
