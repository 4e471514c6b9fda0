"""Seeds and short names."""

from __future__ import annotations

from services.domain.plan.trial_names import short_name, short_value, trial_seed


def test_seeds_differ_and_repeat() -> None:
    seeds = {trial_seed(0, point, replicate) for point in range(200) for replicate in range(5)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert trial_seed(7, 3, 1) == trial_seed(7, 3, 1)


def test_a_short_name_fits_a_column() -> None:
    values = {"model.dropout": 0.25, "train.optimizer": {"name": "adam", "lr": 0.001}, "train.l2": 1e-4}
    assert short_name(7, values) == "t007 dro .25 adam l2 1e-4"


def test_an_object_without_a_name_goes_by_its_first_value() -> None:
    values = {"train.l2": {"strength": 0.001, "scope": "weights"}}
    assert short_name(3, values) == "t003 l2 1e-3"
    assert short_value(values["train.l2"]) == "1e-3"
