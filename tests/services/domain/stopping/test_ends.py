"""Rules that end a trial by its own curve, or the whole sweep."""

from __future__ import annotations

import pytest

from services.domain.spec.objective import Objective
from services.domain.stopping import all_rules
from services.domain.stopping.budget import Budget
from services.domain.stopping.plateau import Plateau
from services.domain.stopping.target import Target

MAXIMIZE = Objective(metric="val/acc", goal="maximize")
MINIMIZE = Objective(metric="val/loss", goal="minimize")


def test_every_rule_has_its_file_s_name() -> None:
    assert list(all_rules()) == ["budget", "first-epoch", "halving", "median", "plateau", "target"]
    assert all(rule.model_fields["name"].default == name for name, rule in all_rules().items())


@pytest.mark.parametrize(
    ("epoch", "best", "ends"), [(5, 3, False), (6, 3, True), (2, None, False), (3, None, True)]
)
def test_plateau_counts_from_the_best_epoch(epoch: int, best: int | None, ends: bool) -> None:
    assert bool(Plateau(patience=3).reason(epoch, best)) is ends


def test_plateau_says_since_when() -> None:
    assert Plateau(patience=2).reason(7, 5) == "no better value than that of epoch 5 in 2 epochs"


@pytest.mark.parametrize(
    ("objective", "best", "ends"),
    [(MAXIMIZE, 0.9, True), (MAXIMIZE, 0.89, False), (MINIMIZE, 0.9, True), (MINIMIZE, 0.91, False)],
)
def test_target_is_reached_in_the_direction_of_the_goal(
    objective: Objective, best: float, ends: bool
) -> None:
    assert bool(Target(value=0.9).reason(best, 1e9, objective)) is ends
    assert Target(value=0.9).reason(None, 1e9, objective) is None


def test_a_budget_of_seconds_ends_the_sweep_and_one_of_epochs_does_not() -> None:
    assert Budget(seconds=60).reason(None, 59.9, MAXIMIZE) is None
    assert Budget(seconds=60).reason(None, 60, MAXIMIZE) == "the budget of 60 s is spent"
    assert Budget(epochs=1).reason(None, 1e9, MAXIMIZE) is None
